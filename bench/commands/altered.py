"""Telling of archives in a run folder that are no longer those that were measured."""

from __future__ import annotations

import sys

from bench.results.store import RunFolder


def warn_of_altered_archives(command: str, run: RunFolder) -> None:
    """One line on standard error for each archive whose hash is not that of its row: the rows tell of other bytes."""
    for name in run.altered_archives():
        print(f"bench {command}: the archive of {name} is no longer what was measured", file=sys.stderr)
