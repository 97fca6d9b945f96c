"""Volumes of a set on several processes: the same as on one, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import trimesh

import necgs.set_volumes
from bench.codec import Context, DeadlineExceeded
from necgs.paper_settings import PaperRate
from necgs.set_volumes import volumes_of
from necgs.settings import NecgsRate

RATE = NecgsRate(resolution=16)


def meshes() -> list[trimesh.Trimesh]:
    balls = [trimesh.creation.icosphere(subdivisions=2, radius=0.3 + 0.2 * index) for index in range(3)]
    return [*balls[:2], trimesh.Trimesh(), balls[2]]


@pytest.fixture
def few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(necgs.set_volumes, "WORTH_IT", 2)


@pytest.mark.usefixtures("few_are_worth_it")
def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    alone, beside = Context(), Context(threads=2, cache=tmp_path)
    told: list[tuple[int, int]] = []
    beside.report = lambda done, total, note: told.append((done, total))
    (fitted, one), (indices, two) = volumes_of(meshes(), RATE, alone), volumes_of(meshes(), RATE, beside)
    assert fitted == indices == [0, 1, 3]
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.codes, b.codes)
        assert np.array_equal(a.edges, b.edges)
    assert alone.failures == beside.failures
    assert list(beside.failures) == [2]
    assert set(beside.phases) == set(alone.phases) == {"tsdf", "fit"}
    assert told == [(done, 4) for done in (1, 2, 3, 4)]
    assert len(list(tmp_path.rglob("*.npz"))) == 6


def test_whole_volumes_are_in_the_order_of_the_shapes() -> None:
    rate = PaperRate.of({"resolution": 16, "fit": "none", "width": 2, "deformation": False})
    fitted, whole = volumes_of(meshes(), rate, Context())
    assert fitted == [0, 1, 3]
    assert isinstance(whole, np.ndarray)
    inside = [int((volume < 0).sum()) for volume in whole]
    assert inside == sorted(inside)
    assert len(set(inside)) == 3


@pytest.mark.usefixtures("few_are_worth_it")
def test_a_deadline_ends_the_processes() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(DeadlineExceeded):
        volumes_of(meshes(), RATE, Context(threads=2, deadline=time.monotonic() - 1))
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    commands = [" ".join(psutil.Process(pid).cmdline()) for pid in left]
    assert not [command for command in commands if "loky" in command and "resource_tracker" not in command]


SCRIPT = """
import sys, time
import necgs.set_volumes, trimesh
from bench.codec import Context
from necgs.settings import NecgsRate

def told(done, total, note):
    print("working", flush=True)
    time.sleep(60)

necgs.set_volumes.WORTH_IT = 2
balls = [trimesh.creation.icosphere(subdivisions=2, radius=0.2 + 0.1 * index) for index in range(4)]
necgs.set_volumes.volumes_of(balls, NecgsRate(resolution=16), Context(threads=2, report=told))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_processes_do_not_outlive_one_that_is_killed() -> None:
    """The caller's script, which has no ``if __name__ == "__main__"``, runs once."""
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "working\n"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert children
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
