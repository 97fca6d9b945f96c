"""Training states on disk: written atomically, under a hash, read without unpickling code."""

from __future__ import annotations

import hashlib
import io
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch

from bench.codec.atomic_write import replacing

HASH_BYTES = 32
SECONDS_BETWEEN = 30.0
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

    def load(self) -> dict[str, Any] | None:
        """The stored state, or None where there is none that fits (missing, damaged, of another training)."""
        if self._path is None or not self._path.is_file():
            return None
        with self._path.open("rb") as file:
            expected, found = file.read(HASH_BYTES), hashlib.sha256()
            while piece := file.read(_PIECE):
                found.update(piece)
            if expected != found.digest():  # torch.load trusts every bit
                return None
            file.seek(HASH_BYTES)
            try:
                stored = torch.load(file, map_location="cpu", weights_only=True)
            except (RuntimeError, pickle.UnpicklingError):  # of another version of torch
                return None
        state: dict[str, Any] | None = stored["state"] if stored["fingerprint"] == self._fingerprint else None
        return state

    def due(self) -> bool:
        """Whether enough time has passed to save again."""
        return self._path is not None and time.monotonic() - self._saved > SECONDS_BETWEEN

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file by ``state`` in one step."""
        if self._path is None:
            return
        with replacing(self._path, durable=True) as file:
            hashing = _Hashing(file)
            file.write(bytes(HASH_BYTES))
            torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, hashing)
            file.seek(0)
            file.write(hashing.digest.digest())
        self._saved = time.monotonic()


class _Hashing(io.RawIOBase):
    """Passes on what is written, and hashes it: a large state is never there as one piece of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()
