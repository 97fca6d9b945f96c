"""The harness: plans, encodes, decodes in fresh processes, measures, stores."""

from __future__ import annotations

import sys
from pathlib import Path

# A wheel installs `mesh_datasets` as it is. In a checkout it lies in the folder datasets/, which has no package of its
# own there: a top-level package `datasets` would hide, or be hidden by, that of Hugging Face. The root is for an
# editable installation: a folder called reports/ in the working directory would hide the package otherwise.
_ROOT = Path(__file__).resolve().parents[1]
if (_ROOT / "datasets" / "mesh_datasets").is_dir():
    if str(_ROOT / "datasets") not in sys.path:
        sys.path.insert(0, str(_ROOT / "datasets"))
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))
