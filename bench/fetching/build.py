"""A program built from its authors' sources at a pinned commit: git clone, CMake, Release, out of the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fetching.errors import FetchFailed, WrongSource
from bench.fetching.repository import git_directory

LOG = "build.log"
QUOTED = 12
"""Last lines of a log that an error shows."""


@dataclass(frozen=True)
class Build:
    """How a program is built.

    Args:
        url: of the git repository.
        commit: its full id; the contents are known by it.
        options: of CMake.
        also: what the build itself downloads, in words; empty for nothing.
    """

    url: str
    commit: str
    options: tuple[str, ...] = ()
    also: str = ""


def missing_tools() -> list[str]:
    """What a build needs and is not installed, in words."""
    missing = [name for name in ("git", "cmake") if shutil.which(name) is None]
    if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        missing.append("a C++ compiler")
    return missing


def require_tools() -> None:
    """Raise `FetchFailed` where a tool is missing, naming all that are."""
    if missing := missing_tools():
        raise FetchFailed(
            f"building needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            "install what is missing (Debian: apt install git cmake g++), or pass a built program with --source",
        )


def is_source(folder: Path) -> bool:
    """Whether a folder is a git repository, bare or not, or a source tree for CMake."""
    return folder.is_dir() and (git_directory(folder) is not None or (folder / "CMakeLists.txt").is_file())


def built(build: Build, given: Path | None, work: Path, jobs: int | None = None) -> tuple[Path, str]:
    """Build; returns the folder of sources and build, and what was built: ``git <commit>`` or ``sources of <folder>``.

    Args:
        build: how.
        given: a git repository or source tree to build from; None: the one at ``build.url``.
        work: an own folder; what an interrupted build left in it goes. The log lies there, as `LOG`.
        jobs: processes; None: one a core.

    Raises:
        FetchFailed: a missing tool, no network, a build that fails, with the end of its log.
        WrongSource: the repository has no such commit.
    """
    require_tools()
    folder = work / "build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = work / LOG
    log.unlink(missing_ok=True)
    source = folder / "source"
    if given is None or git_directory(given) is not None:
        _clone(build, given, source, log)
        made = f"git {build.commit}"
    else:
        shutil.copytree(given, source)
        made = f"sources of {given}"
    count = str(jobs or os.cpu_count() or 1)
    # The policy lets CMake 4 read files that were written for versions below 3.5.
    options = ("-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_POLICY_VERSION_MINIMUM=3.5", *build.options)
    _run("configuring", ["cmake", "-S", str(source), "-B", str(folder / "out"), *options], log)
    _run(f"building, {count} processes, minutes", ["cmake", "--build", str(folder / "out"), "--parallel", count], log)
    return folder, made


def _clone(build: Build, given: Path | None, source: Path, log: Path) -> None:
    origin = build.url if given is None else str(given)
    _run(f"cloning {origin}", ["git", "clone", "--quiet", "--no-checkout", origin, str(source)], log)
    try:
        _run(f"commit {build.commit[:7]}", ["git", "-C", str(source), "checkout", "--quiet", build.commit], log)
    except FetchFailed as error:
        raise WrongSource(f"{origin} does not give commit {build.commit[:7]}: {error.what}", "clone it anew") from None


def _run(what: str, command: Sequence[str], log: Path) -> None:
    """Run with all that is said in the log; says what goes on."""
    print(f"{what} (log: {log})", file=sys.stderr)
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}  # never ask for a password
    with log.open("ab") as file:
        file.write(f"$ {' '.join(command)}\n".encode())
        file.flush()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False
        )
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines()[-QUOTED:]
        said = "\n    ".join(line for line in lines if line.strip())
        raise FetchFailed(f"{' '.join(command[:3])} failed:\n    {said}", f"the whole log: {log}")
