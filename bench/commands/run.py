"""``bench run``: sweep codecs over their rates on a data set."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.arguments import finite, natural, positive, shard

if TYPE_CHECKING:
    from bench.planning.plan import Plan, Request
    from bench.planning.profile import Profile
    from bench.results.rows import SetRow
    from bench.results.store import RunFolder

EPILOG = """examples:
  python -m bench run
  python -m bench run --codecs draco,draco-simplify --dataset folder:meshes/ --limit 10
  python -m bench run --codecs necgs,necgs:entropy=huffman --dataset sample:humans
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
    what = parser.add_argument_group("what to run")
    what.add_argument(
        "--profile",
        default="quick",
        help="smoke, quick, gpu-ci, decoders, paper, or the path of a .toml file (default: quick)",
    )
    what.add_argument("--codecs", help="names, comma separated; NAME:KEY=VALUE is a variant (default: the profile's)")
    what.add_argument(
        "--dataset", help="sample, ama, dt4d, thingi10k, mixed, folder:PATH, procedural:N; comma separated"
    )
    what.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets lie")
    what.add_argument("--split", type=Path, metavar="FILE", help="a list of the shapes to take")
    what.add_argument("--per-set", type=positive, metavar="N", help="shapes of each set in mixed (default: 200)")
    what.add_argument("--limit", type=positive, metavar="N", help="take N shapes, spread evenly over the set")
    what.add_argument("--seed", type=natural, default=0, help="all randomness derives from it (default: 0)")
    how = parser.add_argument_group("how to run")
    how.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/DATASET-PROFILE)")
    how.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU where there is one"
    )
    how.add_argument("--workers", type=positive, metavar="N", help="jobs at a time (default: one per core; 1 on a GPU)")
    how.add_argument("--threads", type=positive, default=1, metavar="N", help="CPU threads a job may use (default: 1)")
    how.add_argument(
        "--timeout",
        type=finite,
        metavar="S",
        help="seconds a job of up to 48 shapes may take to encode, and to decode; larger sets get more in proportion",
    )
    how.add_argument(
        "--memory-limit", type=finite, metavar="GB", help="memory a job may use (default: 90 %% / workers)"
    )
    how.add_argument("--executor", choices=("local", "dask"), default="local", help="where jobs run (default: local)")
    how.add_argument(
        "--scheduler", metavar="ADDRESS", help="address of a Dask scheduler (default: one on this machine)"
    )
    how.add_argument("--shard", type=shard, metavar="I/N", help="do the I-th of N parts of the jobs; see bench merge")
    how.add_argument("--cache", type=Path, metavar="DIR", help="cache of prepared meshes and volumes")
    how.add_argument("--keep-decoded", action="store_true", help="keep the decoded meshes in the run folder")
    how.add_argument("--retry-failed", action="store_true", help="do failed jobs again")
    how.add_argument(
        "--skip-unavailable", action="store_true", help="go on without named codecs or data that are missing"
    )
    how.add_argument("--skip-invalid", action="store_true", help="leave invalid shapes out and list them")
    how.add_argument("--remeasure", action="store_true", help="decode and measure the run's archives again")
    how.add_argument("--dry-run", action="store_true", help="list the jobs and stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.commands.publish import publish
    from bench.execution.run import execute
    from bench.planning.plan import make_plan, waiting_jobs
    from bench.results.store import RunFolder

    try:
        request = build_request(args)
        folder = RunFolder(request.out)
        plan = make_plan(request)
        if args.dry_run:
            _print_jobs(plan, waiting_jobs(plan, folder))
            return 0
        rows = execute(plan, folder)
        if not args.shard:
            publish(folder)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(
            f"bench run: {error}; what is finished is stored; mend it and run the same command again", file=sys.stderr
        )
        return 1
    return _verdict(rows, folder)


def build_request(args: argparse.Namespace) -> Request:
    """The request that the command line and the profile make together."""
    from bench.cache import default_cache
    from bench.planning import profile as profiles
    from bench.planning.limits import Limits
    from bench.planning.plan import Request

    profile = profiles.read(args.profile)
    codecs = tuple(_split(args.codecs)) if args.codecs else profile.codecs
    data = tuple(split_datasets(args.dataset)) if args.dataset else (profile.dataset,)
    limit = args.limit or profile.limit
    timeouts = profile.timeout_s
    if args.timeout is not None:
        timeouts = dataclasses.replace(timeouts, encode=args.timeout, decode=args.timeout)
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
        data_root=args.data_root,
        split=args.split,
        per_set=args.per_set,
        limit=limit,
        seed=args.seed,
        device=args.device,
        executor="dask" if args.scheduler else args.executor,
        scheduler=args.scheduler,
        workers=args.workers or profile.workers,
        limits=Limits(args.threads, None if args.memory_limit is None else args.memory_limit * 1024, timeouts),
        shard=args.shard,
        keep_decoded=args.keep_decoded,
        retry_failed=args.retry_failed,
        remeasure=args.remeasure,
        skip_unavailable=args.skip_unavailable,
        skip_invalid=args.skip_invalid,
        argv=tuple(sys.argv[1:]),
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
    waiting = {job.key for job in todo}
    for job in plan.jobs:
        state = "to do" if job.key in waiting else "done "
        settings = ", ".join(f"{key}={value}" for key, value in job.settings.items())
        print(f"{state}  {job.dataset}  {job.codec}  {job.rate}  {job.device}  {settings}")
    print(f"{len(plan.jobs)} jobs, {len(todo)} to do, {plan.workers} at a time; run folder {plan.request.out}")


def _verdict(rows: list[SetRow], folder: RunFolder) -> int:
    from bench.execution.progress import describe_failures
    from bench.results.rows import is_clean
    from bench.results.summary import console_table

    print(console_table(folder))
    if (folder.path / "report").exists():
        print(f"\nreport: {folder.path / 'report' / 'report.md'}")
    failed = [row for row in rows if not is_clean(row)]
    for row in failed:
        reason = row["message"].splitlines()[0] if row["message"] else describe_failures(row)
        print(f"failed: {row['dataset']} {row['codec']} {row['rate']}: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def split_datasets(text: str) -> list[str]:
    """The data sets that commas separate; the path of a folder may hold commas itself, if it is there."""
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
