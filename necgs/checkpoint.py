"""Training states on disk: written atomically, read without unpickling code."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

SECONDS_BETWEEN = 30.0


class Checkpoint:
    """The last state of one training, under a fingerprint that names its inputs.

    Args:
        path: the file, or None to keep nothing.
        fingerprint: of everything that the training depends on; a file with another one is ignored.
    """

    def __init__(self, path: Path | None, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The stored state, or None where there is none that fits (missing, damaged, of another training)."""
        if self._path is None or not self._path.exists():
            return None
        try:
            stored = torch.load(self._path, weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            return None
        if not isinstance(stored, dict) or stored.get("fingerprint") != self._fingerprint:
            return None
        state: dict[str, Any] = stored["state"]
        return state

    def due(self) -> bool:
        """Whether enough time has passed to save again."""
        return self._path is not None and time.monotonic() - self._saved > SECONDS_BETWEEN

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file by ``state`` in one step."""
        if self._path is None:
            return
        part = self._path.with_name(self._path.name + ".part")
        torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, part)
        part.replace(self._path)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Delete the file: the training is over."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
