"""The Python door: its examples, round trips in the meshes' own coordinates, errors, a light import."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

import necgs
from bench.codec import CorruptArchive, EncodeFailed, InvalidMesh
from necgs.__main__ import main
from necgs.set_file import rate_for

DOCS = Path(__file__).parents[2] / "docs" / "hybrid.md"
FAST = necgs.NecgsRate(resolution=16, width=4, epochs=3, fit="none")


@pytest.fixture(scope="module")
def meshes() -> list[trimesh.Trimesh]:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=250.0).apply_translation((1000, -500, 3))
    return [ball, trimesh.creation.torus(0.7, 0.3)]


@pytest.fixture(scope="module")
def data(meshes: list[trimesh.Trimesh]) -> bytes:
    return necgs.compress(meshes, names=["ball", "ring"], rate=FAST, threads=1)


def test_the_example_of_the_docstring() -> None:
    assert doctest.testmod(necgs).failed == 0
    assert doctest.testmod(necgs).attempted >= 4


def test_the_example_of_the_docs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meshes: list[trimesh.Trimesh]
) -> None:
    example = next(
        block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S) if "import necgs" in block
    )
    monkeypatch.chdir(tmp_path)
    for name, mesh in zip(("ball.ply", "ring.ply"), meshes, strict=True):
        mesh.export(name)
    exec(compile(example, str(DOCS), "exec"), {})
    assert trimesh.load_mesh("ring_decoded.ply").is_watertight


def test_meshes_come_back_under_their_names_in_their_own_coordinates(
    data: bytes, meshes: list[trimesh.Trimesh]
) -> None:
    decoded = necgs.decompress(data, threads=1)
    assert list(decoded) == ["ball", "ring"]
    for mesh, original in zip(decoded.values(), meshes, strict=True):
        size = float(np.ptp(original.bounds, axis=0).max())
        np.testing.assert_allclose(mesh.bounds, original.bounds, atol=0.08 * size)


def test_the_bytes_are_a_file_that_the_command_line_reads(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "set.necgs").write_bytes(data)
    command = ["decompress", str(tmp_path / "set.necgs"), "-o", str(tmp_path), "--quiet", "--threads", "1"]
    assert main([*command, "--device", "cpu"]) == 0
    np.testing.assert_allclose(
        trimesh.load_mesh(tmp_path / "ring.ply").bounds, necgs.decompress(data)["ring"].bounds, atol=1e-5
    )


def test_names_are_given_and_chosen(data: bytes, meshes: list[trimesh.Trimesh]) -> None:
    assert list(necgs.decompress(data, names=["ring"])) == ["ring"]
    assert list(necgs.decompress(necgs.compress(meshes[1:], rate=FAST))) == ["mesh_0"]
    with pytest.raises(KeyError, match="chair"):
        necgs.decompress(data, names=["chair"])
    for names in (["one"], ["same", "same"], ["../up", "b"]):
        with pytest.raises(ValueError, match="name"):
            necgs.compress(meshes, names=names, rate=FAST)
    with pytest.raises(ValueError, match="at least one mesh"):
        necgs.compress([])


def test_names_are_refused_before_any_work(meshes: list[trimesh.Trimesh], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("necgs.set_file.compressed", lambda *_: pytest.fail("the work has begun"))
    for names in (["same", "same"], ["../up", "b"], ["a", "x" * 256], ["", "b"]):
        with pytest.raises(ValueError, match="name"):
            necgs.compress(meshes, names=names, rate=FAST)


def test_the_threads_of_the_program_stay_as_they_were(data: bytes, meshes: list[trimesh.Trimesh]) -> None:
    before = torch.get_num_threads()
    necgs.decompress(data, threads=before + 1)
    assert torch.get_num_threads() == before
    with pytest.raises(InvalidMesh):
        necgs.compress([trimesh.Trimesh()], rate=FAST, threads=before + 1)
    necgs.compress(meshes[:1], rate=FAST, threads=before + 1)
    assert torch.get_num_threads() == before


def test_less_or_more_memory_is_allowed(data: bytes) -> None:
    with pytest.raises(CorruptArchive, match="max-memory"):
        necgs.decompress(data, max_memory=1000)
    assert len(necgs.decompress(data, max_memory=1 << 40)) == 2


def test_the_mode_decides_where_there_is_no_rate_and_must_not_contradict_one() -> None:
    types = {"auto": necgs.HybridRate, "mesh": necgs.MeshSetRate, "volume": necgs.NecgsRate}
    assert {mode: type(rate_for(mode, None)) for mode in types} == types
    for rate in (FAST, necgs.PaperRate()):
        assert rate_for("auto", rate) is rate_for("volume", rate) is rate
        with pytest.raises(ValueError, match="not a rate of mode mesh"):
            rate_for("mesh", rate)
    with pytest.raises(ValueError, match="auto, mesh, volume"):
        necgs.compress([trimesh.creation.box()], mode="points")


def test_meshes_by_mode(meshes: list[trimesh.Trimesh]) -> None:
    coded = necgs.compress(meshes, rate=necgs.MeshSetRate(faces=60), mode="mesh", threads=1)
    for mesh, original in zip(necgs.decompress(coded).values(), meshes, strict=True):
        np.testing.assert_allclose(mesh.bounds, original.bounds, atol=0.1 * float(original.extents.max()))


def test_what_cannot_be_coded_is_named(meshes: list[trimesh.Trimesh]) -> None:
    with pytest.raises(InvalidMesh, match="nothing"):
        necgs.compress([trimesh.Trimesh()], names=["nothing"])
    flat = trimesh.Trimesh(meshes[1].vertices.copy(), meshes[1].faces, process=False)
    flat.vertices[0] = np.nan
    with pytest.raises((InvalidMesh, EncodeFailed), match="flat"):
        necgs.compress([flat], names=["flat"], rate=FAST)


def test_damaged_bytes_are_a_corrupt_archive(data: bytes) -> None:
    for damaged in (data[:-5], b"", b"nonsense" * 9):
        with pytest.raises(CorruptArchive):
            necgs.decompress(damaged)


def test_the_published_method_has_the_same_door(meshes: list[trimesh.Trimesh]) -> None:
    rate = necgs.PaperRate(resolution=16, width=2, epochs=2, deformation=False)
    assert list(necgs.decompress(necgs.compress(meshes, rate=rate))) == ["mesh_0", "mesh_1"]


def test_the_import_is_light() -> None:
    program = "import sys, necgs; necgs.compress, necgs.NecgsRate; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"torch", "open3d", "trimesh", "scipy", "numba", "constriction", "igl", "pandas"}
    assert not heavy & set(answer.stdout.split())
