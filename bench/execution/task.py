"""What a worker process is told and how it answers: the task file and the files beside its result."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DISK_FULL_EXIT = 28
"""A worker's exit code when the disk is full."""


FAILURE = {
    "prepare": "encode_failed",
    "encode": "encode_failed",
    "decode": "decode_failed",
    "measure": "measure_failed",
}
"""Phase -> status of an error in it that says nothing more precise. Whatever happens while measuring is the last."""


@dataclass(frozen=True)
class Task:
    """What a worker process is told. Plain values only: it travels as JSON.

    Args:
        phase: ``prepare``, ``encode``, ``decode`` or ``measure``.
        codec: registered name or ``module:Class``.
        archive: folder of the coded bytes (written by encode, read by decode).
        decoded: folder of the decoded meshes (written by decode, read by measure).
        references: files of the reference meshes; empty for decode.
        settings: resolved rate settings; empty for decode.
        cache: folder of the codecs' cache; empty for decode.
        protocol: fields of the metric protocol; for measure.
        max_memory: bytes that decoding may ask for; None: by the length of the archive (`bench.codec.memory`).
        first: number in the set of the first reference: how a shape is measured depends on its own.
        gpus: one of these the process takes when the codec asks for it; empty: ``device`` is the process's already.
    """

    phase: str
    codec: str
    archive: str
    decoded: str
    scratch: str
    result: str
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    timeout_s: float = 3600.0
    cache: str = ""
    references: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    max_memory: int | None = None
    first: int = 0
    gpus: tuple[int, ...] = ()

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> Task:
        """Read back what `write` wrote."""
        values = json.loads(path.read_text())
        return cls(**{**values, **{name: tuple(values[name]) for name in ("references", "gpus")}})

    @property
    def progress_path(self) -> Path:
        """JSON of the worker's progress."""
        return Path(self.result).with_suffix(".progress")

    @property
    def room_path(self) -> Path:
        """Marker file: there as long as the disk has room; the worker removes it when a write finds the disk full."""
        return Path(self.result).with_suffix(".room")

    @property
    def waiting_path(self) -> Path:
        """Marker file: there while the worker waits for a GPU; its time stands still."""
        return Path(self.result).with_suffix(".waiting")

    @property
    def started_path(self) -> Path:
        """Marker file: written when warm-up ends and timing starts."""
        return Path(self.result).with_suffix(".started")
