"""Where jobs run on one machine: threads of this process that each supervise worker processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from bench.planning.jobs import Job
from bench.results.rows import JobRows

Work = Callable[[Job], JobRows]


def run_local(jobs: Sequence[Job], work: Work, *, workers: int, stop: threading.Event) -> Iterator[tuple[Job, JobRows]]:
    """Run ``work`` for each job, at most ``workers`` at a time and one at a time on the GPU; yield them as they end.

    An exception of ``work`` (an interrupt, a full disk) stops the other jobs and is raised.
    """
    gpu = threading.Lock()

    def guarded(job: Job) -> JobRows:
        if job.device == "cpu":
            return work(job)
        with gpu:
            return work(job)

    with ThreadPoolExecutor(workers) as pool:
        futures: dict[Future[JobRows], Job] = {pool.submit(guarded, job): job for job in jobs}
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
