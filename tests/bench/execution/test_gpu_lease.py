"""One process at a time on a GPU, around the phases that use it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from bench.execution import gpu_lease, job
from bench.execution.gpu_lease import leased_gpu
from bench.execution.job import run_job
from bench.execution.run import _gpus
from bench.execution.run_context import RunContext
from bench.execution.supervisor import Interrupted, Outcome
from bench.metrics.protocol import Protocol
from bench.planning.limits import Limits
from bench.planning.plan import Plan
from bench.results.store import RunFolder
from tests.bench.planning.test_jobs import make_job


@pytest.fixture(autouse=True)
def _own_locks(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_lease.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpu_lease, "POLL_S", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("HIP_VISIBLE_DEVICES", raising=False)


def test_one_at_a_time() -> None:
    entered = threading.Event()

    def second() -> None:
        with leased_gpu((0,)):
            entered.set()

    thread = threading.Thread(target=second)
    with leased_gpu((0,)):
        thread.start()
        assert not entered.wait(0.2)
    thread.join(10)
    assert entered.is_set()


def test_each_gpu_has_its_own() -> None:
    with leased_gpu((0, 1)) as first, leased_gpu((0, 1)) as second:
        assert (first, second) == ({"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"})
    with leased_gpu((1,)) as variables:
        assert variables == {"CUDA_VISIBLE_DEVICES": "1"}


def test_one_gpu_under_two_numbers_is_one_gpu(monkeypatch) -> None:
    stop = threading.Event()
    stop.set()
    with leased_gpu((3,)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,3")
        with leased_gpu((0, 1)) as variables:
            assert variables == {"CUDA_VISIBLE_DEVICES": "5"}


def test_who_is_asked_to_stop_waits_no_longer() -> None:
    stop, ended = threading.Event(), []

    def second() -> None:
        try:
            with leased_gpu((0,), stop):
                ended.append("entered")
        except Interrupted:
            ended.append("interrupted")

    thread = threading.Thread(target=second)
    with leased_gpu((0,)):
        thread.start()
        stop.set()
        thread.join(10)
    assert ended == ["interrupted"]


def test_a_block_that_fails_gives_it_back() -> None:
    with pytest.raises(KeyError), leased_gpu((0,)):
        raise KeyError
    with leased_gpu((0,)):
        pass


@pytest.mark.parametrize(
    ("codec", "device", "phases", "asks_for"),
    [
        ("quantdeepsdf", "cuda", ["encode", "decode"], ()),
        ("quantdeepsdf", "cpu", [], ()),
        ("necgs", "cuda", ["decode"], (1,)),  # its encoder takes one when it comes to the training
        ("necgs", "cpu", [], ()),
    ],
)
def test_a_job_holds_it_while_it_encodes_and_decodes(tmp_path, monkeypatch, codec, device, phases, asks_for) -> None:
    held = {}

    def run_worker(task, folder, *, variables, **_: object) -> Outcome:
        held[task.phase] = dict(variables), task.device, task.gpus
        return Outcome("ok", "", 1.0, 1.0, {"shapes": []})

    monkeypatch.setattr(job, "run_worker", run_worker)
    monkeypatch.setattr(job.sealed_archive, "seal", lambda archive, outcome: outcome)
    context = RunContext(RunFolder(tmp_path / "run"), (), tmp_path, Protocol(), gpus=(1,))
    run_job(make_job(name=codec, device=device), context)
    assert set(held) == {"encode", "decode", "measure"}
    assert [phase for phase, (variables, _, _) in held.items() if variables == {"CUDA_VISIBLE_DEVICES": "1"}] == phases
    assert held["measure"] == ({}, "cpu", ())
    assert held["encode"][1:] == (device, asks_for)


@pytest.mark.parametrize(
    ("device", "executor", "expected"),
    [("auto", "local", (0, 1)), ("cuda:1", "local", (1,)), ("auto", "dask", ()), ("cuda:1", "dask", (1,))],
)
def test_a_machine_of_a_cluster_has_gpus_of_its_own_unless_some_were_named(device, executor, expected) -> None:
    plan: Any = SimpleNamespace(gpus=(1,) if device == "cuda:1" else (0, 1))
    plan.request = SimpleNamespace(device=device, executor=executor)
    assert _gpus(plan) == expected


def test_a_gpu_leaves_cpu_jobs_their_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.machine.cores", lambda: 16)
    asked: Any = SimpleNamespace(workers=None, limits=Limits(threads=2))
    for device, gpus in (("cpu", ()), ("cuda", (0,)), ("cuda", (0, 1))):
        plan = Plan(asked, device, gpus, (), (), {}, {}, Protocol(), ())
        assert plan.workers == 8
