"""The run folder: ``manifest.json``, ``rows.jsonl``, ``summary.csv``, ``archives/``, ``decoded/``.

``rows.jsonl`` holds one JSON object a line. A finished job appends, in one write, a row of kind ``shape`` per shape
and then one of kind ``set``; a job counts as finished when its set row is there. What a killed run left unfinished
at the end of the file is cut off when the file is next opened for writing.
Their columns: `bench.results.rows`; the manifest's: `bench.results.manifest`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.codec.archive import digest
from bench.codec.atomic_write import write_atomically
from bench.results.json_text import parse
from bench.results.manifest import Manifest, read_manifest
from bench.results.rows import JobRows, PointKey, Row, SetRow, ShapeRow, point_key, read_row
from bench.results.spec import InvalidSpec, codec_name
from bench.results.typed import WrongType


class StoreError(UserError):
    """A run folder that is missing, damaged, or of another run."""


@dataclass(frozen=True)
class RunFolder:
    """Reads and writes one run folder. One process writes at a time (`bench.execution.run` holds the lock)."""

    path: Path

    @property
    def manifest_path(self) -> Path:
        return self.path / "manifest.json"

    @property
    def rows_path(self) -> Path:
        return self.path / "rows.jsonl"

    @property
    def summary_path(self) -> Path:
        return self.path / "summary.csv"

    @property
    def lock_path(self) -> Path:
        return self.path / ".lock"

    @property
    def log_path(self) -> Path:
        """What the run said, with times."""
        return self.path / "run.log"

    def strangers(self) -> list[str]:
        """Names in the folder, in order, that a run does not make before its manifest."""
        return sorted(path.name for path in self.path.iterdir() if path != self.lock_path)

    def drop_scratch(self) -> None:
        """Remove the folder in which jobs work, once none does."""
        with contextlib.suppress(OSError):
            (self.path / "scratch").rmdir()

    def archive(self, archive: str) -> Path:
        """Folder of a job's coded bytes, by the ``archive`` of its rows; nothing else lies in it."""
        return self._inside("archives", archive)

    def decoded(self, archive: str) -> Path:
        """Folder of a job's decoded meshes (kept on request)."""
        return self._inside("decoded", archive)

    def failure(self, archive: str) -> Path:
        """Folder of what a failed job left behind: its scratch files and the output of its processes."""
        return self._inside("failures", archive)

    def altered_archives(self) -> list[str]:
        """Codec and rate of each finished job whose archive lies here but no longer has the hash in its row."""
        found = []
        for job in self.jobs():
            row = job.whole
            folder = self.archive(row["archive"])
            if row["archive_sha256"] and folder.is_dir() and digest(folder) != row["archive_sha256"]:
                found.append(f"{row['dataset']} {row['codec']} {row['rate']}")
        return found

    def _inside(self, kind: str, name: str) -> Path:
        """A folder of a job, whose name comes from a row: never a path that leads elsewhere."""
        path = self.path / kind / name
        if re.fullmatch("[0-9A-Za-z_-]+", name) is None or path.is_symlink():
            raise StoreError(f"{self.rows_path}: archive {name!r} is not the name of a folder of the run")
        return path

    def read_manifest(self) -> Manifest:
        """The manifest. Raises `StoreError` where there is none or it cannot be read."""
        try:
            return read_manifest(parse(self.manifest_path.read_text()))
        except FileNotFoundError:
            raise StoreError(f"{self.path} is not a run folder: it has no manifest.json") from None
        except NotADirectoryError:
            raise StoreError(f"{self.path} is a file, no run folder") from None
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(f"{self.manifest_path} cannot be read: {error}") from None

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest as a whole: a reader sees the old one or the new one."""
        write_atomically(self.manifest_path, json.dumps(manifest, indent=2, sort_keys=True) + "\n")

    def jobs(self) -> Iterator[JobRows]:
        """The finished jobs one after the other, in the order written; of each point its last attempt only.

        A later job for the same (dataset, codec, rate, seed), say of a newer codec version, replaces an earlier one.
        Only one job's rows are held at a time. Raises `StoreError` naming the line of a damaged file.
        """
        latest: dict[PointKey, int] = {}
        for number, whole in enumerate(_set_rows(self.rows_path)):
            latest[point_key(whole)] = number
        kept = set(latest.values())
        for number, job in enumerate(_finished(self.rows_path)):
            if number in kept:
                yield job.rows

    def rows(self) -> list[Row]:
        """All rows of `jobs`."""
        return [row for job in self.jobs() for row in job.rows]

    def set_rows(self) -> list[SetRow]:
        """The set rows alone."""
        return [job.whole for job in self.jobs()]

    def append(self, rows: Iterable[Row]) -> None:
        """Append a finished job's rows in one write and flush them to the disk."""
        text = "".join(json.dumps(row, sort_keys=True, allow_nan=False) + "\n" for row in rows)
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.rows_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            before = os.fstat(descriptor).st_size
            data = text.encode()
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)  # a full disk must not leave half a job
                raise
        finally:
            os.close(descriptor)

    def recover(self) -> int:
        """Cut off what an interrupted write left at the end of the rows. Returns the number of bytes removed."""
        if not self.rows_path.exists():
            return 0
        end = 0
        for job in _finished(self.rows_path):
            end = job.end
        size = self.rows_path.stat().st_size
        if size > end:
            os.truncate(self.rows_path, end)
        return size - end


@dataclass(frozen=True)
class _Finished:
    """A job's rows and the offset in the file at which they end."""

    rows: JobRows
    end: int


def _finished(path: Path) -> Iterator[_Finished]:
    if not path.exists():
        return
    shapes: list[ShapeRow] = []
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            row = _parsed(line, f"{path}, line {number}")
            if row["kind"] == "set":
                yield _Finished(JobRows(shapes, row), offset)
                shapes = []
            else:
                shapes.append(row)


def _shared(values: Any) -> Any:
    """``values`` with names and texts that rows have in common kept once: half the memory of a large run."""
    if not isinstance(values, dict):
        return values
    return {sys.intern(name): sys.intern(value) if type(value) is str else value for name, value in values.items()}


def _set_rows(path: Path) -> Iterator[SetRow]:
    """The set rows of `_finished`, in its order, without a look at the rows of the shapes."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            if b'"set"' in line:
                row = _parsed(line, f"{path}, line {number}")
                if row["kind"] == "set":
                    yield row


def _parsed(line: bytes, where: str) -> Row:
    try:
        row = read_row(_shared(parse(line.decode())))
        codec_name(row["codec"])
        return row
    except (WrongType, InvalidSpec) as error:
        raise StoreError(f"{where}: {error}") from None
    except (ValueError, RecursionError):
        raise StoreError(f"{where}: not JSON; the file was altered") from None
