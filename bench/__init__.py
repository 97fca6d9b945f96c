"""The harness: plans, encodes, decodes in fresh processes, measures, stores."""

from __future__ import annotations

import sys
from pathlib import Path

# A wheel installs `mesh_datasets` as it is. In a checkout it lies in the folder datasets/, which has no package of its
# own there: a top-level package `datasets` would hide, or be hidden by, that of Hugging Face.
_CHECKOUT = Path(__file__).resolve().parents[1] / "datasets"
if (_CHECKOUT / "mesh_datasets").is_dir() and str(_CHECKOUT) not in sys.path:
    sys.path.insert(0, str(_CHECKOUT))
