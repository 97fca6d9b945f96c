"""What a run says: lines for the terminal, as many as were asked for, and all of them in ``RUN/run.log``."""

from __future__ import annotations

import contextlib
import datetime
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

QUIET, NORMAL, VERBOSE = 0, 1, 2


@dataclass
class RunLog:
    """Writes lines to ``path`` with the time, and to ``stream`` where ``verbosity`` is at least theirs.

    Args:
        path: of the log file, to which lines are appended; None for no file.
        verbosity: `QUIET` shows failures alone, `VERBOSE` also which job starts which phase.
        stream: standard error, unless told otherwise.
    """

    path: Path | None = None
    verbosity: int = NORMAL
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str, level: int = NORMAL) -> None:
        """Write a line. A log file that cannot be written is no reason to lose a run."""
        with self._lock:
            if self.path is not None:
                now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
                with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8") as file:
                    file.write(f"{now} {text}\n")
            if self.verbosity >= level:
                self._show(text)

    def _show(self, text: str) -> None:
        if self.stream.isatty():
            from tqdm import tqdm

            tqdm.write(text, file=self.stream)  # above the bar, if there is one
        else:
            print(text, file=self.stream, flush=True)
