"""Draco files, with DracoPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mesh_datasets.mesh_files.draco_header import check_header
from mesh_datasets.mesh_files.surface import Surface

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_draco(data: bytes) -> Surface:
    """The triangles of a Draco file. Draco repeats a vertex at the seams of its other attributes.

    Raises:
        ValueError: not a Draco mesh, or damaged.
    """
    return Surface(*decode_draco(data), repeats=True)


def decode_draco(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (v, 3) and faces (f, 3) of a Draco stream.

    Raises:
        ValueError: not a Draco mesh, or damaged.
    """
    import DracoPy

    check_header(data)
    try:
        decoded = DracoPy.decode(data)
    except (DracoPy.FileTypeException, RuntimeError, ValueError, MemoryError) as error:
        raise ValueError(f"DracoPy does not decode it: {error}") from None
    if not hasattr(decoded, "faces"):
        raise ValueError("it holds a point cloud")
    return np.asarray(decoded.points, dtype=np.float64), np.asarray(decoded.faces, dtype=np.int64).reshape(-1, 3)
