"""Statuses of single phases, without a run around them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from bench.execution import supervisor, worker
from bench.execution.task import Task
from bench.metrics.protocol import Protocol
from tests.pretended_cuda import PretendedCuda


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(
        "measure", "draco", *(str(tmp_path / name) for name in ("archive", "decoded", "scratch", "measure.json"))
    )


def sphere():
    import trimesh

    return trimesh.creation.icosphere(subdivisions=1)


@pytest.mark.parametrize("status", ["timeout", "out_of_memory", "encode_failed", "no such status"])
def test_whatever_ends_a_measurement_is_a_fault_of_the_harness(task, status):
    assert supervisor._status(status, task) == "measure_failed"


@pytest.mark.parametrize("code", [-signal.SIGKILL, -signal.SIGSEGV, 3])
def test_a_measuring_process_that_dies_is_a_fault_of_the_harness(task, tmp_path, code):
    outcome = supervisor._read_result(code, task, tmp_path / "log", 1.0, 1.0)
    assert outcome.status == "measure_failed"
    decoding = dataclasses.replace(task, phase="decode")
    expected = "out_of_memory" if code == -signal.SIGKILL else "decode_failed"
    assert supervisor._read_result(code, decoding, tmp_path / "log", 1.0, 1.0).status == expected


@pytest.mark.parametrize("phase", ["encode", "decode"])
def test_a_codec_cannot_blame_the_harness(task, phase):
    phase_task = dataclasses.replace(task, phase=phase)
    assert supervisor._status("measure_failed", phase_task) == f"{phase}_failed"
    assert supervisor._status("corrupt", phase_task) == "corrupt"


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="needs POSIX process groups")
def test_a_measurement_that_takes_too_long_is_killed_and_charged_to_nobody(task, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "START_UP_S", 0.0)
    monkeypatch.setattr(supervisor, "GRACE_S", 0.0)
    outcome = supervisor.run_worker(dataclasses.replace(task, timeout_s=0.2), tmp_path)
    assert outcome.status == "measure_failed"
    assert "no end" in outcome.message


def test_a_measurement_that_runs_out_of_time_keeps_the_shapes_that_are_done(task, tmp_path, monkeypatch):
    from mesh_datasets.fingerprint import mesh_fingerprint

    from bench.codec import Context
    from bench.planning.references import write_mesh

    reference = tmp_path / f"{mesh_fingerprint(sphere())}.npz"
    write_mesh(reference, sphere())
    Path(task.decoded).mkdir()
    write_mesh(Path(task.decoded) / "000000.npz", sphere())
    left = iter([5.0, -1.0])
    monkeypatch.setattr(Context, "remaining", lambda self: next(left))
    three = dataclasses.replace(task, references=(str(reference),) * 3, protocol={"samples": 50, "seed": 0})
    shapes = worker.measure(three, Context(scratch=tmp_path))["shapes"]
    assert [shape["status"] for shape in shapes] == ["ok", "measure_failed", "measure_failed"]
    assert "--timeout" in shapes[1]["message"]


def test_one_shape_that_cannot_be_measured_leaves_the_others_alone(monkeypatch):
    from bench.metrics import measure

    def broken(*_, **__):
        raise ZeroDivisionError("a bug in a metric")

    monkeypatch.setattr(measure, "measure", broken)
    found = worker._measure_shape(sphere(), sphere(), Protocol(samples=10), 0, 1)
    assert found["status"] == "measure_failed"
    assert "a bug in a metric" in found["message"]


def test_a_reference_without_an_area_is_no_fault_of_the_codec():
    import trimesh

    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    assert worker._measure_shape(flat, sphere(), Protocol(samples=10), 0, 1)["status"] == "measure_failed"
    assert worker._measure_shape(sphere(), flat, Protocol(samples=10), 0, 1)["status"] == "empty"


def test_a_budget_of_memory_reaches_the_decoder(task, tmp_path):
    from bench.codec import Context
    from bench.registry import get

    codec = get("identity")
    codec.encode([sphere()], codec.rate_type(), Context(scratch=tmp_path)).write(Path(task.archive))
    decoding = dataclasses.replace(task, phase="decode", codec="identity", result=str(tmp_path / "decode.json"))
    assert supervisor.run_worker(decoding, tmp_path).result["failures"] == {}
    shutil.rmtree(tmp_path / "decoded")
    outcome = supervisor.run_worker(dataclasses.replace(decoding, max_memory=1), tmp_path)
    status, message = outcome.result["failures"]["0"]
    assert status == "corrupt"
    assert "--max-memory" in message


@pytest.mark.parametrize(("gpus", "started"), [((), True), ((0,), False)], ids=["its own", "not yet its turn"])
def test_a_gpu_is_started_before_the_clock_whatever_the_codec_does(task, gpus, started):
    decoding = dataclasses.replace(task, phase="decode", codec="tests.bench.doubles:Rounding", device="cuda", gpus=gpus)
    with PretendedCuda() as seen:
        worker._warm_up(decoding)
    assert bool(seen.launches["convolution"]) == started
