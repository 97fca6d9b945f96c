"""Stand-ins for external programs: small scripts that behave, or misbehave, as the real ones do."""

import stat
import sys

import pytest
import trimesh

from baselines.points.gpcc import TMC3
from baselines.points.pcgcv2 import checkpoint
from baselines.points.vpcc import Vpcc


def pytest_runtest_setup(item):
    """Tests of a real program run where the program is."""
    if item.get_closest_marker("tmc3") and TMC3.find() is None:
        pytest.skip(TMC3.availability().reason)
    if item.get_closest_marker("tmc2") and not Vpcc().availability().ok:
        pytest.skip(Vpcc().availability().reason)
    if item.get_closest_marker("checkpoints") and not checkpoint.availability().ok:
        pytest.skip(checkpoint.availability().reason)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Make an executable Python script and, where asked, the environment variable that names it."""

    def make(body, name="program", variable=None):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable} -S\nimport os, sys, time\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        if variable:
            monkeypatch.setenv(variable, str(path))
        return path

    return make


@pytest.fixture
def sphere():
    return trimesh.creation.icosphere(subdivisions=3, radius=0.8)
