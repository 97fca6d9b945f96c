from __future__ import annotations

import io
from pathlib import Path

import pytest

from bench import machine
from bench.execution.progress import RunProgress, clock, describe
from bench.planning.jobs import Job


def test_the_machine_is_described():
    facts = machine.describe()
    assert facts["cores"] >= 1
    assert facts["memory_gb"] > 0.1
    assert facts["packages"]["numpy"]
    assert machine.describe()["fingerprint"] == facts["fingerprint"]
    assert machine.memory_mb() == pytest.approx(facts["memory_gb"] * 1024, rel=0.1)


def test_without_a_driver_torch_is_not_even_imported(monkeypatch):
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    if not Path("/dev/nvidia0").exists():
        assert not machine.cuda_available()


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (75, "1 min 15 s"), (7300, "2 h 1 min")])
def test_times_are_readable(seconds, text):
    assert clock(seconds) == text


def set_row(encode_s: float) -> dict:
    timing = {"wall_s": encode_s}
    none = {"wall_s": 0.0}
    common = {"status": "ok", "message": "", "bytes": 1234, "failed": 0, "unmeasured": 0, "shapes": 2}
    return {**common, "encode": timing, "decode": none, "measure": none}


def test_progress_tells_the_remaining_time():
    fields = dict.fromkeys(("dataset", "name", "version", "device", "protocol", "shapes"), "x")
    jobs = [Job(**fields, codec="a", rate=str(i), settings={}, seed=0) for i in range(3)]
    stream = io.StringIO()
    progress = RunProgress(total=3, workers=1, stream=stream)
    for i, job in enumerate(jobs):
        progress.finish(job, set_row(60.0), jobs[i + 1 :])
    progress.close()
    lines = stream.getvalue().splitlines()
    assert [line.rpartition("; ")[2] for line in lines[:2]] == ["about 2 min 0 s left", "about 1 min 0 s left"]
    assert lines[2].startswith("[3/3] a 2: 1,234 bytes")


def test_a_failed_set_is_described_by_its_reason():
    assert describe({"status": "timeout", "message": "too late\nlog"}) == "timeout: too late"
