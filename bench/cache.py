"""Where the cache of prepared meshes and volumes lies."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """``NECGS_BENCH_CACHE``, else the user's cache folder."""
    from platformdirs import user_cache_path

    named = os.environ.get("NECGS_BENCH_CACHE")
    return Path(named) if named else user_cache_path("necgs-bench")
