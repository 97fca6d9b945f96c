"""How long jobs took: kept in the cache of this machine, and for a machine that has run none in a table of the package.

The table, ``shipped_paces.json``, is the book of a run of the default profile with an empty cache on two quiet cores;
``python -m bench.execution.pace CACHE`` prints the book of a cache in the table's form.
"""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.codec.atomic_write import write_atomically
from bench.planning.jobs import Job
from bench.results.rows import SetRow

SHIPPED = Path(__file__).with_name("shipped_paces.json")
SAMPLES = 100_000
"""Points a mesh for which the seconds of measuring are kept; they grow with the points."""


@dataclass(frozen=True)
class Pace:
    """What a job takes.

    Args:
        start: seconds a job in which its three processes start.
        encode, decode, measure: seconds a shape.
        recalled: seconds a shape that encoding would have taken, too, had earlier work not been found in the cache.
    """

    start: float
    encode: float
    decode: float
    measure: float
    recalled: float = 0.0

    def __post_init__(self) -> None:
        if not all(isinstance(value, int | float) and 0 <= value < math.inf for value in astuple(self)):
            raise ValueError(f"seconds are finite and not negative: {self}")

    @classmethod
    def of(cls, row: SetRow, seconds: float, samples: int = SAMPLES) -> Pace | None:
        """That of a finished job, which took so many seconds in all; None where a phase is missing."""
        timings = row["encode"], row["decode"], row["measure"]
        if not row["shapes"] or not all(timings):
            return None
        encode, decode, measure = (timing["wall_s"] / row["shapes"] for timing in timings if timing)
        recalled = (timings[0]["recalled_s"] if timings[0] else 0.0) / row["shapes"]
        start = max(seconds - (encode + decode + measure) * row["shapes"], 0.0)
        return cls(start, encode, decode, measure * SAMPLES / samples, recalled)

    @classmethod
    def mean(cls, paces: Iterable[Pace]) -> Pace:
        """The mean of at least one."""
        columns = zip(*map(astuple, paces), strict=True)
        return cls(*(statistics.fmean(column) for column in columns))

    def seconds(self, shapes: int) -> float:
        """Of a whole job of so many shapes."""
        return self.start + (self.encode + self.decode + self.measure) * shapes

    def scaled(self, factor: float) -> Pace:
        """That of a machine that takes ``factor`` times as long."""
        return Pace(*(value * factor for value in astuple(self)))


@dataclass(frozen=True)
class Paces:
    """What is known of jobs before a run: paces of this machine, and the package's table.

    Args:
        own, shipped: as `PaceBook.entries` gives them.
        samples: points a mesh that the run measures with.
    """

    own: Mapping[str, Pace]
    shipped: Mapping[str, Pace]
    samples: int = SAMPLES

    def of(self, job: Job) -> Pace | None:
        """What ``job`` should take: its own pace here, that of its rate in the table, the mean of its codec's rates.

        The table's are corrected by how this machine compares with the table's where both know some jobs. It holds
        paces of CPUs only. None where nothing is known of the codec on the job's device.
        """
        found = self.own.get(_key(job)) or self._table(job) or _mean(self.own, job.codec, job.device)
        if found is None and (of_codec := _mean(self.shipped, job.name, job.device)):
            found = of_codec.scaled(self._machine)
        return None if found is None else replace(found, measure=found.measure * self.samples / SAMPLES)

    def is_own(self, job: Job) -> bool:
        """Whether such a job ran on this machine."""
        return _key(job) in self.own

    def _table(self, job: Job) -> Pace | None:
        found = self._shipped_rates.get((job.name, job.rate, job.device))
        return None if found is None else found.scaled(self._machine)

    @cached_property
    def _shipped_rates(self) -> dict[tuple[str, ...], Pace]:
        """The table without versions: those of another version are the best that is known."""
        return {tuple(key.split(" ")[:3]): pace for key, pace in self.shipped.items()}

    @cached_property
    def _machine(self) -> float:
        """How many times as long as the table's machine this one takes."""
        both = [key for key in self.own if key in self.shipped]
        ratios = [self.own[key].seconds(1) / self.shipped[key].seconds(1) for key in both]
        return statistics.median(ratios) if ratios else 1.0


@dataclass(frozen=True)
class PaceBook:
    """A file of what the last job of each codec and rate took; a damaged one is an empty book."""

    path: Path

    def entries(self) -> dict[str, Pace]:
        """What stands in the book now; entries that cannot be read are left out."""
        entries = {}
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(self.path.read_text())
            for key, value in found.items() if isinstance(found, dict) else ():
                with contextlib.suppress(TypeError, ValueError):
                    entries[key] = Pace(**value)
        return entries

    def paces(self, samples: int = SAMPLES) -> Paces:
        """What is known before a run that measures with so many points."""
        return Paces(self.entries(), PaceBook(SHIPPED).entries(), samples)

    def note(self, job: Job, pace: Pace) -> None:
        """Keep what a job took. A cache that cannot be written costs the estimate only."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, as_text({**self.entries(), _key(job): pace}))


def as_text(entries: Mapping[str, Pace]) -> str:
    """A book as JSON, a line for each entry."""
    lines = (
        f"{json.dumps(key)}: {json.dumps({name: float(f'{value:.4g}') for name, value in vars(pace).items()})}"
        for key, pace in sorted(entries.items())
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _mean(entries: Mapping[str, Pace], codec: str, device: str) -> Pace | None:
    """Of a codec's rates."""
    found = [pace for key, pace in entries.items() if (key.split(" ")[0], key.split(" ")[2:3]) == (codec, [device])]
    return Pace.mean(found) if found else None


def _key(job: Job) -> str:
    return f"{job.codec} {job.rate} {job.device} {job.version}"


if __name__ == "__main__":
    sys.stdout.write(as_text(PaceBook(Path(sys.argv[1]) / "paces.json").entries()))
