"""Programs built from sources: a stand-in repository with a CMake project, and what can be missing or go wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from bench import registry
from bench.fetching import build, sources, store, trial
from bench.fetching.build import Build, built, missing_tools
from bench.fetching.errors import FetchFailed, WrongSource
from bench.fetching.fetch import fetch
from bench.fetching.sources import SOURCES, Source
from tests.bench.command_line import run_command
from tests.bench.fetching.archives import program

CMAKE = """\
cmake_minimum_required(VERSION 3.0)
project(stand_in NONE)
message(STATUS "type ${CMAKE_BUILD_TYPE}")
set(to ${CMAKE_BINARY_DIR}/tmc3/tmc3)
add_custom_target(tmc3 ALL COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/program.py ${to})
"""
PROGRAMS = ("PccAppEncoder", "PccAppDecoder")
needs_tools = pytest.mark.skipif(bool(missing_tools()), reason=f"not installed: {', '.join(missing_tools())}")


def git(folder: Path, *command: str) -> str:
    names = {f"GIT_{who}_{what}": "x@y.z" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", str(folder), *command],
        env={**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: the first one is the pinned one, the second builds nothing."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(CMAKE)
    (folder / "program.py").write_text(program())
    (folder / "program.py").chmod(0o755)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all"), git(folder, "commit", "--quiet", "--message=pinned")
    git(folder, "rm", "--quiet", "program.py"), git(folder, "commit", "--quiet", "--message=newer")
    return folder


@pytest.fixture
def gpcc(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    pinned = git(repository, "rev-parse", "HEAD~1")
    found = replace(SOURCES["gpcc"], build=Build(str(repository), pinned))
    monkeypatch.setattr(sources, "SOURCES", MappingProxyType({**SOURCES, "gpcc": found}))
    return found


@needs_tools
@pytest.mark.parametrize("given", ["nothing", "checkout", "bare", "tree"])
def test_a_program_is_built_at_the_pinned_commit_tried_and_found(
    given: str, gpcc: Source, repository: Path, home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert gpcc.build
    if given == "bare":
        git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(tmp_path / "bare"))
    if given == "tree":
        git(repository, "checkout", "--quiet", gpcc.build.commit)
        shutil.copytree(repository, tmp_path / "tree", ignore=shutil.ignore_patterns(".git"))
    folder = {"nothing": None, "checkout": repository, "bare": tmp_path / "bare", "tree": tmp_path / "tree"}[given]
    options = ["--source", str(folder)] if folder else []
    assert run_command("fetch", "gpcc", "--yes", *options) == 0
    said = capsys.readouterr()
    assert "gpcc is ready" in said.out
    assert ("nothing is known of your files" if given == "tree" else "known beforehand") in said.out
    shelf = store.shelf_of(gpcc)
    assert (shelf.final / "bin" / "tmc3").read_text() == program()
    assert "type Release" in (shelf.final / build.LOG).read_text()
    record = store.record_of(shelf)
    assert record is not None
    made = f"sources of {folder}" if given == "tree" else f"git {gpcc.build.commit}"
    assert record.sha256["gpcc"] == made
    assert not shelf.work.exists()
    assert registry.get("gpcc").availability().ok


@needs_tools
@pytest.mark.parametrize("given", ["checkout", "tree"])
def test_sources_are_built_though_other_wanted_files_lie_in_them(
    given: str, repository: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V-PCC's folder cfg is wanted and lies in its sources: taking that alone is no program."""
    monkeypatch.setattr(trial, "tried", lambda source, root: "not tried")
    into = "set(into ${CMAKE_SOURCE_DIR}/bin)\nadd_custom_target(programs ALL"
    copies = (
        f" COMMAND ${{CMAKE_COMMAND}} -E copy ${{CMAKE_SOURCE_DIR}}/program.py ${{into}}/{name}" for name in PROGRAMS
    )
    (repository / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.5)\nproject(x NONE)\n{into}{''.join(copies)})\n"
    )
    for name in ("bin/.keep", "cfg/common/ctc-common.cfg"):
        (repository / name).parent.mkdir(parents=True)
        (repository / name).write_text("pinned")
    (repository / "program.py").write_text(program())
    git(repository, "add", "--all"), git(repository, "commit", "--quiet", "--message=with cfg")
    source = replace(SOURCES["vpcc"], build=Build(str(repository), git(repository, "rev-parse", "HEAD")))
    if given == "checkout":  # of a later state, in the working tree alone: the pinned commit counts
        (repository / "cfg/common/ctc-common.cfg").write_text("altered")
    else:
        shutil.rmtree(repository / ".git")
    fetch(source, [repository])
    final = store.shelf_of(source).final
    assert sorted(path.name for path in (final / "bin").iterdir()) == sorted(PROGRAMS)
    assert (final / "cfg/common/ctc-common.cfg").read_text() == "pinned"


@needs_tools
def test_a_built_program_that_does_not_work_is_not_installed(
    gpcc: Source, repository: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "program.py").write_text(program("sys.exit(3)"))
    git(repository, "add", "--all"), git(repository, "commit", "--quiet", "--message=broken")
    broken = replace(gpcc, build=Build(str(repository), git(repository, "rev-parse", "HEAD")))
    monkeypatch.setattr(sources, "SOURCES", MappingProxyType({**SOURCES, "gpcc": broken}))
    assert run_command("fetch", "gpcc", "--yes") == 1
    assert "does not work" in capsys.readouterr().err
    assert not store.shelf_of(gpcc).final.exists()


@needs_tools
def test_a_build_that_fails_shows_the_end_of_its_log(repository: Path, tmp_path: Path) -> None:
    newest = Build(str(repository), git(repository, "rev-parse", "HEAD"))
    with pytest.raises(FetchFailed, match=r"cmake --build .* failed(.|\n)*program\.py") as caught:
        built(newest, None, tmp_path / "work", jobs=1)
    assert str(tmp_path / "work" / build.LOG) in str(caught.value)


@needs_tools
def test_a_repository_without_the_commit_is_the_wrong_source(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongSource, match="does not give commit 0123456"):
        built(Build(str(repository), "0123456789" * 4), None, tmp_path / "work")
    with pytest.raises(FetchFailed, match="git clone"):
        built(Build(str(tmp_path / "nowhere"), "0" * 40), None, tmp_path / "work")


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchFailed, match=r"needs git and cmake and a C\+\+ compiler, which are not installed"):
        built(Build("https://example.invalid", "0" * 40), None, tmp_path)
