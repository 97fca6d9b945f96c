"""Ending a process with everything that it started."""

from __future__ import annotations

import contextlib


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants, those in sessions of their own too."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()
