"""Room on the disk, asked for before it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.codec.context import disk_is_full
from bench.codec.disk_room import free, readable
from bench.codec.user_folders import DATA_VARIABLE, PROGRAMS_VARIABLE
from bench.fetching.errors import DiskFull, FetchFailed

SPARE = 200_000_000
REMEDY = f"free some, or let {DATA_VARIABLE} (data) or {PROGRAMS_VARIABLE} (programs) name a folder on another disk"


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
