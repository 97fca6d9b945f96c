"""Doing a plan: jobs to rows in a run folder. Finished jobs are never redone; an interrupted run goes on."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import threading
from collections.abc import Iterator, Sequence

from bench import machine, registry
from bench.codec import Availability, ShapeCodec
from bench.codec.devices import parse_devices
from bench.execution import cluster, executor
from bench.execution.cluster_steps import steps_of
from bench.execution.estimate import Forecast
from bench.execution.forecast import forecasts
from bench.execution.job import run_job
from bench.execution.manifest import write_manifest
from bench.execution.need import MIB
from bench.execution.pace import PaceBook
from bench.execution.plan_need import PlanNeed, Room, need_lines
from bench.execution.portions import PORTIONS
from bench.execution.progress import RunProgress
from bench.execution.run_context import RunContext
from bench.execution.run_log import NORMAL, RunLog
from bench.execution.sealed_archive import finished
from bench.execution.supervisor import Interrupted
from bench.planning.jobs import Job
from bench.planning.plan import Plan, WrongInput, waiting_jobs
from bench.results.rows import JobRows, SetRow
from bench.results.store import RunFolder


def execute(plan: Plan, run: RunFolder, *, verbosity: int = NORMAL) -> list[SetRow]:
    """Do the jobs that wait, append their rows, and return the set rows of all jobs of the plan.

    Raises:
        WrongInput: the folder holds a run of other data or under another metric protocol, or another process uses it.
        KeyboardInterrupt: after the workers were stopped; what is finished is stored.
    """
    from filelock import FileLock, Timeout

    run.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.lock_path, timeout=0):
            write_manifest(plan, run)
            run.recover()
            todo, absent = _to_do(plan, run)
            if plan.request.executor != "dask" or plan.request.remeasure or plan.request.retry_failed:
                shutil.rmtree(run.path / PORTIONS, ignore_errors=True)  # of a run on a cluster that was cut off
            log = RunLog(run.log_path, verbosity)
            for line in (*_announcement(plan, todo, run), *needs(plan, todo), *forecasts(plan, todo), *absent):
                log.say(line)
            for rows in _do(plan, todo, run, log):
                run.append(rows.rows)
            run.drop_scratch()
    except Timeout:
        raise WrongInput(f"another process is writing to {run.path}; wait for it or give another --out") from None
    keys = {job.key for job in plan.jobs}
    return [row for row in run.set_rows() if row["job"] in keys]


def _to_do(plan: Plan, run: RunFolder) -> tuple[list[Job], list[str]]:
    """The jobs that wait, and lines that name those that should be measured again but were never coded.

    One whose archive was altered since is coded anew.
    """
    waiting = waiting_jobs(plan, run)
    if not plan.request.remeasure:
        return waiting, []
    coded = {row["archive"] for row in run.set_rows()}
    there = [job for job in waiting if job.archive_key in coded or finished(run.archive(job.archive_key)) is not None]
    absent = [job.label for job in waiting if job not in there]
    advice = "the same command without --remeasure codes them"
    return there, [f"not measured again, for there is no archive: {', '.join(absent)}; {advice}"] if absent else []


def _do(plan: Plan, todo: list[Job], run: RunFolder, log: RunLog) -> Iterator[JobRows]:
    stop = threading.Event()
    remeasure, samples = plan.request.remeasure, plan.protocol.samples
    progress = RunProgress(todo, plan.workers, log, _counts(plan), pace_book(plan), samples, remeasure=remeasure)
    contexts = {name: _context(plan, run, name, stop, len(todo)) for name in plan.prepared}

    def work(job: Job) -> JobRows:
        progress.start(job)
        return run_job(job, contexts[job.dataset], functools.partial(progress.update, job))

    if plan.request.executor == "dask":
        results = cluster.run_on_cluster(
            todo,
            lambda job: steps_of(job, contexts[job.dataset], plan.request.task_shapes),
            address=plan.request.scheduler,
            workers=plan.workers,
            run=run.path.resolve(),
            cache=plan.request.cache,
        )
    else:
        results = executor.run_local(todo, work, workers=plan.workers, stop=stop, gpus=len(plan.gpus))
    try:
        for job, rows in results:
            yield rows
            progress.finish(job, rows.whole)
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        progress.close()


def _context(plan: Plan, run: RunFolder, dataset: str, stop: threading.Event, jobs: int) -> RunContext:
    request = plan.request
    return RunContext(
        run=RunFolder(run.path.resolve()),  # a worker of a cluster may stand in another folder
        references=plan.prepared[dataset].references,
        cache=request.cache,
        protocol=plan.protocol,
        limits=dataclasses.replace(request.limits, memory_mb=_memory_mb(plan, jobs)),
        workers=plan.workers,
        gpus=_gpus(plan),
        keep_decoded=request.keep_decoded,
        sources=plan.prepared[dataset].sources,
        stop=None if request.executor == "dask" else stop,
        remeasure=request.remeasure,
    )


def _memory_mb(plan: Plan, jobs: int) -> float | None:
    """MiB at which one of so many jobs is killed; None where it runs on other machines and none was given."""
    if plan.request.limits.memory_mb or plan.request.scheduler:
        return plan.request.limits.memory_mb
    return machine.memory_mb() * 0.9 / max(1, min(plan.workers, jobs))


def _gpus(plan: Plan) -> tuple[int, ...]:
    """The GPUs of the machine on which a job runs; none names all of them: a cluster's machine has its own."""
    named = parse_devices(plan.request.device) is not None
    return plan.gpus if named or plan.request.executor != "dask" else ()


