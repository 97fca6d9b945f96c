"""``bench run``: sweep codecs over their rates on a data set."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec.devices import devices
from bench.commands.arguments import finite, names, natural, positive, shard
from bench.planning.limits import TASK_SHAPES
from bench.planning.profile import shipped

if TYPE_CHECKING:
    from bench.planning.limits import Limits, Timeouts
    from bench.planning.plan import Plan, Request
    from bench.planning.profile import Profile
    from bench.results.rows import SetRow
    from bench.results.store import RunFolder

EPILOG = """examples:
  python -m bench run
  python -m bench run --codecs draco,draco-simplify --dataset folder:meshes/ --limit 10
  python -m bench run --codecs necgs@k64+k96,necgs@k64:entropy=huffman --dataset sample:humans
  python -m bench run --profile paper --codecs necgs-paper,necgs,gpcc --dataset mixed --data-root ~/data --device cuda
  python -m bench run --dry-run

A run that was interrupted goes on with the same command: finished jobs are not done again.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "run",
        help="sweep codecs over their rates, decode, measure, report",
        description="Sweeps every codec over its rates on a data set, decodes the archives in fresh processes, "
        "measures what came back, and writes rows, a summary, tables and figures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_what(parser.add_argument_group("what to run"))
    _add_how(parser.add_argument_group("how to run"))
    _add_again(parser.add_argument_group("what to do again, and what to leave out"))
    _add_output(parser.add_argument_group("what to say and keep"))
    parser.set_defaults(run=run)


def _add_what(group: Any) -> None:
    group.add_argument(
        "--profile",
        default="quick",
        help=f"{', '.join(shipped())}, or the path of a .toml file (default: quick)",
    )
    group.add_argument(
        "--codecs",
        type=names,
        help="names, comma separated; NAME@RATE takes one rate, NAME:KEY=VALUE is a variant (default: the profile's)",
    )
    group.add_argument(
        "--rates", type=names, metavar="LABELS", help="only these rates, comma separated; see: bench codecs NAME"
    )
    group.add_argument(
        "--dataset",
        type=split_datasets,
        help="sample, ama, dt4d, thingi10k, mixed, folder:PATH, procedural:N, poses:N; comma separated",
    )
    group.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets lie")
    group.add_argument("--split", type=Path, metavar="FILE", help="a list of the shapes to take")
    group.add_argument("--per-set", type=positive, metavar="N", help="shapes of each set in mixed (default: 200)")
    group.add_argument("--limit", type=positive, metavar="N", help="take N shapes, spread evenly over the set")
    group.add_argument("--seed", type=natural, default=0, help="all randomness derives from it (default: 0)")


def _add_how(group: Any) -> None:
    group.add_argument(
        "--device",
        type=devices,
        default="auto",
        metavar="DEVICE",
        help="auto (default: all GPUs that there are, a job on each), cpu, cuda, cuda:1, cuda:0,cuda:1",
    )
    group.add_argument("--workers", type=positive, metavar="N", help="jobs at a time (default: one per core)")
    group.add_argument(
        "--threads", type=positive, default=1, metavar="N", help="CPU threads a job may use (default: 1)"
    )
    group.add_argument(
        "--timeout",
        type=finite,
        metavar="S",
        help="seconds a job of up to 48 shapes may take to encode, to decode and to measure; larger sets get more in "
        "proportion",
    )
    group.add_argument(
        "--memory-limit",
        type=finite,
        metavar="GB",
        help="memory a job may use (default: 90 %% over the jobs at a time; with --scheduler none)",
    )
    group.add_argument(
        "--max-memory",
        type=finite,
        metavar="GB",
        help="memory that decoding may ask for (default: by the length of the archive, from 512 MiB on)",
    )
    group.add_argument("--executor", choices=("local", "dask"), default="local", help="where jobs run (default: local)")
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="address of a Dask scheduler (default: one on this machine)"
    )
    group.add_argument(
        "--task-shapes",
        type=positive,
        default=TASK_SHAPES,
        metavar="N",
        help=f"with Dask: shapes of a set that are one task (default: {TASK_SHAPES})",
    )
    group.add_argument("--shard", type=shard, metavar="I/N", help="do the I-th of N parts of the jobs; see bench merge")


def _add_again(group: Any) -> None:
    group.add_argument("--retry-failed", action="store_true", help="do failed jobs again")
    group.add_argument("--remeasure", action="store_true", help="decode and measure the run's archives again")
    group.add_argument(
        "--skip-unavailable", action="store_true", help="go on without named codecs or data that are missing"
    )
    group.add_argument("--skip-invalid", action="store_true", help="leave invalid shapes out and list them")
    group.add_argument("--dry-run", action="store_true", help="list the jobs, say what they will take, and stop")


