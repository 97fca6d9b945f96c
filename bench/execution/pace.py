"""How long jobs took on this machine: kept in the cache, so that the next run can tell its remaining time at once."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.codec.atomic_write import write_atomically
from bench.planning.jobs import Job


@dataclass(frozen=True)
class Paces:
    """Seconds a shape of each codec and rate, as they were when the book was read."""

    entries: Mapping[str, float]

    def seconds(self, job: Job, shapes: int) -> float | None:
        """What ``job`` should take for so many shapes; None where no such job was seen."""
        value = self.entries.get(_key(job))
        return None if value is None else value * shapes


@dataclass(frozen=True)
class PaceBook:
    """The file of what the last job of each codec and rate took; a damaged one is an empty book."""

    path: Path

    def read(self) -> Paces:
        """What stands in the book now."""
        try:
            found = json.loads(self.path.read_text())
            return Paces({key: float(value) for key, value in found.items() if 0 <= float(value) < math.inf})
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return Paces({})

    def seconds(self, job: Job, shapes: int) -> float | None:
        """As `Paces.seconds`, of the book as it is now."""
        return self.read().seconds(job, shapes)

    def note(self, job: Job, shapes: int, seconds: float) -> None:
        """Keep what a job took. A cache that cannot be written costs the estimate only."""
        if shapes:
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                entries = {**self.read().entries, _key(job): seconds / shapes}
                write_atomically(self.path, json.dumps(entries, indent=0, sort_keys=True) + "\n")


def _key(job: Job) -> str:
    return f"{job.codec} {job.rate} {job.device} {job.version}"
