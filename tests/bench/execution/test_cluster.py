"""A real scheduler and real workers, on the loopback interface."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import threading

import dask
import pytest
from dask.distributed import Client, LocalCluster

from bench.execution import cluster
from bench.execution.cluster import ClusterTask, ClusterUnusable, run_on_cluster, worker_fault
from tests.bench.planning.test_jobs import make_job


def work(job):
    return f"{job.rate} of {job.dataset}"


def other_work(job):
    return f"other {job.rate}"


def deadly_work(job):
    if job.rate == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{job.rate} is done"


def one_task(function):
    """A job is one task, and its rows what the task returns."""

    def steps(job):
        call = functools.partial(function, job)
        (rows,) = yield [ClusterTask(job.key, call, lambda reason: f"{job.rate}: {reason}")]
        return rows

    return steps


@pytest.fixture(scope="module")
def scheduler():
    options = {"dashboard_address": "127.0.0.1:0", "scheduler_kwargs": {"dashboard": False}}
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", host="127.0.0.1", **options
    ) as local:
        yield local


def test_two_runs_on_one_scheduler_do_not_get_each_others_results(scheduler, tmp_path):
    job, found = make_job(), []
    with Client(scheduler):  # keeps nothing, but holds the scheduler's view open between the two
        for name, task in (("a", work), ("b", other_work)):
            results = run_on_cluster(
                [job],
                one_task(task),
                address=scheduler.scheduler_address,
                workers=1,
                run=tmp_path / name,
                cache=tmp_path / "cache",
            )
            first = next(results)  # the run is still open while the other one starts
            found.append((first[1], results))
    assert [text for text, _ in found] == ["x of x", "other x"]
    for _, results in found:
        results.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_job_that_kills_its_worker_gets_rows_of_its_own_and_the_others_run(tmp_path):
    jobs = [dataclasses.replace(make_job(), rate=rate) for rate in ("deadly", "harmless")]
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        results = run_on_cluster(
            jobs,
            one_task(deadly_work),
            address=None,
            workers=1,
            run=tmp_path / "run",
            cache=tmp_path / "cache",
        )
        found = {job.rate: text for job, text in results}
    assert found["harmless"] == "harmless is done"
    assert found["deadly"].startswith("deadly: the job killed its Dask worker")


def test_a_worker_that_sees_other_files_or_has_another_version_is_named(tmp_path):
    mark = tmp_path / ".seen"
    mark.write_text("abc")
    assert worker_fault([str(mark)], "abc", cluster.package_version()) == ""
    assert str(tmp_path) in worker_fault([str(mark)], "abd", cluster.package_version())
    assert "gone" in worker_fault([str(tmp_path / "gone" / ".seen")], "abc", cluster.package_version())
    assert "version" in worker_fault([str(mark)], "abc", "another")


def test_an_unusable_worker_stops_the_run_before_its_first_job(scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "package_version", iter(["client's", "worker's", "worker's"]).__next__)
    results = run_on_cluster(
        [make_job()],
        one_task(work),
        address=scheduler.scheduler_address,
        workers=1,
        run=tmp_path / "run",
        cache=tmp_path / "cache",
    )
    with pytest.raises(ClusterUnusable, match=r"worker's of necgs-bench, the run client's"):
        next(results)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("address", ["foo", "foo:abc", "xyz://foo:1", "tls://127.0.0.1:1", "127.0.0.1:1"])
def test_an_address_that_leads_to_no_scheduler_is_named_with_a_remedy(address, tmp_path):
    options = {"address": address, "workers": 1, "run": tmp_path / "run", "cache": tmp_path / "cache"}
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(ClusterUnusable, match=rf"'{address}' cannot be reached: .*tcp://HOST:PORT"),
    ):
        next(run_on_cluster([make_job()], one_task(work), **options))


FREE = threading.Event()


def work_with_gpu(job):
    """A job for a GPU that is in use until the test sets `FREE`, or one for a CPU."""
    if job.device != "cpu":
        cluster.make_room()
        assert FREE.wait(30)
    return job.device


def test_a_job_that_waits_for_a_gpu_keeps_its_worker_from_no_other(scheduler, tmp_path):
    jobs = [make_job(device="cuda"), make_job(device="cpu")]
    results = run_on_cluster(
        jobs,
        one_task(work_with_gpu),
        address=scheduler.scheduler_address,
        workers=1,
        run=tmp_path / "run",
        cache=tmp_path / "cache",
    )
    assert next(results)[1] == "cpu"
    FREE.set()
    assert next(results)[1] == "cuda"


def part(job, number):
    return f"{job.rate}{number}"


def noted(calls):
    with calls.open("a") as file:
        file.write("called\n")
    return "xs"


def test_a_job_of_several_tasks_gets_their_results_in_order_and_shares_those_of_a_key(scheduler, tmp_path):
    calls = tmp_path / "calls"
    shared = ClusterTask("shared", functools.partial(noted, calls), str)

    def steps(job):
        first = yield [shared]
        parts = [ClusterTask(f"{job.key}-{n}", functools.partial(part, job, n), str) for n in range(5)]
        second = yield parts
        return [*first, *second]

    jobs = [dataclasses.replace(make_job(), rate=rate) for rate in ("a", "b")]
    options = {"address": scheduler.scheduler_address, "workers": 1, "run": tmp_path / "run", "cache": tmp_path / "c"}
    found = {job.rate: rows for job, rows in run_on_cluster(jobs, steps, **options)}
    assert found == {rate: ["xs", *(f"{rate}{n}" for n in range(5))] for rate in ("a", "b")}
    assert calls.read_text() == "called\n"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_part_that_kills_its_worker_is_lost_alone_and_the_job_goes_on(tmp_path):
    rates = ("deadly", "harmless")

    def steps(job):
        each = [dataclasses.replace(job, rate=rate) for rate in rates]
        tasks = [ClusterTask(one.rate, functools.partial(deadly_work, one), lambda _: "lost") for one in each]
        first = yield tasks
        second = yield [ClusterTask("last", functools.partial(part, job, 2), str)]
        return [*first, *second]

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        options = {"address": None, "workers": 1, "run": tmp_path / "run", "cache": tmp_path / "cache"}
        ((_, rows),) = run_on_cluster([make_job()], steps, **options)
    assert rows == ["lost", "harmless is done", "x2"]
