"""Ending a process with everything that it started, daemons too.

A daemon leaves its session and its parent, and so all that would end it. On Linux a process can ask to become the
parent of what its descendants leave behind ("subreaper"): a worker asks for it, and ends what it has adopted before it
ends; the supervisor asks for it, too, for workers that are killed. Elsewhere daemons survive.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable

import psutil

PR_SET_CHILD_SUBREAPER = 36
"""From ``linux/prctl.h``."""

MARK = "BENCH_WORKER"
"""Environment variable that tells whose descendant a process is."""

SETTLE_S = 5.0
"""How long what was killed may take to end, or goes on starting new processes."""


def adopt_orphans() -> None:
    """Become the parent of what descendants of this process leave behind. Does nothing where the system cannot."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_tree(pid: int) -> set[int]:
    """Kill a process and all its descendants, those in sessions of their own too. Returns the descendants' numbers."""
    killed: set[int] = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        killed = kill_descendants(process)
        process.kill()
    return killed


def kill_descendants(process: psutil.Process | None = None) -> set[int]:
    """Kill all descendants of a process (default: of this one); again where one has started others meanwhile."""
    process = process or psutil.Process()
    return _kill_until_none(lambda: process.children(recursive=True))


def reap(pids: set[int]) -> None:
    """Let go of ended processes that this one has adopted: without it they stay in the table as zombies."""
    if sys.platform == "linux":
        for pid in pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def kill_marked(mark: str) -> None:
    """Kill the children of this process whose environment says ``BENCH_WORKER=mark``, and their descendants."""
    _kill_until_none(lambda: [child for child in psutil.Process().children(recursive=True) if _is_marked(child, mark)])


def _is_marked(process: psutil.Process, mark: str) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return bool(process.environ().get(MARK) == mark)
    return False


def _kill_until_none(find: Callable[[], list[psutil.Process]]) -> set[int]:
    """Kill what ``find`` finds until it finds nothing alive; the numbers of all that were killed."""
    killed: set[int] = set()
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        try:
            found = [process for process in find() if process.status() != psutil.STATUS_ZOMBIE]
        except psutil.NoSuchProcess:
            continue
        if not found:
            break
        for process in found:
            killed.add(process.pid)
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=0.2)
    return killed
