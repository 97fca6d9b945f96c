"""The folders of what was fetched: made ready aside, put in place in one step, listed, removed.

Below the folder of programs or data::

    gpcc/                      what was fetched, with a record of it; moved here when it is finished and was tried
    .fetching/gpcc/downloads/  what has arrived; kept until all is done
    .fetching/gpcc/ready/gpcc/ what is being made
    .fetching/gpcc/before/     what was there before, for the moment of the exchange
    .fetching/hashes.json      URL -> SHA-256 of the first download
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.codec.atomic_write import write_atomically
from bench.codec.user_folders import WORK, data_folder, programs_folder
from bench.fetching.errors import FetchFailed, WrongSource
from bench.fetching.sources import SOURCES, Source

RECORD = "fetched.json"


@dataclass(frozen=True)
class Record:
    """What is known of a fetched folder.

    Args:
        name: of the source.
        origins: URLs, or the user's files and folders.
        sha256: of each file that was downloaded or given, and of each program, by its name.
        files: how many were taken.
        size: their bytes.
        when: UTC, in ISO format.
        tried: what was found when it was tried.
    """

    name: str
    origins: tuple[str, ...]
    sha256: dict[str, str]
    files: int
    size: int
    when: str
    tried: str


@dataclass(frozen=True)
class Shelf:
    """The folders of one source."""

    root: Path
    name: str

    @property
    def final(self) -> Path:
        return self.root / self.name

    @property
    def work(self) -> Path:
        return self.root / WORK / self.name

    @property
    def downloads(self) -> Path:
        return self.work / "downloads"

    @property
    def ready(self) -> Path:
        """Stands for `final` until that is made; its parent stands for `root`."""
        return self.work / "ready" / self.name

    @property
    def before(self) -> Path:
        return self.work / "before"

    @property
    def book(self) -> Path:
        return self.root / WORK / "hashes.json"


def shelf_of(source: Source) -> Shelf:
    """Where a source is installed."""
    return Shelf(data_folder() if source.kind == "data" else programs_folder(), source.folder)


def record_of(shelf: Shelf) -> Record | None:
    """The record of a finished folder; None where there is none, or it is not ours."""
    try:
        found = json.loads((shelf.final / RECORD).read_text())
        return Record(**{**found, "origins": tuple(found["origins"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def require_own(shelf: Shelf) -> None:
    """Raise `WrongSource` where a folder of the same name is there that this command did not make."""
    empty = shelf.final.is_dir() and not any(shelf.final.iterdir())
    if shelf.final.exists() and record_of(shelf) is None and not empty:
        raise WrongSource(
            f"{shelf.final} is there and was not made by this command",
            "it is used as it is; to have it fetched, move it away first",
        )


@contextmanager
def work_on(shelf: Shelf) -> Iterator[None]:
    """Hold the folders of a source: a second fetch of it is refused, and what an interrupted one left is put right."""
    from filelock import FileLock, Timeout

    shelf.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(shelf.work.with_suffix(".lock"), timeout=0):
            if shelf.before.exists() and not shelf.final.exists():
                shelf.before.rename(shelf.final)
            for left in (shelf.before, shelf.ready.parent):
                shutil.rmtree(left, ignore_errors=True)
            shelf.ready.mkdir(parents=True)
            try:
                yield
            finally:
                shutil.rmtree(shelf.ready.parent, ignore_errors=True)
    except Timeout:
        raise FetchFailed(f"another process is fetching {shelf.name} into {shelf.root}", "wait for it") from None


def put_in_place(shelf: Shelf, record: Record) -> None:
    """Write the record and make what is ready the final folder; a former one is replaced."""
    write_atomically(shelf.ready / RECORD, json.dumps(asdict(record), indent=1))
    if shelf.final.exists():
        shelf.final.rename(shelf.before)
    shelf.ready.rename(shelf.final)
    shutil.rmtree(shelf.work, ignore_errors=True)


def remove(shelf: Shelf) -> None:
    """Delete what was fetched: under another name first, so that nothing half-deleted is ever found.

    What an interrupted fetch left goes, too. The hashes of earlier downloads stay.
    """
    if shelf.final.exists():
        require_own(shelf)
        shelf.work.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(shelf.before, ignore_errors=True)
        shelf.final.rename(shelf.before)
    shutil.rmtree(shelf.work, ignore_errors=True)


def left_over(shelf: Shelf) -> int:
    """Bytes that an interrupted fetch left."""
    return sum(path.stat().st_size for path in shelf.work.rglob("*") if path.is_file())


def shelves() -> dict[str, Shelf]:
    """The shelf of each source, by folder name."""
    return {source.folder: shelf_of(source) for source in SOURCES.values()}
