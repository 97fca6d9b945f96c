"""The table of fits: it shows each volume, refuses what is no file, and runs as a program."""

import dataclasses
import subprocess
import sys

import pytest
import trimesh

from necgs.fit.direct import DirectFit
from necgs.studies.fit_table import fit_rows, main

K = 20
QUICK = DirectFit(iterations=40, associate_every=8)


@pytest.fixture
def block():
    """A box in general position: sharp edges that no regular grid hits."""
    box = trimesh.creation.box((1.1, 0.8, 0.7))
    box.apply_transform(trimesh.transformations.rotation_matrix(0.5, [1, 2, 3]))
    return box


def test_table_shows_each_volume(tmp_path, capsys, block):
    path = tmp_path / "block.ply"
    block.copy().apply_scale(3).export(path)
    fit = dataclasses.replace(QUICK, iterations=10)
    plain, fitted = fit_rows(block, "block", K, [("direct", fit)])
    assert fitted.reference_to_volume < plain.reference_to_volume
    assert fitted.normals > plain.normals > 0.9
    assert main([str(path), "--resolution", "12", "--method", "rendered", "--iterations", "2", "--size", "64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["block", "12", "plain"], ["block", "12", "rendered"]]


def test_table_refuses_what_is_no_file(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["/nowhere.ply"])
    assert stop.value.code == 2
    assert "nowhere.ply" in capsys.readouterr().err


def test_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "necgs.studies.fit_table", "--help"], capture_output=True, text=True, check=True
    )
    assert "--method" in done.stdout