def _counts(plan: Plan) -> dict[str, int]:
    """Data set -> its number of shapes."""
    return {name: len(prepared.references) for name, prepared in plan.prepared.items()}


def pace_book(plan: Plan) -> PaceBook:
    """What jobs took in earlier runs with this cache."""
    return PaceBook(plan.request.cache / "paces.json")


def _announcement(plan: Plan, todo: Sequence[Job], run: RunFolder) -> Iterator[str]:
    """What a run says before its first job."""
    count = sum(len(prepared.references) for prepared in plan.prepared.values())
    done = len(plan.jobs) - len(todo)
    before = f", {done} done before" if done else ""
    yield (
        f"{run.path}: {len(plan.jobs)} jobs{before}; {count} shapes of {', '.join(plan.prepared)}; "
        f"{', '.join(f'cuda:{number}' for number in plan.gpus) or 'cpu'}, {plan.workers} at a time"
        f"{forecast_of_all(plan, todo)}"
    )
    for prepared in plan.prepared.values():
        for name, reason in prepared.skipped:
            yield f"left out: {name}: {reason}"
    for entry in plan.skipped:
        yield f"left out: {entry['name']}. {Availability(False, entry['reason'], entry['remedy'])}"
    yield from _of_other_versions(plan, run)


def _of_other_versions(plan: Plan, run: RunFolder) -> Iterator[str]:
    """Rates of the plan's codecs that another version left in the folder, and that this run does not make anew."""
    versions = {(job.dataset, job.codec): job.version for job in plan.jobs_of_all_shards}
    again = {(job.dataset, job.codec, job.rate) for job in plan.jobs_of_all_shards}
    for row in run.set_rows():
        now = versions.get((row["dataset"], row["codec"]), row["codec_version"])
        if row["codec_version"] != now and (row["dataset"], row["codec"], row["rate"]) not in again:
            yield (
                f"warning: {row['codec']} {row['rate']} in {run.path} is of version {row['codec_version']} of the "
                f"codec, which is {now} now: run it, too, or give another --out"
            )


def forecast_of_all(plan: Plan, todo: Sequence[Job]) -> str:
    """``; about 12 min 0 s, as earlier runs went here``; empty where nothing is known of any job."""
    paces = pace_book(plan).paces(plan.protocol.samples)
    forecast = Forecast.of(todo, _counts(plan), plan.workers, paces, remeasure=plan.request.remeasure)
    known = [job for job in todo if paces.of(job) is not None]
    if not known:
        return ""
    seen = all(paces.is_own(job) for job in known)
    return f"; {forecast.left(todo)}, as {'earlier runs went here' if seen else 'such jobs went on another machine'}"


def needs(plan: Plan, todo: Sequence[Job]) -> Iterator[str]:
    """What memory and disk the waiting jobs need, and what is missing; no line where nothing is known of any."""
    request = plan.request
    need = PlanNeed.of(
        todo,
        _counts(plan),
        plan.workers,
        pace_book(plan).paces(),
        one_by_one={job.codec for job in todo if isinstance(registry.get(job.name), ShapeCodec)},
        remeasure=request.remeasure,
        keep_decoded=request.keep_decoded,
    )
    job = None if request.scheduler else _memory_mb(plan, len(todo))
    yield from need_lines(need, Room.of(request.out, request.cache, job and job * MIB), plan.workers)