def _add_output(group: Any) -> None:
    group.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/DATASET-PROFILE)")
    group.add_argument("--cache", type=Path, metavar="DIR", help="cache of prepared meshes and volumes")
    group.add_argument("--no-report", action="store_true", help="leave tables and figures to bench report")
    group.add_argument("--keep-decoded", action="store_true", help="keep the decoded meshes in the run folder")
    loud = group.add_mutually_exclusive_group()
    loud.add_argument("--quiet", action="store_true", help="say nothing but failures; RUN/run.log has every line")
    loud.add_argument("--verbose", action="store_true", help="say which job begins which phase")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.commands.preparing import Preparing
    from bench.execution.run import execute
    from bench.execution.run_log import NORMAL, QUIET, VERBOSE
    from bench.planning.plan import make_plan, waiting_jobs
    from bench.results.store import RunFolder

    try:
        request = build_request(args, sys.argv[1:])
        folder = RunFolder(request.out)
        plan = make_plan(request, None if args.quiet else Preparing())
        if args.keep_decoded and not args.quiet:
            _say_what_is_not_kept(plan, folder)
        if args.dry_run:
            _print_jobs(plan, waiting_jobs(plan, folder))
            return 0
        rows = execute(plan, folder, verbosity=QUIET if args.quiet else VERBOSE if args.verbose else NORMAL)
        _publish(plan, folder, args)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(
            f"bench run: {error}; what is finished is stored; mend it and run the same command again", file=sys.stderr
        )
        return 1
    return _verdict(rows, folder, plan, quiet=args.quiet)


def _say_what_is_not_kept(plan: Plan, folder: RunFolder) -> None:
    """Finished jobs are not done again, not even for their decoded meshes."""
    from bench.planning.plan import waiting_jobs

    finished = {job.key for job in plan.jobs} - {job.key for job in waiting_jobs(plan, folder)}
    rows = [row for row in folder.set_rows() if row["job"] in finished]
    good = [row for row in rows if row["status"] == "ok" and row["failed"] < row["shapes"]]
    if bare := sum(not folder.decoded(row["archive"]).is_dir() for row in good):
        print(
            f"bench run: --keep-decoded: {bare} of {len(plan.jobs)} jobs were finished without it and keep no meshes; "
            "with --remeasure they are decoded again",
            file=sys.stderr,
        )


def _publish(plan: Plan, folder: RunFolder, args: argparse.Namespace) -> None:
    """Tables and figures, once the jobs of all shards are done."""
    from bench.commands.publish import publish
    from bench.planning.plan import waiting_jobs

    if args.no_report:
        return
    if not args.shard or not waiting_jobs(dataclasses.replace(plan, jobs=plan.jobs_of_all_shards), folder):
        publish(folder)
    elif not args.quiet:
        print("no report yet: other shards have jobs to do, into this folder or one of their own (bench merge)")


def build_request(args: argparse.Namespace, argv: Sequence[str] = ()) -> Request:
    """The request that the command line and the profile make together; ``argv`` goes into the manifest."""
    from bench.cache import default_cache
    from bench.planning import profile as profiles
    from bench.planning.chosen_rates import ChosenRates, without_rates
    from bench.planning.plan import Request

    profile = profiles.read(args.profile)
    codecs, labels = without_rates(args.codecs) if args.codecs else (profile.codecs, {})
    data = tuple(args.dataset) if args.dataset else (profile.dataset,)
    limit = args.limit or profile.limit
    timeouts = profile.timeout_s
    if args.timeout is not None:
        timeouts = dataclasses.replace(timeouts, encode=args.timeout, decode=args.timeout, measure=args.timeout)
    out = args.out or _default_out(profile, data, args)
    cache = (args.cache or default_cache()).expanduser().resolve()
    _check_folder(out, "--out")
    _check_folder(cache, "--cache" if args.cache else "the cache (--cache, NECGS_BENCH_CACHE)")
    return Request(
        profile=profile,
        codecs=codecs,
        datasets=data,
        out=out,
        cache=cache,
        rates=ChosenRates(tuple(args.rates or ()), labels),
        data_root=args.data_root,
        split=args.split,
        per_set=args.per_set,
        limit=limit,
        seed=args.seed,
        device=args.device,
        executor="dask" if args.scheduler else args.executor,
        scheduler=args.scheduler,
        task_shapes=args.task_shapes,
        workers=args.workers or profile.workers,
        limits=_limits(args, timeouts),
        shard=args.shard,
        keep_decoded=args.keep_decoded,
        retry_failed=args.retry_failed,
        remeasure=args.remeasure,
        skip_unavailable=args.skip_unavailable,
        skip_invalid=args.skip_invalid,
        argv=tuple(argv),
    )


def _limits(args: argparse.Namespace, timeouts: Timeouts) -> Limits:
    from bench.planning.limits import Limits

    return Limits(
        threads=args.threads,
        memory_mb=None if args.memory_limit is None else args.memory_limit * 1024,
        timeouts=timeouts,
        max_memory=None if args.max_memory is None else int(args.max_memory * (1 << 30)),
    )


