"""Which of torchrun's processes this one is."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Torchrun:
    """What torchrun says to a process that it started, in environment variables.

    Args:
        rank: number of the process on this machine.
        processes: on this machine.
        all_processes: on all machines.
        first: whether it is the first of all: the one that reports and writes.
    """

    rank: int | None = None
    processes: int = 1
    all_processes: int = 1
    first: bool = True

    @classmethod
    def of_environment(cls) -> Torchrun:
        """Of this process; the defaults where torchrun did not start it."""
        names = ("LOCAL_RANK", "LOCAL_WORLD_SIZE", "WORLD_SIZE", "RANK")
        try:
            rank, processes, all_processes, number = (int(os.environ[name]) for name in names)
        except (KeyError, ValueError):
            return cls()
        return cls(rank, processes, all_processes, number == 0)
