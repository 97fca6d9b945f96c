"""Progress of a run: a bar with the remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from statistics import median
from typing import TextIO

from bench.planning.jobs import Job
from bench.results.rows import SetRow, is_clean


class RunProgress:
    """Tells on ``stream`` which jobs are at work, what the finished ones gave, and how long the rest will take.

    The remaining time assumes that a job of a codec takes as long as that codec's earlier jobs did (the median codec
    where there are none yet). Safe to use from several threads.
    """

    def __init__(self, total: int, workers: int, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._bar = _bar(total, self._stream) if self._stream.isatty() else None
        self._total = total
        self._workers = workers
        self._done = 0
        self._seconds: dict[str, list[float]] = {}
        self._started: dict[str, tuple[Job, float]] = {}
        self._lock = threading.Lock()

    def start(self, job: Job) -> None:
        """A job begins."""
        with self._lock:
            self._started[job.key] = (job, time.monotonic())

    def update(self, job: Job, phase: str, fraction: float, note: str) -> None:
        """A job tells how far a phase is."""
        if self._bar is not None:
            with self._lock:
                self._bar.set_postfix_str(f"{job.label}: {phase} {fraction:.0%} {note}".strip())

    def finish(self, job: Job, row: SetRow, waiting: list[Job]) -> None:
        """A job is done; ``row`` is its set row, ``waiting`` the jobs not finished yet."""
        with self._lock:
            self._started.pop(job.key, None)  # a job that ran on another machine was never seen to begin
            spent = sum(timing["wall_s"] for timing in (row["encode"], row["decode"], row["measure"]) if timing)
            self._seconds.setdefault(job.codec, []).append(spent)
            self._done += 1
            line = f"[{self._done}/{self._total}] {job.label}: {describe(row)}"
            left = self._remaining(waiting)
            if self._bar is not None:
                self._bar.write(line, file=self._stream)
                self._bar.set_description(f"about {clock(left)} left" if waiting else "done")
                self._bar.update()
            else:
                print(f"{line}; about {clock(left)} left" if waiting else line, file=self._stream, flush=True)

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()

    def _remaining(self, waiting: list[Job]) -> float:
        means = {codec: sum(times) / len(times) for codec, times in self._seconds.items()}
        overall = median(means.values())  # one slow codec must not stand for all that are still unknown
        expected = 0.0
        for job in waiting:
            spent = time.monotonic() - self._started[job.key][1] if job.key in self._started else 0.0
            expected += max(means.get(job.codec, overall) - spent, 0.0)
        return expected / min(self._workers, max(len(waiting), 1))


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
