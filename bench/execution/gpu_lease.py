"""A GPU for one process at a time: threads, workers of a cluster and other runs of the same user take turns."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.codec.devices import gpu_count, visible_gpu
from bench.execution.supervisor import Interrupted

POLL_S = 0.2


@contextlib.contextmanager
def leased_gpu(gpus: Sequence[int], stop: threading.Event | None = None) -> Iterator[Mapping[str, str]]:
    """Wait for one of ``gpus`` of this machine (all, where none is named), and keep it to the end of the block.

    Yields:
        the environment with which a process sees this GPU alone, as ``cuda:0``.

    Raises:
        Interrupted: ``stop`` was set while it waited.
    """
    with leased_number(gpus or all_gpus(), stop) as number:
        variable, name = visible_gpu(number)
        yield {variable: name}


def all_gpus() -> tuple[int, ...]:
    """The numbers of this machine's GPUs; 0, where none is seen."""
    return tuple(range(max(1, gpu_count())))


@contextlib.contextmanager
def leased_number(gpus: Sequence[int], stop: threading.Event | None = None) -> Iterator[int]:
    """The same; yields torch's number of the GPU among those that this process sees, and asks no driver."""
    from filelock import FileLock, Timeout

    while stop is None or not stop.is_set():
        for number in gpus:
            lock = FileLock(_lock_path(visible_gpu(number)[1]))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield number
            finally:
                lock.release()
            return
        time.sleep(POLL_S)
    raise Interrupted


def _lock_path(name: str) -> Path:
    """The file that stands for a GPU; each user has files of their own, which nobody else may be able to open."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"necgs-bench-{user}-gpu-{re.sub(r'[^0-9A-Za-z-]', '_', name)}.lock"
