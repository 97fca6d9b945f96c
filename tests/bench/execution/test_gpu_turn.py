"""Codecs that ask for a GPU when they need one: until then it is another job's, and no clock sees the wait."""

from __future__ import annotations

import os
import subprocess
import threading
import time

import pytest
import trimesh

from bench.codec import Context
from bench.codec.gpu_turn import GpuTurn
from bench.execution import gpu_lease, supervisor
from bench.execution.gpu_lease import leased_number
from bench.execution.supervisor import run_worker
from bench.execution.task import Task
from bench.planning.references import write_mesh
from necgs.codec import NecgsCodec
from tests.bench.doubles import Rounding, info


class Asking(Rounding):
    """Leaves a mark before it asks for a GPU, and one when it has it."""

    info = info("asking")
    asks_for_gpu = True

    def encode(self, meshes, rate, context):
        (context.scratch / "on_the_cpu").touch()
        with context.phase("training"):
            context.take_gpu()
            context.take_gpu()
        context.notes["waited"] = str(context.gpu.waited_s)
        return super().encode(meshes, rate, context)


@pytest.fixture
def task(tmp_path) -> Task:
    reference = tmp_path / "reference.npz"
    write_mesh(reference, trimesh.creation.box())
    paths = (str(tmp_path / name) for name in ("archive", "decoded", "scratch", "encode.json"))
    settings = {"steps": 16}
    return Task("encode", f"{__name__}:Asking", *paths, references=(str(reference),), settings=settings, gpus=(0,))


def until(condition) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_worker_does_its_cpu_work_while_another_holds_the_gpu(task, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(gpu_lease.tempfile, "gettempdir", lambda: str(tmp_path))
    outcomes: list[supervisor.Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(run_worker(task, tmp_path)))
    with leased_number((0,)):
        thread.start()
        until(task.waiting_path.exists)
        assert (tmp_path / "scratch" / "on_the_cpu").exists()
        time.sleep(0.5)
        assert not outcomes
    thread.join(120)
    (outcome,) = outcomes
    assert outcome.status == "ok", outcome.message
    waited = float(outcome.result["notes"]["waited"])
    assert waited > 0.5
    assert outcome.result["wall_s"] < waited
    assert outcome.result["phases"]["training"] < waited
    assert not task.waiting_path.exists()
    with leased_number((0,)):  # it was given back
        pass


class Clock:
    """Ten seconds later at each look."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 10
        return self.now


@pytest.mark.parametrize(("gpus", "ending"), [((0,), ""), ((), "timeout")])
def test_a_job_that_waits_is_not_late(task, tmp_path, monkeypatch, gpus, ending):
    class Process:
        pid = os.getpid()
        polls = 0

        def wait(self, seconds: float) -> int:
            self.polls += 1
            if self.polls < 100:
                raise subprocess.TimeoutExpired("worker", seconds)
            return 0

    waiting = Task(**{**vars(task), "gpus": gpus, "timeout_s": 60.0})
    waiting.waiting_path.touch()
    monkeypatch.setattr(supervisor, "time", Clock())
    log = tmp_path / "log"
    log.touch()
    assert supervisor._watch(Process(), waiting, log, None, None, None)[0] == ending  # type: ignore[arg-type]


def test_no_deadline_and_no_phase_counts_the_wait(tmp_path):
    turn = GpuTurn(lambda: None)
    context = Context(scratch=tmp_path, deadline=time.monotonic() + 10, gpu=turn)
    turn.waited_s = 1000.0
    assert 900 < context.remaining() <= 1010
    turn.wait = lambda: time.sleep(0.2)
    start = time.perf_counter()
    with context.phase("train"):
        context.take_gpu()
    whole = time.perf_counter() - start
    assert context.phases["train"] <= whole - (turn.waited_s - 1000) + 1e-6


def test_a_device_is_not_waited_for_before_it_is_taken(tmp_path):
    context = Context(device="cuda", scratch=tmp_path, gpu=GpuTurn(lambda: None))
    with context.phase("on the CPU"):  # torch without CUDA raises where it is asked to wait
        import torch  # noqa: F401


def test_necgs_fits_on_the_cpu_and_takes_the_gpu_to_train(tmp_path):
    def wait() -> None:
        done.extend(context.phases)

    done: list[str] = []
    context = Context(scratch=tmp_path, gpu=GpuTurn(wait))
    settings = {"resolution": 16, "epochs": 1, "fit": "direct", "width": 4}
    NecgsCodec().encode([trimesh.creation.icosphere(1, 0.9)], NecgsCodec.rate_type.of(settings), context)
    assert done == ["tsdf", "fit"]
    assert context.gpu is not None
    assert context.gpu.taken
    assert "train" in context.phases
