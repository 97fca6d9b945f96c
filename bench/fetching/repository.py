"""A file out of a git repository at a fixed commit: a checkout, or a bare git directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.codec.atomic_write import replacing
from bench.fetching.errors import FetchFailed, WrongSource


def git_directory(folder: Path) -> Path | None:
    """The git directory of a checkout, or the folder itself where it is one; None for other folders."""
    for candidate in (folder / ".git", folder):
        if (candidate / "HEAD").is_file() and (candidate / "objects").is_dir():
            return candidate
    return None


def take(folder: Path, commit: str, name: str, target: Path) -> None:
    """Write the file ``name`` of a commit to ``target``.

    Raises:
        FetchFailed: git is not installed.
        WrongSource: no such commit or file in it.
    """
    if shutil.which("git") is None:
        raise FetchFailed("git is not installed", f"install git, or pass the file {name} itself with --source")
    command = ["git", f"--git-dir={git_directory(folder)}", "cat-file", "blob", f"{commit}:{name}"]
    with replacing(target) as file:
        environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1"}  # a partial clone must not go to the network for it
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, env=environment, check=False
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise WrongSource(
                f"{folder} holds no {name} at commit {commit[:7]}: {said[-1] if said else 'git gives no reason'}",
                f"clone it with all its files, or pass the file {name} itself with --source",
            )
