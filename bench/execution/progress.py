"""Progress of a run: a bar with the remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TextIO

from bench.execution.pace import PaceBook, Paces
from bench.execution.run_log import NORMAL, QUIET, VERBOSE, RunLog
from bench.planning.jobs import Job
from bench.results.rows import SetRow, is_clean

HEARTBEAT = 60.0
"""Seconds after which, where there is no terminal, a line says what is at work."""


@dataclass(frozen=True)
class _Running:
    """A job at work: when it began, and how far its present phase is."""

    job: Job
    started: float
    phase: str = "starting"
    fraction: float = 0.0
    note: str = ""

    def __str__(self) -> str:
        return f"{self.job.label}: {self.phase} {self.fraction:.0%} {self.note}".strip()


class RunProgress:
    """Tells which jobs are at work, what the finished ones gave, and how long the rest will take.

    A job is expected to take what it took in an earlier run on this machine, or what the other rates of its codec
    took in this run. While there are codecs of which neither is known, the remaining time is given as "more than".
    Safe to use from several threads.

    Args:
        shapes: data set -> its number of shapes.
        paces: what jobs took in earlier runs.
    """

    def __init__(
        self,
        total: int,
        workers: int,
        log: RunLog,
        shapes: Mapping[str, int] | None = None,
        paces: PaceBook | None = None,
    ) -> None:
        self._log = log
        self._bar = _bar(total, log.stream) if log.stream.isatty() and log.verbosity > QUIET else None
        self._total, self._workers = total, workers
        self._shapes, self._paces = shapes or {}, paces
        self._earlier = None if paces is None else paces.read()  # once: this run's own paces come into the book, too
        self._done = 0
        self._finished: dict[str, list[tuple[Job, float]]] = {}
        self._running: dict[str, _Running] = {}
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def start(self, job: Job) -> None:
        """A job begins."""
        with self._lock:
            self._running[job.key] = _Running(job, time.monotonic())
        self._log.say(f"{job.label}: begins", VERBOSE)

    def update(self, job: Job, phase: str, fraction: float, note: str) -> None:
        """A job tells how far a phase is."""
        with self._lock:
            before = self._running.get(job.key)
            if before is None:
                return
            now = self._running[job.key] = replace(before, phase=phase, fraction=fraction, note=note)
            text = "; ".join(str(running) for running in self._running.values())
            beat = self._bar is None and time.monotonic() - self._told > HEARTBEAT
            if self._bar is not None:
                self._bar.set_postfix_str(text)
            self._told = time.monotonic() if beat else self._told
        if now.phase != before.phase:
            self._log.say(f"{job.label}: {phase}", VERBOSE)
        if beat:
            self._log.say(f"at work: {text}")

    def finish(self, job: Job, row: SetRow, waiting: Sequence[Job]) -> None:
        """A job is done; ``row`` is its set row, ``waiting`` the jobs not finished yet."""
        with self._lock:
            begun = self._running.pop(job.key, None)
            if begun is not None:
                spent = time.monotonic() - begun.started
            else:  # it ran on another machine and was not seen to begin
                spent = sum(timing["wall_s"] for timing in (row["encode"], row["decode"], row["measure"]) if timing)
            self._finished.setdefault(job.codec, []).append((job, spent))
            self._done += 1
            self._told = time.monotonic()
            left = remaining(self._expected(waiting), self._workers) if waiting else ""
            if self._bar is not None:
                self._bar.set_description(left or "done")
                self._bar.update()
        if self._paces is not None and row["status"] == "ok":
            self._paces.note(job, self._shapes.get(job.dataset, 0), spent)
        line = f"[{self._done}/{self._total}] {job.label}: {describe(row)}"
        show_left = left and self._bar is None
        self._log.say(f"{line}; {left}" if show_left else line, NORMAL if is_clean(row) else QUIET)

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()

    def _expected(self, waiting: Sequence[Job]) -> list[float | None]:
        """Seconds that each waiting job still needs; None where nothing like it was seen."""
        expected: list[float | None] = []
        for job in waiting:
            seconds = expected_seconds(job, self._shapes.get(job.dataset, 0), self._earlier, self._finished)
            if seconds is not None and job.key in self._running:
                seconds = max(seconds - (time.monotonic() - self._running[job.key].started), 0.0)
            expected.append(seconds)
        return expected


def expected_seconds(
    job: Job, shapes: int, paces: Paces | PaceBook | None, finished: Mapping[str, Sequence[tuple[Job, float]]]
) -> float | None:
    """What a job should take.

    Its earlier pace, corrected by how the codec's other jobs of this run compare with theirs; else the mean of those.
    """
    earlier = paces.seconds(job, shapes) if paces is not None else None
    seen = finished.get(job.codec, ())
    if earlier is None:
        return sum(seconds for _, seconds in seen) / len(seen) if seen else None
    assert paces is not None
    pairs = [(spent, before) for other, spent in seen if (before := paces.seconds(other, shapes))]
    now, then = sum(spent for spent, _ in pairs), sum(before for _, before in pairs)
    return earlier * (now / then if then else 1.0)


def remaining(expected: Sequence[float | None], workers: int) -> str:
    """``about 2 min 0 s left``; ``more than ...`` where some are unknown, and no number where all are."""
    known = [seconds for seconds in expected if seconds is not None]
    if not known:
        return "time left not known yet"
    left = max(sum(known) / min(workers, max(len(expected), 1)), max(known))
    return f"{'about' if len(known) == len(expected) else 'more than'} {clock(left)} left"


def describe(row: SetRow) -> str:
    """A set row in a few words."""
    if row["status"] != "ok":
        return f"{row['status']}: {row['message'].splitlines()[0]}"
    times = ", ".join(
        f"{step} {timing['wall_s']:.1f} s"
        for step, timing in (("encode", row["encode"]), ("decode", row["decode"]))
        if timing
    )
    text = f"{row['bytes']:,} bytes, {times}"
    return text if is_clean(row) else f"{text}, {describe_failures(row)}"


def describe_failures(row: SetRow) -> str:
    """How many shapes of a job failed, and how many could not be measured."""
    counts = {"failed": row["failed"], "could not be measured (a fault of the harness)": row["unmeasured"]}
    return ", ".join(f"{count} of {row['shapes']} shapes {what}" for what, count in counts.items() if count)


def clock(seconds: float) -> str:
    """``75`` -> ``1 min 15 s``."""
    total = round(seconds)
    hours, minutes = total // 3600, total % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {total % 60} s" if minutes else f"{total} s"


def _bar(total: int, stream: TextIO):  # type: ignore[no-untyped-def]
    from tqdm import tqdm

    return tqdm(
        total=total, unit="job", file=stream, dynamic_ncols=True, bar_format="{l_bar}{bar}| {n}/{total} {postfix}"
    )
