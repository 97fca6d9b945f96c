"""Folders for temporary files of codecs that are used without the harness; those left empty go with the process."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import tempfile
from pathlib import Path


def temporary_folder() -> Path:
    """A new folder. What is in it when the process ends is kept: it tells why something failed."""
    with contextlib.suppress(FileNotFoundError):
        return Path(tempfile.mkdtemp(dir=_parent(os.getpid())))
    _parent.cache_clear()  # somebody has tidied up
    return Path(tempfile.mkdtemp(dir=_parent(os.getpid())))


@functools.cache
def _parent(process: int) -> str:
    """The folder of all folders of this process (one that was forked has its own)."""
    folder = tempfile.mkdtemp(prefix="bench-")
    atexit.register(_remove_empty, folder, process)
    return folder


def _remove_empty(folder: str, process: int) -> None:
    if os.getpid() != process:
        return
    for place in (*Path(folder).glob("*"), Path(folder)):
        with contextlib.suppress(OSError):
            place.rmdir()
