"""Progress of one command: a bar with the remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

SECONDS_BETWEEN_LINES = 10.0
SECONDS_TO_TELL = 2.0
"""What has to pass of a stage before it can be told how long the rest takes: its first steps compile and load."""


class Progress:
    """Told (done, total, note) again and again; a new note begins a new stage. A total of 0 is not known.

    Args:
        stream: where to show it.
        quiet: show nothing.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._note = ""
        self._bar: Any = None
        self._started = self._told = 0.0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show how far the stage ``note`` is."""
        if self._quiet:
            return
        if note != self._note:
            self.close()
            self._note, self._started, self._told = note, time.monotonic(), 0.0
        if self._stream.isatty():
            self._draw(done, total)
        else:
            self._tell(done, total)

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, done: int, total: int) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total or None, desc=self._note, file=self._stream)
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if (done < total or not total) and now - self._told < SECONDS_BETWEEN_LINES:
            return
        self._told = now
        print(f"{self._note}: {self._state(done, total, now)}", file=self._stream, flush=True)

    def _state(self, done: int, total: int, now: float) -> str:
        """``40 %, about 30 s left of this stage``; no number before it can be told."""
        if not total:
            return "begins" if now - self._started < SECONDS_BETWEEN_LINES else "goes on"
        if done >= total:
            return "done"
        if not done or now - self._started < SECONDS_TO_TELL:
            return "begins"
        left = (now - self._started) / done * (total - done)
        return f"{100 * done / total:.0f} %, about {left:.0f} s left of this stage"
