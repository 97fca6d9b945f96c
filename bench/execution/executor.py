"""Where jobs run on one machine: threads of this process that each supervise worker processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from bench.planning.jobs import Job
from bench.results.rows import JobRows

Work = Callable[[Job], JobRows]


def places(workers: int, gpus: int, cpu_jobs: int, gpu_jobs: int) -> tuple[int, int]:
    """How many jobs run at a time without a GPU and with one; together at most ``workers``, which is at least 2.

    A GPU has two jobs, so that one uses it while the other is measured.
    """
    wanted = min(2 * gpus, gpu_jobs)
    if not cpu_jobs or not wanted:
        return (0, min(wanted, workers)) if wanted else (workers, 0)
    on_cpu = max(1, workers - wanted)
    return on_cpu, workers - on_cpu


def run_local(
    jobs: Sequence[Job], work: Work, *, workers: int, stop: threading.Event, gpus: int = 0
) -> Iterator[tuple[Job, JobRows]]:
    """Run ``work`` for each job, at most ``workers`` at a time; yield them as they end.

    Jobs that use a GPU have places of their own: those that wait for one (`bench.execution.gpu_lease`) keep none from
    others. An exception of ``work`` (an interrupt, a full disk) stops the other jobs and is raised.
    """
    on_gpu = sum(job.device != "cpu" for job in jobs)
    shared = workers == 1  # in order, whatever they use
    on_cpu, beside = (1, 0) if shared else places(workers, gpus, len(jobs) - on_gpu, on_gpu)
    with ThreadPoolExecutor(max(1, on_cpu)) as pool, ThreadPoolExecutor(max(1, beside)) as gpu_pool:
        futures: dict[Future[JobRows], Job] = {
            (pool if shared or job.device == "cpu" else gpu_pool).submit(work, job): job for job in jobs
        }
        pending = set(futures)
        try:
            while pending:
                # A timeout, because a wait without one cannot be interrupted from the keyboard on every system.
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    yield futures[future], future.result()
        except BaseException:
            stop.set()
            for future in pending:
                future.cancel()
            raise
