"""Which meshes the commands take, what they call them, and where they write them."""

import os
from pathlib import Path

import numpy as np
import pytest
import trimesh

from bench.codec.errors import DamagedReference
from necgs.__main__ import main
from necgs.coding.container import Entry
from necgs.commands.decompress import _targets
from necgs.commands.inputs import WrongInput, read_meshes
from necgs.set_file import NamedMesh, NormalizedMeshes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "meshes"
    inside.mkdir()
    for name in ("good.ply", "good.OFF", "Good.obj", "good.stl", "good.glb", "good.3mf"):
        trimesh.creation.box().export(inside / name, file_type=name.rpartition(".")[2].lower())
    return inside


def test_a_folder_gives_the_formats_that_bench_takes_under_names_that_differ_by_more_than_case(folder: Path) -> None:
    meshes = read_meshes([folder])
    assert len(meshes) == 6
    assert len({mesh.name.casefold() for mesh in meshes}) == 6
    assert read_meshes([folder / "good.ply"], taken=["GOOD"])[0].name == "good_2"


def test_invalid_meshes_stop_the_command_or_are_left_out_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "gone.obj").symlink_to("/nowhere/at/all.obj")
    (folder / "._good.obj").write_bytes(bytes(100))
    (folder / "flat.obj").write_text("v 0 0 0\nv 1 1 1\nv 3 3 3\nf 1 2 3\n")
    with pytest.raises(WrongInput, match="--skip-invalid") as caught:
        read_meshes([folder])
    assert len(read_meshes([folder], skip_invalid=True)) == 6
    said = capsys.readouterr().err
    for name in ("gone.obj", "._good.obj", "flat.obj"):
        assert name in said
        assert name in str(caught.value)
    with pytest.raises(WrongInput, match="no mesh is left"):
        read_meshes([folder / "gone.obj"], skip_invalid=True)


def test_decoded_files_never_overwrite_each_other_where_case_does_not_count(tmp_path: Path) -> None:
    entries = [Entry(name, 0, 0) for name in ("Chair", "chair", "CHAIR", "straße", "STRASSE")]
    names = [target.name for target in _targets(tmp_path, entries, entries, "ply", force=False)]
    assert names == ["Chair.ply", "chair_2.ply", "CHAIR_3.ply", "straße.ply", "STRASSE_2.ply"]
    assert [target.name for target in _targets(tmp_path, entries, entries[1:2], "ply", force=False)] == ["chair_2.ply"]


def test_decoded_files_of_the_longest_names_can_be_written(tmp_path: Path) -> None:
    names = ["a" * 255, "A" * 255, "b" * 251, "ä" * 127 + "a"]
    entries = [Entry(name, 0, 0) for name in names]
    targets = _targets(tmp_path, entries, entries, "ply", force=False)
    for target in targets:
        target.write_bytes(b"")
    assert len({target.name.casefold() for target in targets}) == 4
    assert targets[2].name == f"{names[2]}.ply"


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongInput, match="is a file; --output names a folder"):
        _targets(tmp_path / "file", [], [], "ply", force=False)


def test_an_option_leaves_invalid_meshes_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gone.obj").symlink_to("/nowhere/at/all.obj")
    command = ["compress", str(tmp_path), "-o", str(tmp_path / "a.necgs"), "--quiet"]
    assert main(command) == 2
    assert "gone.obj" in capsys.readouterr().err
    assert main([*command, "--skip-invalid"]) == 2
    assert "no mesh is left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:99", "cuda:99"),
        ("mps", "'mps' does not name one device (it can be auto, cpu, cuda or cuda:1)"),
        ("cuda:0,cuda:1", "'cuda:0,cuda:1' does not name one device"),
    ],
)
def test_a_device_that_is_not_there_exits_with_2(
    folder: Path, device: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = folder.parent / "out.necgs"
    try:
        code = main(["compress", str(folder / "good.ply"), "-o", str(output), "--device", device, "--quiet"])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("command", "option", "value", "message"),
    [
        ("compress", "--threads", "x", "'x' is not a whole number from 1 on"),
        ("compress", "--seed", "-1.5", "'-1.5' is not a whole number from 0 on"),
        ("decompress", "--max-memory", "4GB", "'4GB' is not a number above 0 and below a million, without a unit"),
    ],
)
def test_what_is_wrong_with_a_number_is_said_in_words(
    command: str, option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "x", "-o", "y", option, value])
    assert f"argument {option}: {message}" in capsys.readouterr().err


def test_meshes_that_are_not_kept_are_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = read_meshes([folder])
    monkeypatch.setattr("necgs.commands.inputs.KEPT", 0)
    read_again = read_meshes([folder])
    for one, other in zip(NormalizedMeshes(kept), NormalizedMeshes(read_again), strict=True):
        np.testing.assert_array_equal(one.vertices, other.vertices)
        np.testing.assert_array_equal(one.faces, other.faces)
    (folder / "good.stl").unlink()
    os.utime(folder / "good.ply", ns=(1, 1))
    gone = [mesh for mesh in read_again if not can_be_read(mesh)]
    assert len(gone) == 2
    for mesh in gone:
        with pytest.raises(DamagedReference, match="was changed or taken away"):
            _ = mesh.mesh


def can_be_read(mesh: NamedMesh) -> bool:
    try:
        return len(mesh.mesh.faces) == 12
    except DamagedReference:
        return False
