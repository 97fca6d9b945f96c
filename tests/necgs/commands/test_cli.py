"""The command line: round trips in the meshes' own coordinates, exit codes, nothing half written, nothing outside."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

import necgs.commands.compress
import necgs.training.train
from bench.codec import Context
from bench.codec.atomic_write import write_atomically
from necgs.__main__ import build_parser, main
from necgs.codec import NecgsCodec
from necgs.coding.container import SetFile
from necgs.commands.compress import settings_of
from necgs.commands.target_size import width_for
from necgs.paper_codec import NecgsPaperCodec

FAST = ["--mode", "volume", "--resolution", "16", "--width", "2", "--quiet", "--threads", "1", "--device", "cpu"]
FAST += ["--set", "epochs=20", "--set", "fit=none"]
DENSE = ["--codec", "necgs-paper", "--set", "epochs=60", "--set", "learning_rate=0.01", "--set", "deformation=off"]
QUIET = ["--quiet", "--threads", "1", "--device", "cpu"]


def save(folder: Path, name: str, mesh: trimesh.Trimesh, scale: float, offset: tuple[float, float, float]) -> Path:
    path = folder / name
    mesh.apply_scale(scale).apply_translation(offset).export(path)
    return path


def ball_and_box(folder: Path) -> Path:
    save(folder, "ball.ply", trimesh.creation.icosphere(subdivisions=3), 250.0, (1000.0, -500.0, 3.0))
    save(folder, "box.obj", trimesh.creation.box((1.6, 1.0, 0.7)), 0.01, (0.0, 0.0, 5.0))
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_and_box(tmp_path_factory.mktemp("sources"))


def compress(sources: Path, output: Path, *more: str) -> Path:
    assert main(["compress", str(sources), "-o", str(output), *FAST, *more]) == 0
    return output


@pytest.fixture(scope="module")
def coded(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compress(sources, tmp_path_factory.mktemp("coded") / "set.necgs")


@pytest.fixture(scope="module")
def dense(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compress(sources, tmp_path_factory.mktemp("dense") / "set.necgs", *DENSE)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("file_type", ["ply", "obj", "stl"])
def test_meshes_come_back_in_their_own_coordinates(coded: Path, sources: Path, tmp_path: Path, file_type: str) -> None:
    assert main(["decompress", str(coded), "-o", str(tmp_path), "--format", file_type, *QUIET]) == 0
    assert files(tmp_path) == [f"ball.{file_type}", f"box.{file_type}"]
    for name in ("ball.ply", "box.obj"):
        original = trimesh.load_mesh(sources / name)
        decoded = trimesh.load_mesh(tmp_path / f"{Path(name).stem}.{file_type}")
        size = float(np.ptp(original.bounds, axis=0).max())
        np.testing.assert_allclose(decoded.bounds, original.bounds, atol=0.08 * size)


def test_the_output_does_not_depend_on_the_run(coded: Path, sources: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.necgs"
    assert main(["compress", str(sources / "ball.ply"), str(sources / "box.obj"), "-o", str(again), *FAST]) == 0
    assert again.read_bytes() == coded.read_bytes()
    for folder in ("a", "b"):
        assert main(["decompress", str(coded), "-o", str(tmp_path / folder), *QUIET]) == 0
    assert (tmp_path / "a" / "ball.ply").read_bytes() == (tmp_path / "b" / "ball.ply").read_bytes()


def test_one_mesh_alone(coded: Path, tmp_path: Path) -> None:
    assert main(["decompress", str(coded), "-o", str(tmp_path), "--only", "box", *QUIET]) == 0
    assert files(tmp_path) == ["box.ply"]


@pytest.mark.parametrize("decoder", ["coded", "dense"])
def test_the_surface_on_another_grid(decoder: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    command = ["decompress", str(request.getfixturevalue(decoder)), "--only", "ball", *QUIET, "-o"]
    assert main([*command, str(tmp_path / "coded")]) == 0
    for resolution in ("16", "8", "31"):
        assert main([*command, str(tmp_path / resolution), "--resolution", resolution]) == 0
    assert (tmp_path / "16" / "ball.ply").read_bytes() == (tmp_path / "coded" / "ball.ply").read_bytes()
    coarse, coded, fine = (trimesh.load_mesh(tmp_path / name / "ball.ply") for name in ("8", "16", "31"))
    assert 3 * len(coarse.faces) < len(coded.faces) < len(fine.faces) / 3
    for other in (coarse, fine):
        assert other.is_watertight
        np.testing.assert_allclose(other.bounds, coded.bounds, atol=0.1 * 500)


@pytest.mark.parametrize("resolution", ["7", "65"])
def test_a_grid_too_coarse_or_too_fine_exits_with_2(
    coded: Path, tmp_path: Path, resolution: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(["decompress", str(coded), "-o", str(output), "--resolution", resolution, *QUIET]) == 2
    assert "8^3 to 64^3" in capsys.readouterr().err
    assert not output.exists()


def test_info_accounts_for_every_byte(coded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(coded), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == coded.stat().st_size == sum(facts["ledger"].values())
    assert list(facts["shapes"]) == ["ball", "box"]
    assert facts["decoder"]["resolution"] == 16
    assert facts["codec"] == NecgsCodec.info.title
    assert main(["info", str(coded)]) == 0
    text = capsys.readouterr().out
    assert NecgsCodec.info.title in text
    assert "weights" in text
    assert "ball" in text


def test_info_tells_the_published_codec_from_ours(dense: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(dense)]) == 0
    text = capsys.readouterr().out
    assert NecgsPaperCodec.info.title in text
    assert "huffman" in text


@pytest.mark.parametrize("decoder", ["coded", "dense"])
def test_append_keeps_what_is_written(
    decoder: str, request: pytest.FixtureRequest, sources: Path, tmp_path: Path
) -> None:
    coded: Path = request.getfixturevalue(decoder)
    file = tmp_path / "set.necgs"
    file.write_bytes(coded.read_bytes())
    assert main(["append", str(file), str(sources / "ball.ply"), "--steps", "60", *QUIET]) == 0
    assert file.read_bytes().startswith(coded.read_bytes())
    assert main(["decompress", str(file), "-o", str(tmp_path / "out"), *QUIET]) == 0
    assert files(tmp_path / "out") == ["ball.ply", "ball_2.ply", "box.ply"]
    original, added = (trimesh.load_mesh(tmp_path / "out" / name) for name in ("ball.ply", "ball_2.ply"))
    np.testing.assert_allclose(added.bounds, original.bounds, atol=40)


def test_append_keeps_the_link_and_the_mode_of_a_file(coded: Path, sources: Path, tmp_path: Path) -> None:
    file, link = tmp_path / "set.necgs", tmp_path / "link.necgs"
    file.write_bytes(coded.read_bytes())
    file.chmod(0o640)
    link.symlink_to(file.name)
    assert main(["append", str(link), str(sources / "ball.ply"), "--steps", "1", "--fit", "none", *QUIET]) == 0
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert len(file.read_bytes()) > len(coded.read_bytes())


def test_a_target_is_kept(sources: Path, tmp_path: Path) -> None:
    fast = [*[argument for argument in FAST if argument not in ("--width", "2")], "--set", "epochs=2"]
    dense = ["--codec", "necgs-paper"]
    blocks = ["--set", "width=2"]
    for kind, target, least in ((dense, 64_000, 8_000), (blocks, 2_500, 1_000)):
        size = ["--target-bytes", str(target), "--force"]
        assert main(["compress", str(sources), "-o", str(tmp_path / "s.necgs"), *fast, *kind, *size]) == 0
        assert least < (tmp_path / "s.necgs").stat().st_size <= target
        too_small = ["--target-bytes", "100"]
        assert main(["compress", str(sources), "-o", str(tmp_path / "t.necgs"), *fast, *kind, *too_small]) == 2


def test_the_width_for_a_size_grows_with_it() -> None:
    widths = [width_for(target, 10, {"resolution": 64}) for target in (1_000, 20_000, 60_000, 10**6)]
    assert widths[0] == 0
    assert widths == sorted(widths)
    assert widths[2] >= 1


def test_a_rate_of_the_ladder_by_label() -> None:
    args = build_parser().parse_args(
        ["compress", "a", "-o", "b", "--mode", "volume", "--rate", "k128-fine", "--set", "epochs=9"]
    )
    assert settings_of(args) == {"resolution": 128, "lambda": 1e-3, "epochs": 9}


Arguments = Callable[[Path, Path], list[str]]

WRONG: dict[str, tuple[Arguments, str]] = {
    "no such mesh": (lambda src, out: ["compress", str(src / "nope.ply"), "-o", str(out / "x")], "nope.ply"),
    "not a mesh": (lambda src, out: ["compress", str(out / "text.ply"), "-o", str(out / "x")], "text.ply"),
    "empty folder": (lambda src, out: ["compress", str(out / "empty"), "-o", str(out / "x")], "holds no mesh files"),
    "no output folder": (lambda src, out: ["compress", str(src), "-o", str(out / "no" / "x")], "no folder"),
    "output exists": (lambda src, out: ["compress", str(src), "-o", str(out / "text.ply")], "--force"),
    "output is a folder": (
        lambda src, out: ["compress", str(src / "nope.ply"), "-o", str(out / "empty"), "--force"],
        "empty is a folder",
    ),
    "bad setting": (lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--set", "colour=1"], "colour"),
    "bad value": (
        lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--resolution", "63"],
        "multiple of the block",
    ),
    "a setting of the other codec": (
        lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--mode", "volume", "--set", "ssim=on"],
        "necgs: unknown setting ssim",
    ),
    "no such rate": (
        lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--mode", "volume", "--rate", "k65"],
        "k64, k96-coarse",
    ),
    "a rate of another mode": (
        lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--rate", "k64"],
        "f300, f500",
    ),
    "a size that is fixed and chosen": (
        lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--target-bytes", "99", "--faces", "30"],
        "--target-bytes chooses faces",
    ),
    "not a setting": (lambda src, out: ["compress", str(src), "-o", str(out / "x"), "--set", "epochs"], "KEY=VALUE"),
    "no such file": (lambda src, out: ["info", str(out / "nope.necgs")], "nope.necgs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named_and_exits_with_2(
    case: str, sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.ply").write_text("hello")
    (tmp_path / "empty").mkdir()
    arguments, message = WRONG[case]
    assert main(arguments(sources, tmp_path)) == 2
    assert message in capsys.readouterr().err
    assert files(tmp_path) == ["empty", "text.ply"]


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    output = ["compress", "a", "-o", "b"]
    for arguments in (["explode"], ["compress", "a.ply"], [*output, "--width", "-3"], [*output, "--seed", "-1"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "compress" in capsys.readouterr().out


def test_a_damaged_file_exits_with_1(coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "damaged.necgs"
    damaged.write_bytes(coded.read_bytes()[:-9])
    for arguments in (["info"], ["decompress", "-o", str(tmp_path / "out")], ["append", str(coded)]):
        assert main([arguments[0], str(damaged), *arguments[1:]]) == 1
    assert "cut short" in capsys.readouterr().err
    assert damaged.read_bytes() == coded.read_bytes()[:-9]


def test_a_damaged_shape_does_not_keep_the_others(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(coded.read_bytes())
    with coded.open("rb") as file:
        ball = SetFile(file).entries[0]
    data[ball.offset + ball.length - 9] ^= 1
    damaged = tmp_path / "damaged.necgs"
    damaged.write_bytes(data)
    assert main(["decompress", str(damaged), "-o", str(tmp_path / "out"), *QUIET]) == 1
    assert files(tmp_path / "out") == ["box.ply"]
    told = capsys.readouterr()
    assert "1 mesh written" in told.out
    assert "shape ball is damaged" in told.err
    assert "1 of 2 shapes could not be decoded: ball" in told.err
    assert main(["info", str(damaged)]) == 1
    assert re.search(r"bytes  damaged +ball\n.*bytes  volume +box\n", capsys.readouterr().out)
    assert main(["info", str(damaged), "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert list(facts["damaged"]) == ["ball"]
    assert facts["bytes"] == sum(facts["ledger"].values())


def test_info_may_be_allowed_less_memory_or_more(coded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(coded), "--max-memory", "1e-6"]) == 1
    assert "--max-memory allows more" in capsys.readouterr().err
    assert main(["info", str(coded), "--max-memory", "64"]) == 0


def test_existing_meshes_are_not_overwritten_unasked(coded: Path, tmp_path: Path) -> None:
    (tmp_path / "box.ply").write_text("mine")
    assert main(["decompress", str(coded), "-o", str(tmp_path), *QUIET]) == 2
    assert files(tmp_path) == ["box.ply"]
    assert (tmp_path / "box.ply").read_text() == "mine"
    assert main(["decompress", str(coded), "-o", str(tmp_path), "--force", *QUIET]) == 0
    assert (tmp_path / "box.ply").read_bytes().startswith(b"ply")


def test_an_unknown_name_is_answered_with_the_known_ones(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decompress", str(coded), "-o", str(tmp_path / "out"), "--only", "../box", *QUIET]) == 2
    assert "ball, box" in capsys.readouterr().err
    assert files(tmp_path) == []


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "set.necgs"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, b"new")
    assert files(tmp_path) == ["set.necgs"]
    assert target.read_bytes() == b"old"


def test_a_full_disk_exits_with_1(
    coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["decompress", str(coded), "-o", str(tmp_path), *QUIET]) == 1
    assert "No space left" in capsys.readouterr().err
    assert files(tmp_path) == []


def test_where_the_volumes_of_a_training_lie_is_told(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compressed(meshes: object, codec: object, context: Context) -> bytes:
        context.notes["volumes_lie"] = "on the host: volumes 16.8 GB, a step about 4.7 GB"
        return b"archive"

    monkeypatch.setattr(necgs.commands.compress, "compressed", compressed)
    assert main(["compress", str(sources), "-o", str(tmp_path / "s.necgs"), *FAST]) == 0
    assert "volumes on the host: volumes 16.8 GB, a step about 4.7 GB\n" in capsys.readouterr().out


def test_names_of_files_become_names_of_shapes(sources: Path, tmp_path: Path) -> None:
    odd = tmp_path / "in"
    for name in ("a b.ply", "x:y?.ply", "sub/ball.ply", "ball.ply"):
        (odd / name).parent.mkdir(parents=True, exist_ok=True)
        (odd / name).write_bytes((sources / "ball.ply").read_bytes())
    output = tmp_path / "s.necgs"
    assert main(["compress", str(odd), str(odd / "sub"), "-o", str(output), *FAST, "--set", "epochs=1"]) == 0
    with output.open("rb") as file:
        assert SetFile(file).names == ["a b", "ball", "x_y_", "ball_2"]


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    program = "import sys; from necgs.__main__ import build_parser; build_parser().format_help(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"torch", "open3d", "trimesh", "scipy", "numba", "constriction", "igl", "pandas"}
    assert not heavy & set(answer.stdout.split())


def test_idle_threads_do_not_spin(coded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert main(["info", str(coded)]) == 0
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
