"""Doing a plan: jobs to rows in a run folder. Finished jobs are never redone; an interrupted run goes on."""

from __future__ import annotations

import dataclasses
import functools
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence

from bench import machine
from bench.codec import Availability
from bench.execution import cluster, executor
from bench.execution.forecast import forecasts
from bench.execution.job import RunContext, lost_job, run_job
from bench.execution.manifest import write_manifest
from bench.execution.progress import RunProgress
from bench.execution.supervisor import Interrupted
from bench.planning.jobs import Job
from bench.planning.plan import Plan, WrongInput, waiting_jobs
from bench.results.rows import JobRows, SetRow
from bench.results.store import RunFolder


def execute(plan: Plan, run: RunFolder, *, quiet: bool = False) -> list[SetRow]:
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
            todo = waiting_jobs(plan, run)
            _announce(plan, todo, run, quiet)
            if not quiet:
                for line in forecasts(plan, todo):
                    print(line, file=sys.stderr)
            for rows in _do(plan, todo, run):
                run.append(rows.rows)
    except Timeout:
        raise WrongInput(f"another process is writing to {run.path}; wait for it or give another --out") from None
    keys = {job.key for job in plan.jobs}
    return [row for row in run.set_rows() if row["job"] in keys]


def _do(plan: Plan, todo: list[Job], run: RunFolder) -> Iterator[JobRows]:
    stop = threading.Event()
    progress = RunProgress(len(todo), plan.workers)
    contexts = {name: _context(plan, run, name, stop) for name in plan.prepared}

    def work(job: Job) -> JobRows:
        progress.start(job)
        return run_job(job, contexts[job.dataset], functools.partial(progress.update, job))

    if plan.request.executor == "dask":
        results = cluster.run_on_cluster(
            todo,
            functools.partial(_work, contexts),
            lambda job, reason: lost_job(job, contexts[job.dataset], reason),
            address=plan.request.scheduler,
            workers=plan.workers,
            run=run.path.resolve(),
            cache=plan.request.cache,
        )
    else:
        results = executor.run_local(todo, work, workers=plan.workers, stop=stop)
    left = {job.key: job for job in todo}
    try:
        for job, rows in results:
            yield rows
            del left[job.key]
            progress.finish(job, rows.whole, list(left.values()))
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        progress.close()


def _work(contexts: Mapping[str, RunContext], job: Job) -> JobRows:
    """What a Dask worker does: plain values in, rows out."""
    with cluster.one_gpu_job(job.device):
        return run_job(job, dataclasses.replace(contexts[job.dataset], stop=None))


def _context(plan: Plan, run: RunFolder, dataset: str, stop: threading.Event) -> RunContext:
    request = plan.request
    memory = request.limits.memory_mb or machine.memory_mb() * 0.9 / plan.workers
    return RunContext(
        run=RunFolder(run.path.resolve()),  # a worker of a cluster may stand in another folder
        references=plan.prepared[dataset].references,
        cache=request.cache,
        protocol=plan.protocol,
        limits=dataclasses.replace(request.limits, memory_mb=memory),
        workers=plan.workers,
        keep_decoded=request.keep_decoded,
        stop=None if request.executor == "dask" else stop,
    )


def _announce(plan: Plan, todo: Sequence[Job], run: RunFolder, quiet: bool) -> None:
    if quiet:
        return
    count = sum(len(prepared.references) for prepared in plan.prepared.values())
    done = len(plan.jobs) - len(todo)
    before = f", {done} done before" if done else ""
    print(
        f"{run.path}: {len(plan.jobs)} jobs{before}; {count} shapes of {', '.join(plan.prepared)}; "
        f"{plan.device}, {plan.workers} at a time",
        file=sys.stderr,
    )
    for prepared in plan.prepared.values():
        for name, reason in prepared.skipped:
            print(f"left out: {name}: {reason}", file=sys.stderr)
    for entry in plan.skipped:
        print(f"left out: {entry['name']}. {Availability(False, entry['reason'], entry['remedy'])}", file=sys.stderr)
