"""``bench fetch`` as it is typed."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from bench.fetching import sources
from bench.fetching.sources import SOURCES, Download
from tests.bench.command_line import run_command
from tests.bench.fetching.archives import ama_meshes
from tests.bench.fetching.file_server import FileServer
from tests.datasets.writers import write_ama, write_dt4d, write_thingi10k

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch):
    def give(text: str) -> None:
        typed = io.StringIO(text)
        monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "stdin", typed)

    return give


@pytest.fixture
def frames(tmp_path: Path) -> str:
    return str(write_ama(tmp_path / "frames"))


def test_the_list_names_all_and_where_they_go(capsys: Capture, home: Path, frames: str) -> None:
    assert run_command("fetch") == 0
    text = capsys.readouterr().out
    assert all(f"{name}: " in text for name in SOURCES)
    assert str(home / "programs") in text
    assert run_command("fetch", "ama", "--yes", "--source", frames) == 0
    capsys.readouterr()
    assert run_command("fetch", "--list") == 0
    assert f"{home / 'data' / 'ama'}: 5 files" in capsys.readouterr().out


def test_the_plan_says_what_from_where_how_large_and_under_which_licence(capsys: Capture, answer, home: Path) -> None:
    answer("n\n")
    assert run_command("fetch", "ama", "thingi10k", "pcgcv2") == 2
    text = capsys.readouterr().out
    for part in (
        "http://groups.csail.mit.edu/graphics/mesh_animation/D_bouncing/meshes.tgz and 9 more",
        "no licence stated; cite the paper",
        "written down on the first download and compared on the next",
        "about 4.1 GB to download, about 14 GB on disk",
        "SHA-256, known beforehand; some of its shapes are read",
        "SHA-256 of each file, known beforehand; a sphere is encoded and decoded",
        f"{home / 'data' / 'thingi10k'} (",
        "Go ahead? [y/N]",
    ):
        assert part in text, part
    assert not home.exists()


def test_yes_to_the_question_is_enough(capsys: Capture, answer, frames: str) -> None:
    answer("y\n")
    assert run_command("fetch", "ama", "--source", frames) == 0
    text = capsys.readouterr().out
    assert f"from       {frames}" in text
    assert "ama is ready: 5 files" in text
    assert text.endswith("    python -m bench run --dataset ama --limit 6\n")


def test_nobody_to_ask_is_no(capsys: Capture, frames: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert run_command("fetch", "ama", "--source", frames) == 2
    assert "--yes" in capsys.readouterr().err
    assert not (home / "data" / "ama").exists()


def test_what_is_here_is_not_fetched_again(capsys: Capture, frames: str, home: Path) -> None:
    fetched = ("fetch", "ama", "--yes", "--source", frames)
    assert run_command(*fetched) == 0
    before = (home / "data" / "ama" / "fetched.json").stat()
    assert run_command(*fetched) == 0
    assert "ama is here already" in capsys.readouterr().out
    assert (home / "data" / "ama" / "fetched.json").stat().st_ino == before.st_ino
    assert run_command(*fetched, "--again") == 0
    assert "replaces" in capsys.readouterr().out
    assert (home / "data" / "ama" / "fetched.json").stat().st_ino != before.st_ino


def test_mixed_from_one_folder_then_runs_without_a_data_root(capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    write_ama(folder / "ama"), write_dt4d(folder / "dt4d"), write_thingi10k(folder / "thingi10k")
    assert run_command("fetch", "mixed", "--yes", "--source", str(folder)) == 0
    capsys.readouterr()
    assert run_command("datasets", "mixed") == 0
    assert "13 shapes" in capsys.readouterr().out


def test_what_must_be_got_by_hand_says_how_and_ends_with_3(
    capsys: Capture, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/T_samba.tgz"] = ama_meshes("T_samba")
    near = replace(SOURCES["ama"], downloads=(Download(f"{server.url}/T_samba.tgz", "T_samba.tgz"),), installed=0)
    monkeypatch.setattr(sources, "SOURCES", MappingProxyType({**SOURCES, "ama": near}))
    assert run_command("fetch", "ama", "dt4d", "--yes") == 3
    text = capsys.readouterr().out
    assert "python -m bench fetch dt4d --source ARCHIVE_OR_FOLDER" in text
    assert "fill in the form" in text
    assert "ama is ready" in text


def test_remove_asks_and_leaves_nothing(capsys: Capture, answer, frames: str, home: Path) -> None:
    assert run_command("fetch", "ama", "--yes", "--source", frames) == 0
    answer("no\n")
    assert run_command("fetch", "ama", "--remove") == 2
    assert (home / "data" / "ama").exists()
    assert run_command("fetch", "ama", "dt4d", "--remove", "--yes") == 0
    assert "dt4d is not here" in capsys.readouterr().out
    assert not (home / "data" / "ama").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["gpc"], "did you mean 'gpcc'?"),
        (["thingi10k", "thingi10k:raw"], "go into one folder"),
        (["ama", "--source", "/nowhere/at/all"], "/nowhere/at/all is not there"),
    ],
)
def test_wrong_use_is_told(capsys: Capture, names: list[str], message: str) -> None:
    assert run_command("fetch", *names, "--yes") == 2
    assert message in capsys.readouterr().err


def test_an_error_of_a_server_is_a_line_and_exit_code_1(
    capsys: Capture, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = replace(SOURCES["ama"], downloads=(Download(f"{server.url}/x.tgz", "x.tgz"),), installed=0)
    monkeypatch.setattr(sources, "SOURCES", MappingProxyType({**SOURCES, "ama": near}))
    assert run_command("fetch", "ama", "--yes") == 1
    assert f"the server has no file at {server.url}/x.tgz" in capsys.readouterr().err


def test_doctor_and_the_lists_name_the_command(capsys: Capture) -> None:
    assert run_command("doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    for name, command in (("gpcc", "gpcc"), ("gpcc-octree", "gpcc"), ("vpcc", "vpcc"), ("pcgcv2", "pcgcv2")):
        assert f"python -m bench fetch {command}" in found["codecs"][name]["remedy"]
    for name in ("ama", "thingi10k", "dt4d", "mixed"):
        assert f"python -m bench fetch {name}" in found["datasets"][name]["where"]
    assert run_command("datasets") == 0
    assert "no; type: python -m bench fetch thingi10k" in capsys.readouterr().out


def test_a_run_of_what_is_not_here_names_the_command(capsys: Capture, meshes_dir: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"))
    assert run_command("run", "--codecs", "gpcc", "--dataset", f"folder:{meshes_dir}", *out) == 3
    assert "python -m bench fetch gpcc, which clones and builds" in capsys.readouterr().err
    assert run_command("run", "--codecs", "identity", "--dataset", "ama", *out) == 3
    assert "python -m bench fetch ama" in capsys.readouterr().err
