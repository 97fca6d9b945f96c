"""Which jobs run at a time: on CPUs, on GPUs."""

from __future__ import annotations

import threading

import pytest

from bench.execution.executor import places, run_local
from bench.planning.jobs import Job
from tests.bench.planning.test_jobs import make_job


@pytest.mark.parametrize(
    ("workers", "gpus", "cpu_jobs", "gpu_jobs", "expected"),
    [
        (16, 0, 30, 0, (16, 0)),  # no GPU
        (16, 1, 30, 5, (14, 2)),  # one job on the GPU, one that is measured
        (16, 4, 30, 30, (8, 8)),
        (4, 8, 30, 30, (1, 3)),
        (16, 4, 0, 30, (0, 8)),
        (16, 4, 30, 1, (15, 1)),
        (2, 1, 3, 3, (1, 1)),
    ],
)
def test_places(workers, gpus, cpu_jobs, gpu_jobs, expected) -> None:
    assert places(workers, gpus, cpu_jobs, gpu_jobs) == expected


def test_jobs_that_wait_for_a_gpu_keep_no_place_from_others() -> None:
    free, done = threading.Event(), []

    def work(job: Job) -> str:
        assert job.device == "cpu" or free.wait(30)
        return job.rate

    jobs = [make_job(rate=f"{device}{i}", device=device) for device in ("cuda", "cpu") for i in range(4)]
    for _, rate in run_local(jobs, work, workers=3, stop=threading.Event(), gpus=1):
        done.append(rate)
        if len(done) == 4:
            free.set()
    assert sorted(done[:4]) == ["cpu0", "cpu1", "cpu2", "cpu3"]
    assert len(done) == 8


def test_one_worker_does_one_job_at_a_time_in_order() -> None:
    running, seen = threading.Lock(), []

    def work(job: Job) -> None:
        assert running.acquire(blocking=False)
        seen.append(job.rate)
        running.release()

    jobs = [make_job(rate=str(i), device=("cuda", "cpu")[i % 2]) for i in range(6)]
    list(run_local(jobs, work, workers=1, stop=threading.Event(), gpus=1))
    assert seen == list("012345")


def test_an_error_stops_both_kinds() -> None:
    stop = threading.Event()

    def work(job: Job) -> None:
        if job.device == "cpu":
            raise OSError("the disk is full")
        assert stop.wait(30)

    jobs = [make_job(device="cuda"), make_job(device="cpu")]
    with pytest.raises(OSError, match="the disk is full"):
        list(run_local(jobs, work, workers=2, stop=stop, gpus=1))
