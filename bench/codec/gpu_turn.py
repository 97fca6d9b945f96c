"""A job's turn at a GPU, for codecs that do much on the CPU before they need one (`Codec.asks_for_gpu`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class GpuTurn:
    """A GPU that this process gets when it asks for it, and keeps to its end.

    Args:
        wait: returns when the GPU is this process's alone, and started.
        taken: whether it is.
        waited_s, waited_cpu_s: seconds spent in ``wait``; they are no work of the codec's.
    """

    wait: Callable[[], None]
    taken: bool = False
    waited_s: float = 0.0
    waited_cpu_s: float = 0.0

    def take(self) -> None:
        """Wait for it; at once where it is taken already."""
        if self.taken:
            return
        start, cpu = time.perf_counter(), time.process_time()
        self.wait()
        self.taken = True
        self.waited_s += time.perf_counter() - start
        self.waited_cpu_s += time.process_time() - cpu
