"""Room on the disk, asked for before it is needed, and sizes as people read them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.codec.context import disk_is_full
from bench.codec.user_folders import DATA_VARIABLE, PROGRAMS_VARIABLE
from bench.fetching.errors import DiskFull, FetchFailed

SPARE = 200_000_000
REMEDY = f"free some, or let {DATA_VARIABLE} (data) or {PROGRAMS_VARIABLE} (programs) name a folder on another disk"


def readable(size: int) -> str:
    """``4.1 GB``, ``21 MB``, ``812 bytes``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}" if size < 10 * scale else f"{size / scale:,.0f} {unit}"
    return f"{size} bytes"


def free(folder: Path) -> int:
    """Free bytes of the disk on which ``folder`` lies or will lie."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(there).free


def require_room(folder: Path, needed: int) -> None:
    """Raise `DiskFull` where fewer than ``needed`` bytes are free."""
    there = free(folder)
    if there < needed + SPARE:
        wanted = f"{readable(needed + SPARE)} are needed in {folder}, {readable(there)} are free"
        raise DiskFull(wanted, REMEDY)


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """A full disk, or a folder that may not be written, as an error for the user."""
    try:
        yield
    except OSError as error:
        if disk_is_full(error):
            raise DiskFull(f"the disk of {folder} is full", REMEDY) from None
        if isinstance(error, PermissionError):
            raise FetchFailed(f"{error.filename or folder} may not be written", REMEDY.partition("or ")[2]) from None
        raise
