"""Where ``bench fetch`` puts programs and data, and where codecs and data sets look for them."""

from __future__ import annotations

import os
from pathlib import Path

DATA_VARIABLE = "NECGS_BENCH_DATA"
PROGRAMS_VARIABLE = "NECGS_BENCH_PROGRAMS"
WORK = ".fetching"
"""Folder below both, for what is not finished. No loader looks so deep below it for a file of a data set."""


def programs_folder() -> Path:
    """Folder of external programs and checkpoints: ``NECGS_BENCH_PROGRAMS``, else in the user's data folder."""
    return _named(PROGRAMS_VARIABLE) or _own() / "programs"


def data_folder() -> Path:
    """Folder of the data sets: ``NECGS_BENCH_DATA``, else in the user's data folder."""
    return _named(DATA_VARIABLE) or _own() / "data"


def fetch_command(name: str) -> str:
    """What a user types to have ``name``."""
    return f"python -m bench fetch {name}"


def _named(variable: str) -> Path | None:
    named = os.environ.get(variable)
    return Path(named).expanduser().absolute() if named else None


def _own() -> Path:
    from platformdirs import user_data_path

    return user_data_path("necgs-bench", appauthor=False)
