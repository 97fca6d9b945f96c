"""How long jobs took on this machine: kept in the cache, so that the next run can tell its remaining time at once."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

from bench.codec.atomic_write import write_atomically
from bench.planning.jobs import Job


@dataclass(frozen=True)
class PaceBook:
    """Seconds a shape of each codec and rate, as the last such job took them; a damaged file is an empty book."""

    path: Path

    def seconds(self, job: Job, shapes: int) -> float | None:
        """What ``job`` should take for so many shapes; None where no such job was seen."""
        value = self._read().get(_key(job))
        return None if value is None else value * shapes

    def note(self, job: Job, shapes: int, seconds: float) -> None:
        """Keep what a job took. A cache that cannot be written costs the estimate only."""
        if shapes:
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps({**self._read(), _key(job): seconds / shapes}, indent=0, sort_keys=True)
                write_atomically(self.path, text + "\n")

    def _read(self) -> dict[str, float]:
        try:
            found = json.loads(self.path.read_text())
            return {key: float(value) for key, value in found.items() if 0 <= float(value) < math.inf}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _key(job: Job) -> str:
    return f"{job.codec} {job.rate} {job.device} {job.version}"
