"""How long jobs took: kept in the cache of this machine, and for a machine that has run none in a table of the package.

The table, ``shipped_paces.json``, is the book of a run of the default profile with an empty cache on two cores;
``python -m bench.execution.pace CACHE`` prints the book of a cache in the table's form; of several caches, books and
run folders the later ones count. A run's rows do not tell how long processes took to start: that stays as it was.
"""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import registry
from bench.codec import UserError
from bench.codec.atomic_write import write_atomically
from bench.execution.need import Need
from bench.planning.jobs import Job
from bench.results.rows import SetRow
from bench.results.store import RunFolder

SHIPPED = Path(__file__).with_name("shipped_paces.json")
COMPARED = 48
"""Shapes of the job by which machines are compared: of one shape alone, starting processes would be most."""

SAMPLES = 100_000
"""Points a mesh for which the seconds of measuring are kept; they grow with the points."""


@dataclass(frozen=True)
class Pace:
    """What a job takes.

    Args:
        start: seconds a job in which its three processes start.
        encode, decode, measure: seconds a shape.
        recalled: seconds a shape that encoding would have taken, too, had earlier work not been found in the cache.
        need: memory and disk; None in books of older versions, and where the row did not tell.
    """

    start: float
    encode: float
    decode: float
    measure: float
    recalled: float = 0.0
    need: Need | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(value, int | float) and 0 <= value < math.inf for value in self._times):
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
        return cls(start, encode, decode, measure * SAMPLES / samples, recalled, Need.of(row))

    @classmethod
    def mean(cls, paces: Iterable[Pace]) -> Pace:
        """The mean of at least one, of the seconds alone."""
        columns = zip(*(pace._times for pace in paces), strict=True)
        start, encode, decode, measure, recalled = map(statistics.fmean, columns)
        return cls(start, encode, decode, measure, recalled)

    def seconds(self, shapes: int) -> float:
        """Of a whole job of so many shapes."""
        return self.start + (self.encode + self.decode + self.measure) * shapes

    def scaled(self, factor: float) -> Pace:
        """That of a machine that takes ``factor`` times as long."""
        start, encode, decode, measure, recalled = (value * factor for value in self._times)
        return Pace(start, encode, decode, measure, recalled, self.need)

    @property
    def _times(self) -> tuple[float, ...]:
        return self.start, self.encode, self.decode, self.measure, self.recalled


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

    def need(self, job: Job) -> Need | None:
        """What ``job`` needs: as it was here, as in the table, what suffices for its codec's rates; None: not known."""
        rates = [self.own.get(_key(job)), self._shipped_rates.get((job.name, job.rate, job.device))]
        known = [pace.need for pace in rates if pace is not None and pace.need is not None]
        if known:
            return known[0]
        of_codec = _of_codec(self.own, job.codec, job.device) or _of_codec(self.shipped, job.name, job.device)
        known = [pace.need for pace in of_codec if pace.need is not None]
        return Need.enough(known) if known else None

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
        ratios = [self.own[key].seconds(COMPARED) / self.shipped[key].seconds(COMPARED) for key in both]
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
                    need = value.get("need") if isinstance(value, dict) else None
                    entries[key] = Pace(**{**value, "need": None if need is None else Need(**need)})
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
    lines = (f"{json.dumps(key)}: {json.dumps(_short(asdict(pace)))}" for key, pace in sorted(entries.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _short(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers with four digits, and no word of what is not known."""
    short = {name: _short(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in short.items()
        if value is not None
    }


def _of_codec(entries: Mapping[str, Pace], codec: str, device: str) -> list[Pace]:
    """A codec's rates."""
    return [pace for key, pace in entries.items() if (key.split(" ")[0], key.split(" ")[2:3]) == (codec, [device])]


def _mean(entries: Mapping[str, Pace], codec: str, device: str) -> Pace | None:
    found = _of_codec(entries, codec, device)
    return Pace.mean(found) if found else None


def _key(job: Job) -> str:
    """Of a job. Settings that its rate's label does not stand for, as a profile may have them, have their own."""
    key = f"{job.codec} {job.rate} {job.device} {job.version}"
    return key if _is_usual(job) else f"{key} {job.settings_digest}"


def _is_usual(job: Job) -> bool:
    """Whether the settings are those that the codec's ladder has under this label, or none are known."""
    with contextlib.suppress(UserError):
        codec = registry.get(job.name)
        if job.rate in codec.ladder:
            return codec.rate_type.of(codec.ladder[job.rate]).settings() == job.settings
    return True


def known_to(path: Path) -> dict[str, Pace]:
    """What a book, a cache or the rows of a run folder tell; a run's paces have no seconds of starting."""
    if not (run := RunFolder(path)).rows_path.exists():
        return PaceBook(path / "paces.json" if path.is_dir() else path).entries()
    protocol: Mapping[str, Any] = run.read_manifest()["protocol"]
    rows = [row for row in run.set_rows() if row["status"] == "ok"]
    paces = {
        f"{row['codec']} {row['rate']} {row['device']} {row['codec_version']}": Pace.of(row, 0.0, protocol["samples"])
        for row in rows
    }
    return {key: pace for key, pace in paces.items() if pace is not None}


def merged(books: Iterable[Mapping[str, Pace]]) -> dict[str, Pace]:
    """One book of several: of each rate the last version, with what only an earlier entry knows."""
    found: dict[tuple[str, ...], tuple[str, Pace]] = {}
    for book in books:
        for key, pace in book.items():
            rate = tuple(key.split(" ")[:3])
            _, before = found.get(rate, ("", Pace(0.0, 0.0, 0.0, 0.0)))
            found[rate] = key, replace(pace, start=pace.start or before.start, need=pace.need or before.need)
    return dict(found.values())


def main(paths: Sequence[str]) -> None:
    """Print the book of caches, books and run folders."""
    sys.stdout.write(as_text(merged(known_to(Path(path)) for path in paths)))


if __name__ == "__main__":
    main(sys.argv[1:])
