"""How far the preparation of a run's shapes is, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

EVERY_S = 5.0


class Preparing:
    """Prints a line every `EVERY_S` seconds, and none where the preparation takes less.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._told = clock, clock()

    def __call__(self, dataset: str, done: int, shapes: int) -> None:
        """So many of a data set's shapes are done."""
        now = self._clock()
        if now - self._told >= EVERY_S and done < shapes:
            self._told = now
            print(f"preparing {done} of {shapes} shapes of {dataset}", file=sys.stderr, flush=True)
