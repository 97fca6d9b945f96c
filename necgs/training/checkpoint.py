"""Training states on disk: written atomically, under a hash, read without unpickling code."""

from __future__ import annotations

import hashlib
import io
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bench.codec.atomic_write import write_atomically

HASH_BYTES = 32
SECONDS_BETWEEN = 30.0
_NAMED = 16


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
        try:
            data = b"" if self._path is None else self._path.read_bytes()
        except OSError:
            return None
        if data[:HASH_BYTES] != hashlib.sha256(data[HASH_BYTES:]).digest():  # torch.load trusts every bit
            return None
        try:
            stored = torch.load(io.BytesIO(data[HASH_BYTES:]), map_location="cpu", weights_only=True)
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
        stored = io.BytesIO()
        torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, stored)
        data = stored.getvalue()
        write_atomically(self._path, hashlib.sha256(data).digest() + data)
        self._saved = time.monotonic()
