"""Jobs on a Dask cluster, or on a local one of as many workers as jobs run at a time."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.execution.executor import Work
from bench.planning.jobs import Job
from bench.results.rows import JobRows

WAIT_FOR_WORKERS_S = 60


class ClusterUnusable(UserError):
    """A cluster without workers, or a worker that does not see what it needs."""


class ClusterLost(UserError):
    """The scheduler went away while jobs ran."""

    exit_code = 1


def run_on_cluster(
    jobs: Sequence[Job],
    work: Work,
    lost: Callable[[Job, str], JobRows],
    *,
    address: str | None,
    workers: int,
    run: Path,
    cache: Path,
) -> Iterator[tuple[Job, JobRows]]:
    """Run ``work`` for each job on the cluster of the scheduler at ``address``; yield them as they end.

    Args:
        lost: makes the rows of a job that killed its Dask worker again and again.
        address: of the scheduler; without it a cluster is started on this machine's loopback interface.
        workers: of the cluster that is started here.
        run, cache: absolute paths; every worker must see the same files there.

    Raises:
        ClusterUnusable: no worker, or one that does not see ``run`` or ``cache``, or has another version.
        ClusterLost: the scheduler went away.
    """
    from dask.distributed import Client, KilledWorker, as_completed
    from distributed.client import FutureCancelledError

    if not jobs:
        return
    with _cluster(address, workers) as target, Client(target) as client:
        _check_workers(client, run, cache)
        # Two runs on one scheduler must not get each other's results: the key names the run folder, too.
        folder = hashlib.sha256(str(run).encode()).hexdigest()[:12]

        def submit(job: Job, again: str = "") -> Any:
            return client.submit(work, job, key=f"bench-{folder}-{job.key}{again}", pure=False)

        futures = {submit(job): job for job in jobs}
        suspects = []
        try:
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except KilledWorker:  # the job did, or one that ran or waited on the same worker
                    suspects.append(futures[future])
            for job in suspects:  # each by itself: only the guilty kills again
                try:
                    yield job, submit(job, "-alone").result()
                except KilledWorker as error:
                    yield job, lost(job, f"the job killed its Dask worker: {error}")
        except FutureCancelledError:
            raise ClusterLost("the Dask scheduler went away", "the same command goes on from here") from None


@contextlib.contextmanager
def _cluster(address: str | None, workers: int) -> Iterator[Any]:
    """The address of a scheduler, or a cluster on the loopback interface without a dashboard."""
    if address:
        yield address
        return
    from dask.distributed import LocalCluster

    options = {"dashboard_address": "127.0.0.1:0", "scheduler_kwargs": {"dashboard": False}}
    with LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", **options) as cluster:
        yield cluster


def _check_workers(client: Any, run: Path, cache: Path) -> None:
    try:
        client.wait_for_workers(1, timeout=WAIT_FOR_WORKERS_S)
    except TimeoutError:
        raise ClusterUnusable(f"the Dask scheduler has had no worker for {WAIT_FOR_WORKERS_S} s") from None
    token = uuid.uuid4().hex
    marks = [folder / f".seen-{token}" for folder in (run, cache)]
    try:
        for mark in marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.write_text(token)
        faults = client.run(worker_fault, [str(mark) for mark in marks], token, package_version())
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)
    for worker, fault in faults.items():
        if fault:
            raise ClusterUnusable(f"Dask worker {worker}: {fault}", "mend it or take it out of the cluster")


def worker_fault(marks: Sequence[str], token: str, wanted: str) -> str:
    """Why the worker that runs this cannot do the run's jobs; empty where it can."""
    for mark in marks:
        try:
            seen = Path(mark).read_text()
        except OSError:
            seen = ""
        if seen != token:
            return f"it does not see the files of {Path(mark).parent}, which all workers must share"
    if package_version() != wanted:
        return f"it has version {package_version()} of necgs-bench, the run {wanted}"
    return ""


def package_version() -> str:
    """Version of the installed package; empty where the code runs from a checkout that is not installed."""
    try:
        return version("necgs-bench")
    except PackageNotFoundError:
        return ""


def make_room() -> None:
    """In a job that will wait for a GPU most of its time: its worker takes another job meanwhile."""
    from distributed import secede

    secede()