def _default_out(profile: Profile, data: tuple[str, ...], args: argparse.Namespace) -> Path:
    """The same command leads to the same folder, so that an interrupted run goes on."""
    slug = "+".join("".join(c if c.isalnum() else "-" for c in spec).strip("-") for spec in data)
    parts = [slug, profile.name]
    parts += [f"n{args.limit}"] if args.limit else []
    parts += [f"per{args.per_set}"] if args.per_set else []
    parts += [args.split.stem] if args.split else []
    parts += [f"seed{args.seed}"] if args.seed else []
    parts += [f"shard{args.shard[0]}of{args.shard[1]}"] if args.shard else []
    return Path("runs") / "-".join(parts)


def _print_jobs(plan: Plan, todo: list[Any]) -> None:
    from bench.execution.run import forecast_of_all, needs

    waiting = {job.key for job in todo}
    for job in plan.jobs:
        state = "to do" if job.key in waiting else "done "
        settings = ", ".join(f"{key}={value}" for key, value in job.settings.items())
        print(f"{state}  {job.dataset}  {job.codec}  {job.rate}  {job.device}  {settings}")
    print(
        f"{len(plan.jobs)} jobs, {len(todo)} to do, {plan.workers} at a time; run folder {plan.request.out}"
        f"{forecast_of_all(plan, todo)}"
    )
    for line in needs(plan, todo):
        print(line)


def _verdict(rows: list[SetRow], folder: RunFolder, plan: Plan, *, quiet: bool) -> int:
    """Print table, report and failures; returns the exit code."""
    from bench.commands.terminal import coloured, width
    from bench.execution.progress import describe_failures
    from bench.results.rows import is_clean
    from bench.results.summary import console_table

    if not quiet:
        print(console_table(folder, width()))
        if (folder.path / "report").exists():
            print(f"\nreport: {folder.path / 'report' / 'report.md'}")
    failed = [row for row in rows if not is_clean(row)]
    for row in failed:
        reason = row["message"].splitlines()[0] if row["message"] else describe_failures(row)
        print(
            f"{coloured('failed:', 'red', sys.stderr)} {row['dataset']} {row['codec']} {row['rate']}: {reason}",
            file=sys.stderr,
        )
    if failed:
        print(
            f"to try {'it' if len(failed) == 1 else 'them'} again: {_once_more(_short_of_time(failed, folder), plan)}",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _short_of_time(failed: list[SetRow], folder: RunFolder) -> list[SetRow]:
    """Of failed jobs those that more time would help: the set's ran out, or that of a shape."""
    from bench.results.rows import shape_rows

    keys = {row["job"] for row in failed}
    jobs = [job for job in folder.jobs() if job.whole["job"] in keys]
    return [
        job.whole
        for job in jobs
        if any(
            row["status"] == "timeout" or "--timeout" in row["message"] for row in (job.whole, *shape_rows(job.rows))
        )
    ]


def _once_more(late: list[SetRow], plan: Plan) -> str:
    """The command that does failed jobs again, with more time than these had."""
    shapes = plan.request.limits.timeouts.shapes
    limits = [_seconds_for_a_small_set(row, shapes) for row in late]
    words = [word for word in sys.argv[1:] if word != "--retry-failed"]
    more = [f"--timeout {2 * max(limits):.0f}"] if limits else []
    return " ".join(["python -m bench", *map(shlex.quote, words), "--retry-failed", *more])


def _seconds_for_a_small_set(row: SetRow, shapes: int) -> float:
    """The ``--timeout`` that the job had: its limit, without what a set of more than ``shapes`` gets in addition."""
    timings = row["encode"], row["decode"], row["measure"]
    allowed = max((timing["limit_s"] for timing in timings if timing), default=0.0)
    return allowed / max(1.0, row["shapes"] / shapes)


def split_datasets(text: str) -> list[str]:
    """The data sets that commas separate; the path of a folder may hold commas itself, if it is there."""
    names(text)  # raises where there is none
    pieces, found = text.split(","), []
    while pieces:
        taken = 1
        if pieces[0].strip().startswith("folder:"):
            paths = {n: Path(",".join(pieces[:n]).strip().removeprefix("folder:")) for n in range(1, len(pieces) + 1)}
            taken = max((n for n, path in paths.items() if path.expanduser().exists()), default=1)
        found.append(",".join(pieces[:taken]).strip())
        del pieces[:taken]
    return [spec for spec in found if spec]


def _check_folder(path: Path, name: str) -> None:
    """Raise `bench.planning.plan.WrongInput` where a file stands in the place of a folder."""
    from bench.planning.plan import WrongInput

    for place in (path, *path.parents):
        if place.exists() and not place.is_dir():
            raise WrongInput(f"{name}: {place} is a file, where a folder is needed; name another")
