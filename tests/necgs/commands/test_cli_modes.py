"""``compress --mode``: each mode's files are read by all commands; an option of another mode is refused by name."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from necgs.__main__ import main
from necgs.coding.container import SetFile
from necgs.commands.append import _check_options
from necgs.commands.inputs import WrongInput
from necgs.commands.target_size import largest_within, within

QUIET = ["--quiet", "--threads", "1", "--device", "cpu"]
SMALL = ["--faces", "60", "--quiet", "--device", "cpu"]
CODECS = {"auto": "hybrid", "mesh": "meshset"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    ball = trimesh.creation.icosphere(subdivisions=3).apply_scale(250).apply_translation((1000, -500, 3))
    ball.export(folder / "ball.ply")
    trimesh.creation.torus(0.02, 0.005).apply_translation((0, 0, 5)).export(folder / "ring.ply")
    return folder


@pytest.fixture(scope="module")
def files(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("coded")
    for mode in CODECS:
        command = ["compress", str(sources), "-o", str(folder / f"{mode}.necgs"), "--mode", mode]
        assert main([*command, *SMALL]) == 0
    return {mode: folder / f"{mode}.necgs" for mode in CODECS}


@pytest.mark.parametrize("mode", CODECS)
def test_meshes_come_back_in_their_own_coordinates(
    mode: str, files: dict[str, Path], sources: Path, tmp_path: Path
) -> None:
    assert main(["decompress", str(files[mode]), "-o", str(tmp_path), *QUIET]) == 0
    for name in ("ball.ply", "ring.ply"):
        original, decoded = (trimesh.load_mesh(folder / name) for folder in (sources, tmp_path))
        assert len(decoded.faces) <= 240
        size = float(np.ptp(original.bounds, axis=0).max())
        np.testing.assert_allclose(decoded.bounds, original.bounds, atol=0.1 * size)
    assert main(["decompress", str(files[mode]), "-o", str(tmp_path / "one"), "--only", "ring", *QUIET]) == 0
    assert (tmp_path / "one" / "ring.ply").read_bytes() == (tmp_path / "ring.ply").read_bytes()


def test_auto_is_the_default_and_says_how_many_shapes_have_which_mode(
    files: dict[str, Path], sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.necgs"
    assert main(["compress", str(sources), "-o", str(again), *SMALL]) == 0
    assert "2 mesh, 0 volume" in capsys.readouterr().out
    assert again.read_bytes() == files["auto"].read_bytes()
    assert len(again.read_bytes()) == files["mesh"].stat().st_size + 1


@pytest.mark.parametrize("mode", CODECS)
def test_info_accounts_for_every_byte(mode: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(files[mode]), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == files[mode].stat().st_size == sum(facts["ledger"].values())
    assert min(facts["ledger"].values()) >= 0
    assert facts["modes"] == {"ball": "mesh", "ring": "mesh"}
    assert main(["info", str(files[mode])]) == 0
    with files[mode].open("rb") as file:
        assert SetFile(file).codec == CODECS[mode]


@pytest.mark.parametrize("mode", CODECS)
def test_what_a_file_of_meshes_cannot_do_is_said(
    mode: str, files: dict[str, Path], sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files[mode].read_bytes()
    output = tmp_path / "out"
    assert main(["decompress", str(files[mode]), "-o", str(output), "--resolution", "64", *QUIET]) == 2
    assert "--resolution has no effect" in capsys.readouterr().err
    assert not output.exists()
    command = ["append", str(files[mode]), str(sources / "ball.ply"), *QUIET]
    for more, message in {
        ("--steps", "9"): "--steps has no effect",
        ("--fit", "none"): "--fit has no effect",
        ("--known", str(sources / "chair.ply")): "the file holds no shape chair; it holds ball, ring",
        ("--known", str(sources / "nothing" / "ball.ply")): "ball.ply",
    }.items():
        assert main([*command, *more]) == 2
        assert message in capsys.readouterr().err
    assert files[mode].read_bytes() == before


def test_what_a_file_of_both_kinds_cannot_do_is_said() -> None:
    args = argparse.Namespace(file="set.necgs", known=None, faces=None, steps=9, fit=None)
    with pytest.raises(
        WrongInput, match=r"--steps has no effect: .* meshes and volumes, and new shapes join as meshes"
    ):
        _check_options(args, meshes=True, volumes=True)


@pytest.fixture(scope="module")
def poses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three forms of one list of faces, far from the origin and large."""
    folder = tmp_path_factory.mktemp("poses")
    ball = trimesh.creation.icosphere(subdivisions=3, radius=80)
    for number, stretch in enumerate(([1, 0.8, 1.2], [1.2, 1, 0.8], [0.9, 1.2, 1])):
        bent = ball.vertices * stretch + 8 * np.sin(ball.vertices[:, [1, 2, 0]] / (20 + 5 * number))
        trimesh.Trimesh(bent + np.array([500, 0, -90]), ball.faces, process=False).export(folder / f"pose_{number}.ply")
    return folder


