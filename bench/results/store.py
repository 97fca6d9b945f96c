"""The run folder: ``manifest.json``, ``rows.jsonl``, ``summary.csv``, ``archives/``, ``decoded/``.

``rows.jsonl`` holds one JSON object a line. A finished job appends, in one write, a row of kind ``shape`` per shape
and then one of kind ``set``; a job counts as finished when its set row is there. What a killed run left unfinished
at the end of the file is cut off when the file is next opened for writing.

Columns of both kinds: ``kind, job, archive, dataset, codec, rate, seed, status, message, protocol, device``.

Shape rows: ``index, shape, category, source_bytes, bytes`` (marginal: this shape's own part), ``decoded_sha256``,
and the metrics of `bench.metrics.measure.measure` (penalties where the status is not ``ok``), distances in 1e-3.

Set rows: ``shapes, failed, source_bytes, bytes, bytes_shared, ledger`` (component -> bytes), ``settings`` (resolved
rate parameters), ``codec_version, archive_sha256, workers, notes, encode, decode, measure`` (each of the last three is
``{wall_s, cpu_s, recalled_s, phases, peak_mb, threads}``, or null where the job did not come so far; ``cpu_s`` is null
where the process was killed; ``recalled_s``: seconds of work that an earlier job had done, beyond ``wall_s``). A job
that failed as a whole has the failure in its set row and in every shape row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.codec.atomic_write import write_atomically

Row = dict[str, Any]

STATUSES = (
    "ok",
    "empty",
    "invalid_mesh",
    "encode_failed",
    "decode_failed",
    "corrupt",
    "timeout",
    "out_of_memory",
    "unavailable",
)
"""Every status that a row may carry; all but ``ok`` count with the penalty of `bench.metrics.protocol.penalty`."""


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

    def archive(self, archive: str) -> Path:
        """Folder of a job's coded bytes, by the ``archive`` of its rows; nothing else lies in it."""
        return self.path / "archives" / archive

    def decoded(self, archive: str) -> Path:
        """Folder of a job's decoded meshes (kept on request)."""
        return self.path / "decoded" / archive

    def failure(self, archive: str) -> Path:
        """Folder of what a failed job left behind: its scratch files and the output of its processes."""
        return self.path / "failures" / archive

    def read_manifest(self) -> Row:
        """The manifest. Raises `StoreError` where there is none or it cannot be read."""
        try:
            manifest = json.loads(self.manifest_path.read_text())
        except FileNotFoundError:
            raise StoreError(f"{self.path} is not a run folder: it has no manifest.json") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.manifest_path} cannot be read: {error}") from None
        if not isinstance(manifest, dict):
            raise StoreError(f"{self.manifest_path} does not hold a JSON object")
        return manifest

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest as a whole: a reader sees the old one or the new one."""
        write_atomically(self.manifest_path, json.dumps(manifest, indent=2, sort_keys=True) + "\n")

    def rows(self) -> list[Row]:
        """Rows of finished jobs, in the order written; of each job its last attempt only.

        A later job for the same (dataset, codec, rate, seed), say of a newer codec version, replaces an earlier one.
        """
        groups = [group for group, _ in _finished(self.rows_path)]
        latest = {_point(group[-1]): number for number, group in enumerate(groups)}
        kept = sorted(latest.values())
        return [row for number in kept for row in groups[number]]

    def set_rows(self) -> list[Row]:
        """The set rows alone."""
        return [row for row in self.rows() if row["kind"] == "set"]

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
        for _, end in _finished(self.rows_path):  # noqa: B007
            pass
        size = self.rows_path.stat().st_size
        if size > end:
            os.truncate(self.rows_path, end)
        return size - end


def _finished(path: Path) -> Iterator[tuple[list[Row], int]]:
    """Groups of rows that end in a set row, each with the offset in the file at which it ends."""
    if not path.exists():
        return
    group: list[Row] = []
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            try:
                row = json.loads(line)
            except ValueError:
                raise StoreError(f"{path}, line {number}: not JSON; the file was altered") from None
            group.append(row)
            if row["kind"] == "set":
                yield group, offset
                group = []


def _point(row: Row) -> tuple[str, str, str, int]:
    return row["dataset"], row["codec"], row["rate"], row["seed"]
