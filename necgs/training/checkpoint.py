"""Training states on disk: written atomically, under a hash, read without unpickling code."""

from __future__ import annotations

import hashlib
import io
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import torch

from bench.codec.atomic_write import replacing

HASH_BYTES = 32
SECONDS_BETWEEN = 30.0
QUICK = 1.5
"""Seconds of saving beyond which there is more time between two: the state of thousands of shapes is a gigabyte."""

_NAMED = 16
_PIECE = 1 << 20


class Checkpoint:
    """The last state of one training, in a file that is named after its inputs: another training has another file.

    Args:
        folder: where the file is, or None to keep nothing.
        fingerprint: of everything that the training depends on, in hex.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self._path = None if folder is None else folder / f"training-{fingerprint[:_NAMED]}.pt"
        self._fingerprint = fingerprint
        self._saved = time.monotonic()
        self._took = 0.0

    def load(self) -> dict[str, Any] | None:
        """The stored state, or None where there is none that fits (missing, damaged, of another training)."""
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as file:
                if not _is_whole(file):  # torch.load trusts every bit
                    return None
                file.seek(HASH_BYTES)
                stored = torch.load(file, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError):  # not there; of another version of torch
            return None
        state: dict[str, Any] | None = stored["state"] if stored["fingerprint"] == self._fingerprint else None
        return state

    def due(self) -> bool:
        """Whether enough time has passed to save again."""
        pause = SECONDS_BETWEEN * max(1.0, self._took / QUICK)
        return self._path is not None and time.monotonic() - self._saved > pause

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file by ``state`` in one step."""
        if self._path is None:
            return
        start = time.monotonic()
        with replacing(self._path, durable=True) as file:
            hashing = _Hashing(file)
            file.write(bytes(HASH_BYTES))
            torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, cast("IO[bytes]", hashing))
            file.seek(0)
            file.write(hashing.digest.digest())
        self._saved = time.monotonic()
        self._took = self._saved - start


def _is_whole(file: IO[bytes]) -> bool:
    expected, found = file.read(HASH_BYTES), hashlib.sha256()
    while piece := file.read(_PIECE):
        found.update(piece)
    return expected == found.digest()


class _Hashing(io.RawIOBase):
    """Passes on what is written, and hashes it: a large state is never there as one piece of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()
