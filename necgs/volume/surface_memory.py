"""What extracting a surface takes in memory, known before it is extracted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BYTES_PER_CROSSING = 400
"""A crossed grid edge: its ends, its vertex and two triangles, as int64 and in the copies that the extraction makes."""


def surface_bytes(tsdf: NDArray[np.float32]) -> int:
    """About the memory that extracting the surface of volumes (n, K, K, K) takes: by the grid edges that it crosses."""
    inside = tsdf < 0
    crossed = sum(int(np.count_nonzero(np.diff(inside, axis=axis))) for axis in (1, 2, 3))
    return BYTES_PER_CROSSING * crossed
