"""A file where a command wants a folder, and a locale that cannot write names: said, not a traceback."""

import locale
import os
from pathlib import Path

import pytest

from bench.__main__ import main
from tests.reports.synthetic import write_run


@pytest.mark.parametrize("below", ["", "run"])
@pytest.mark.parametrize("option", ["--out", "--cache"])
def test_a_file_in_the_place_of_a_folder(
    tmp_path: Path, option: str, below: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    folders = {"--out": tmp_path / "run", "--cache": tmp_path / "cache", option: file / below}
    command = ["run", "--profile", "smoke", "--codecs", "identity", "--dataset", "sample", "--limit", "1"]
    assert main([*command, *(word for name, path in folders.items() for word in (name, str(path)))]) == 2
    said = capsys.readouterr().err
    assert f"{option}: {file} is a file, where a folder is needed" in said
    assert "goes on" not in said


def test_the_cache_of_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("NECGS_BENCH_CACHE", str(file))
    assert main(["run", "--profile", "smoke", "--out", str(tmp_path / "run")]) == 2
    assert "NECGS_BENCH_CACHE" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has code pages")
def test_a_locale_that_is_not_utf_8(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _=True: "ISO-8859-1")
    assert main(["datasets"]) == 2
    assert "PYTHONUTF8=1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["report", "{run}", "--formats", "svg", "--views", "none", "--out", "{file}/x"],
        ["report", "{run}", "--formats", "svg", "--views", "none", "--site", "{file}"],
        ["archive", "{run}", "draco", "r1", "--out", "{file}"],
        ["merge", "{run}", "-o", "{file}/x"],
        ["gate", "{run}", "--baseline", "{file}/x.json", "--update-baseline"],
    ],
)
def test_a_place_that_cannot_be_written_is_named_and_is_no_verdict(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = write_run(tmp_path / "run", shapes=2, rates=1, codecs=["draco"]), tmp_path / "file"
    file.write_text("")
    assert main([word.format(run=run.path, file=file) for word in command]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"bench {command[0]}: {file}")
    assert len(said.splitlines()) == 1
