"""The harness: plans, encodes, decodes in fresh processes, measures, stores. `bench.run` does a run from Python."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

# A wheel installs `mesh_datasets` as it is. In a checkout it lies in the folder datasets/, which has no package of its
# own there: a top-level package `datasets` would hide, or be hidden by, that of Hugging Face. The root is for an
# editable installation: a folder called reports/ in the working directory would hide the package otherwise.
_ROOT = Path(__file__).resolve().parents[1]
if (_ROOT / "datasets" / "mesh_datasets").is_dir():
    if str(_ROOT / "datasets") not in sys.path:
        sys.path.insert(0, str(_ROOT / "datasets"))
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    """`bench.run`, imported when it is asked for: ``bench.codec`` alone must not bring the harness along."""
    if name == "run":
        return importlib.import_module("bench.api").run
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
