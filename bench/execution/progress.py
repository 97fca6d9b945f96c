"""Progress of a run: a bar with the remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TextIO

from bench.execution.estimate import Forecast, Running
from bench.execution.pace import SAMPLES, Pace, PaceBook, Paces
from bench.execution.run_log import NORMAL, QUIET, VERBOSE, RunLog
from bench.planning.jobs import Job
from bench.results.rows import SetRow, is_clean

HEARTBEAT = 60.0
"""Seconds after which, where there is no terminal, a line says what is at work."""

STARTING = "starting"
"""The phase of a job that has told nothing yet: many encoders begin their work in silence."""


@dataclass(frozen=True)
class _Running:
    """A job at work: when it began, when its present phase did, and how far that is."""

    job: Job
    started: float
    begun: float
    phase: str = STARTING
    fraction: float = 0.0
    note: str = ""

    def __str__(self) -> str:
        return f"{self.job.label}: {self.phase} {self.fraction:.0%} {self.note}".strip()


class RunProgress:
    """Tells which jobs are at work, what the finished ones gave, and how long the rest will take.

    What is known of the jobs beforehand is corrected by how the run goes (`bench.execution.estimate`). While there are
    codecs of which nothing is known, the remaining time is given as "more than". Safe to use from several threads.

    Args:
        jobs: all that the run will do, in order.
        shapes: data set -> its number of shapes.
        book: in which the paces of this run's jobs are noted.
        samples: points a mesh that the run measures with.
        remeasure: whether the jobs only decode and measure.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        workers: int,
        log: RunLog,
        shapes: Mapping[str, int] | None = None,
        book: PaceBook | None = None,
        samples: int = SAMPLES,
        *,
        remeasure: bool = False,
    ) -> None:
        self._log = log
        self._bar = _bar(len(jobs), log.stream) if log.stream.isatty() and log.verbosity > QUIET else None
        self._waiting = list(jobs)
        self._total = len(jobs)
        self._book, self._samples, self._remeasure = book, samples, remeasure
        # Read once: this run's own paces come into the book, too.
        paces = book.paces(samples) if book else Paces({}, {})
        self._forecast = Forecast.of(jobs, shapes or {}, workers, paces, remeasure=remeasure)
        self._done = 0
        self._running: dict[str, _Running] = {}
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def start(self, job: Job) -> None:
        """A job begins."""
        with self._lock:
            now = time.monotonic()
            self._running[job.key] = _Running(job, now, now)
        self._log.say(f"{job.label}: begins", VERBOSE)

    def update(self, job: Job, phase: str, fraction: float, note: str) -> None:
        """A job tells how far a phase is."""
        with self._lock:
            before = self._running.get(job.key)
            if before is None:
                return
            clock = time.monotonic()
            begun = before.begun if phase == before.phase or before.phase == STARTING else clock
            now = replace(before, phase=phase, fraction=fraction, note=note, begun=begun)
            self._running[job.key] = now
            text = "; ".join(str(running) for running in self._running.values())
            beat = self._bar is None and clock - self._told > HEARTBEAT
            if self._bar is not None:
                self._bar.set_postfix_str(text)
            self._told = clock if beat else self._told
            left = self._left() if beat else ""
        if now.phase != before.phase:
            self._log.say(f"{job.label}: {phase}", VERBOSE)
        if beat:
            self._log.say(f"at work: {text}; {left}")

    def finish(self, job: Job, row: SetRow) -> None:
        """A job is done; ``row`` is its set row."""
        with self._lock:
            begun = self._running.pop(job.key, None)
            if begun is not None:
                spent = time.monotonic() - begun.started
            else:  # it ran on another machine and was not seen to begin
                spent = sum(timing["wall_s"] for timing in (row["encode"], row["decode"], row["measure"]) if timing)
            self._waiting = [other for other in self._waiting if other.key != job.key]
            pace = Pace.of(row, spent, self._samples) if row["status"] == "ok" else None
            if pace is not None:
                self._forecast.finished.append((job, pace))
            self._done += 1
            self._told = time.monotonic()
            left = self._left() if self._waiting else ""
            if self._bar is not None:
                self._bar.set_description(left or "done")
                self._bar.update()
        if self._book is not None and pace is not None and not self._remeasure:
            self._book.note(job, pace)
        line = f"[{self._done}/{self._total}] {job.label}: {describe(row)}"
        show_left = left and self._bar is None
        self._log.say(f"{line}; {left}" if show_left else line, NORMAL if is_clean(row) else QUIET)

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()

    def _left(self) -> str:
        """How long the jobs that have not ended will take."""
        now = time.monotonic()
        running = [Running(one.job, one.phase, now - one.begun, one.fraction) for one in self._running.values()]
        return str(self._forecast.left([job for job in self._waiting if job.key not in self._running], running))


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


def _bar(total: int, stream: TextIO):  # type: ignore[no-untyped-def]
    from tqdm import tqdm

    return tqdm(
        total=total, unit="job", file=stream, dynamic_ncols=True, bar_format="{l_bar}{bar}| {n}/{total} {postfix}"
    )