@pytest.mark.parametrize("mode", CODECS)
def test_a_pose_joins_its_group_where_an_original_is_at_hand(mode: str, poses: Path, tmp_path: Path) -> None:
    file = tmp_path / "set.necgs"
    first, second, third = (str(poses / f"pose_{number}.ply") for number in range(3))
    assert main(["compress", first, second, "-o", str(file), "--mode", mode, *SMALL[2:], "--faces", "150"]) == 0
    before, sizes = file.read_bytes(), []
    for known in ([], ["--known", first]):
        file.write_bytes(before)
        assert main(["append", str(file), third, *known, *QUIET]) == 0
        assert file.read_bytes().startswith(before)
        sizes.append(file.stat().st_size - len(before))
        assert main(["decompress", str(file), "-o", str(tmp_path), "--force", *QUIET]) == 0
        for number in range(3):
            original, decoded = (trimesh.load_mesh(folder / f"pose_{number}.ply") for folder in (poses, tmp_path))
            np.testing.assert_allclose(decoded.bounds, original.bounds, atol=8)
            assert 100 < len(decoded.faces) < 250
    assert sizes[1] < 0.8 * sizes[0]


def test_options_of_meshes_are_refused_for_a_file_of_volumes(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, mesh = tmp_path / "set.necgs", str(sources / "ball.ply")
    fast = ["--resolution", "16", "--width", "2", "--set", "epochs=1", "--set", "fit=none"]
    assert main(["compress", mesh, "-o", str(file), "--mode", "volume", *fast, *QUIET]) == 0
    for option, value in (("--faces", "60"), ("--known", mesh)):
        assert main(["append", str(file), mesh, option, value, *QUIET]) == 2
        assert f"{option} has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode", "mesh", "--resolution", "64"], "--resolution has no effect in mode mesh"),
        (["--mode", "mesh", "--width", "8"], "--width has no effect in mode mesh"),
        (["--mode", "mesh", "--seed", "0"], "--seed has no effect in mode mesh"),
        (["--mode", "mesh", "--checkpoint", "folder"], "--checkpoint has no effect in mode mesh"),
        (["--mode", "mesh", "--threads", "2"], "--threads has no effect in mode mesh"),
        (["--mode", "mesh", "--device", "cuda"], "--device cuda has no effect in mode mesh"),
        (["--mode", "mesh", "--set", "epochs=3"], "meshset: unknown setting epochs"),
        (["--mode", "volume", "--faces", "300"], "--faces has no effect in mode volume"),
        (["--codec", "necgs-paper", "--faces", "300"], "--faces has no effect in mode volume"),
        (["--mode", "auto", "--codec", "necgs"], "--codec has no effect in mode auto"),
        (["--width", "8"], "--width has no effect in mode auto: leave it out, or use --mode volume"),
        (["--set", "step=3"], "hybrid: unknown setting step"),
    ],
)
def test_an_option_of_another_mode_is_refused_by_name(
    arguments: Sequence[str], message: str, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compress", str(sources), "-o", str(tmp_path / "x.necgs"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_help_teaches_the_modes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compress", "--help"])
    text = capsys.readouterr().out
    for word in ("modes:", "meshes (modes auto and mesh)", "volumes (mode volume", "docs/hybrid.md"):
        assert word in text


def test_a_target_is_kept_and_used(sources: Path, tmp_path: Path) -> None:
    output = tmp_path / "s.necgs"
    command = ["compress", str(sources / "ball.ply"), "-o", str(output), *QUIET, "--target-bytes"]
    assert main([*command, "300"]) == 0
    assert 200 < output.stat().st_size <= 300
    assert main([*command, "40", "--force"]) == 2


def test_volumes_follow_the_faces_that_a_target_chooses() -> None:
    seen: dict[str, list[Mapping[str, Any]]] = {"hybrid": [], "meshset": []}
    for codec, settings in seen.items():

        def compress(chosen: Mapping[str, Any], settings: list[Mapping[str, Any]] = settings) -> bytes:
            settings.append(chosen)
            return bytes(chosen["faces"])

        assert 290 <= len(within(300, codec, {}, 1, compress)) <= 300
    assert seen["hybrid"][-1]["resolution"] == 48
    assert all(set(chosen) == {"faces"} for chosen in seen["meshset"])


@pytest.mark.parametrize("target", [100, 999, 40_000, 10**6])
def test_the_search_over_faces_comes_close_in_a_few_trials(target: int) -> None:
    tried: list[int] = []

    def make(faces: int) -> bytes:
        tried.append(faces)
        return bytes(60 + round(0.7 * min(faces, 300_000) ** 1.13))

    found, _ = largest_within(target, make)
    assert found is not None
    assert len(found) <= target
    assert len(found) >= 0.95 * target or target == 10**6
    assert len(tried) <= 9


def test_a_size_below_the_smallest_file_is_told_from_it() -> None:
    assert largest_within(50, lambda faces: bytes(60 + faces)) == (None, 64)
    assert largest_within(64, lambda faces: bytes(60 + faces)) == (bytes(64), 64)
