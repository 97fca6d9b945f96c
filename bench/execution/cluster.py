"""Jobs on a Dask cluster, or on a local one of as many workers as jobs run at a time: a task each, or several."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.planning.jobs import Job
from bench.results.rows import JobRows

WAIT_FOR_WORKERS_S = 60


class ClusterUnusable(UserError):
    """A cluster without workers, or a worker that does not see what it needs."""


class ClusterLost(UserError):
    """The scheduler went away while jobs ran."""

    exit_code = 1


@dataclass(frozen=True)
class ClusterTask:
    """A part of a job that a worker does.

    Args:
        key: names it within the run; tasks of the same key are done once.
        call: what the worker calls.
        lost: what stands for its result where it kills its worker again and again; given the reason.
        priority: tasks of a higher one begin first.
    """

    key: str
    call: Callable[[], Any]
    lost: Callable[[str], Any]
    priority: int = 0


Steps = Generator[Sequence[ClusterTask], list[Any], JobRows]
"""A job: yields the tasks that can be done at a time, is sent their results in order, and returns its rows."""


def run_on_cluster(
    jobs: Sequence[Job],
    steps: Callable[[Job], Steps],
    *,
    address: str | None,
    workers: int,
    run: Path,
    cache: Path,
) -> Iterator[tuple[Job, JobRows]]:
    """Do the steps of each job on the cluster of the scheduler at ``address``; yield rows as jobs end.

    Args:
        address: of the scheduler; without it a cluster is started on this machine's loopback interface.
        workers: of the cluster that is started here.
        run, cache: absolute paths; every worker must see the same files there.

    Raises:
        ClusterUnusable: no scheduler at ``address``, no worker, or one that does not see ``run`` or ``cache``, or has
            another version.
        ClusterLost: the scheduler went away.
    """
    from distributed.client import FutureCancelledError

    if not jobs:
        return
    with _cluster(address, workers) as target, _connected(target, address) as client:
        _check_workers(client, run, cache)
        # Two runs on one scheduler must not get each other's results: the key names the run folder, too.
        folder = hashlib.sha256(str(run).encode()).hexdigest()[:12]
        try:
            yield from _Board(client, f"bench-{folder}").all_of(jobs, steps)
        except FutureCancelledError:
            raise ClusterLost("the Dask scheduler went away", "the same command goes on from here") from None


@dataclass
class _Step:
    """The tasks of a job that are at work, and those of their results that are known."""

    job: Job
    steps: Steps
    tasks: Sequence[ClusterTask]
    results: dict[int, Any]


class _Board:
    """Which tasks of which jobs are at work on a cluster."""

    def __init__(self, client: Any, prefix: str) -> None:
        from dask.distributed import as_completed

        self._client, self._prefix = client, prefix
        self._at_work = as_completed()
        self._waiting: dict[str, list[tuple[_Step, int]]] = {}  # key of a future -> who waits for it

    def all_of(self, jobs: Sequence[Job], steps: Callable[[Job], Steps]) -> Iterator[tuple[Job, JobRows]]:
        """The rows of all jobs, as they end."""
        for job in jobs:
            yield from self._go_on(_Step(job, steps(job), (), {}))
        while self._waiting:
            suspects = []
            for future in self._at_work:
                waiting = self._waiting.pop(future.key)
                try:
                    result = future.result()
                except _killed():  # this task did it, or one that ran or waited on the same worker
                    suspects.append(waiting)
                    continue
                yield from self._done(waiting, result)
            # Each by itself, before anything follows from one of them: only the guilty kills again.
            for waiting, result in [(waiting, self._alone(*waiting[0])) for waiting in suspects]:
                yield from self._done(waiting, result)

    def _alone(self, step: _Step, number: int) -> Any:
        task = step.tasks[number]
        try:
            return self._submit(task, "-alone").result()
        except _killed() as error:
            return task.lost(f"the job killed its Dask worker: {error}")

    def _submit(self, task: ClusterTask, again: str = "") -> Any:
        key = f"{self._prefix}-{task.key}{again}"
        return self._client.submit(task.call, key=key, pure=False, priority=task.priority)

    def _done(self, waiting: list[tuple[_Step, int]], result: Any) -> Iterator[tuple[Job, JobRows]]:
        for step, number in waiting:
            step.results[number] = result
            if len(step.results) == len(step.tasks):
                yield from self._go_on(step)

    def _go_on(self, step: _Step) -> Iterator[tuple[Job, JobRows]]:
        """Hand a job's results to it, and its next tasks to the cluster."""
        try:
            results = [step.results[number] for number in range(len(step.tasks))]
            tasks = step.steps.send(results if step.tasks else None)  # type: ignore[arg-type]
        except StopIteration as end:
            yield step.job, end.value
            return
        following = _Step(step.job, step.steps, tasks, {})
        for number, task in enumerate(tasks):
            future = self._submit(task)
            known = future.key in self._waiting
            self._waiting.setdefault(future.key, []).append((following, number))
            if not known:
                self._at_work.add(future)


def _killed() -> type[Exception]:
    from dask.distributed import KilledWorker

    killed: type[Exception] = KilledWorker
    return killed


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


def _connected(target: Any, address: str | None) -> Any:
    """A client of the scheduler ``target``, which the user named as ``address`` if at all. Raises `ClusterUnusable`."""
    from dask.distributed import Client

    try:
        return Client(target)
    except (OSError, ValueError, TypeError, ImportError) as error:  # no answer, no address, no certificate, no protocol
        if address is None:
            raise
        what = f"the Dask scheduler {address!r} cannot be reached: {error}"
        raise ClusterUnusable(what, "give the address that dask scheduler prints: tcp://HOST:PORT") from None


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
