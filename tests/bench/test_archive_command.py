"""Archives and decoded meshes come out of a run by codec and rate; a run from Python gives its summary."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

import bench
from bench.codec import Archive, UserError
from bench.results.store import RunFolder
from tests.bench.command_line import run_command


@pytest.fixture(scope="module")
def finished(tmp_path_factory, meshes_dir, tiny_profile, cache_dir):
    """The summary of a run from Python, and its folder."""
    out = tmp_path_factory.mktemp("runs") / "run"
    options = {"profile": str(tiny_profile), "out": out, "cache": cache_dir, "device": "cpu"}
    return bench.run(["draco@q11", "identity"], f"folder:{meshes_dir}", **options), RunFolder(out)


def test_a_run_from_python_gives_its_summary(finished):
    points, folder = finished
    assert points[["codec", "rate", "failed"]].values.tolist() == [["draco", "q11", 0], ["identity", "lossless", 0]]
    assert points["bytes"].tolist() == [row["bytes"] for row in sorted(folder.set_rows(), key=lambda row: row["codec"])]
    assert folder.read_manifest()["argv"][0] == "--codecs=draco@q11,identity"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"codecs": "darco"}, "did you mean 'draco'"), ({"limit": 0}, "--limit"), ({"device": "abacus"}, "--device")],
)
def test_a_wrong_call_is_an_error_that_names_it(options, message, tmp_path):
    with pytest.raises(UserError, match=message):
        bench.run(**{"codecs": "identity", "dataset": "sample", "out": tmp_path, **options})


def test_the_archives_are_listed(finished, capsys):
    assert run_command("archive", str(finished[1].path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[1:3] for line in lines) == [["draco", "q11"], ["identity", "lossless"]]


def test_coded_bytes_come_out_named_after_their_shapes(finished, tmp_path):
    folder = finished[1]
    assert run_command("archive", str(folder.path), "draco", "q11", "--out", str(tmp_path)) == 0
    row = next(row for row in folder.set_rows() if row["codec"] == "draco")
    archive = Archive.read(folder.archive(row["archive"]))
    parts = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(parts) == ["a_sphere.ply", "b_torus.ply", "c_box.ply"]
    assert [parts[name] for name in sorted(parts)] == [part.data for part in archive.shapes]


def test_decoded_meshes_lie_where_their_sources_do(finished, tmp_path, meshes_dir, cache_dir, monkeypatch):
    monkeypatch.setenv("NECGS_BENCH_CACHE", str(cache_dir))
    command = ("archive", str(finished[1].path), "identity", "lossless", "--decoded", "--shape", "b_torus.ply")
    assert run_command(*command, "--out", str(tmp_path)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["b_torus.ply.obj"]
    source = trimesh.load_mesh(meshes_dir / "b_torus.ply", process=False)
    decoded = trimesh.load_mesh(tmp_path / "b_torus.ply.obj", process=False)
    assert np.abs(source.bounds - decoded.bounds).max() < 1e-6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("darco", "q11"), "did you mean 'draco'"),
        (("draco", "q8"), "no rate 'q8'"),
        (("draco", "q11", "--shape", "a_spher.ply"), "did you mean 'a_sphere.ply'"),
        (("draco", "q11", "--dataset", "sample"), "say which with --dataset"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(finished, words, message, capsys):
    assert run_command("archive", str(finished[1].path), *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_get_a_completion_script(shell, capsys):
    assert run_command("completion", shell) == 0
    assert "--skip-unavailable" in capsys.readouterr().out
