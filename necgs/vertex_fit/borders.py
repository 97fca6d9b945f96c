"""The edges of a triangle mesh that do not lie between two faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def edge_face_counts(faces: Ints) -> Ints:
    """How many faces lie at each edge: int64 (f, 3), edge i from corner i to corner i + 1."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2).reshape(-1, 2)
    _, inverse, counts = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)].reshape(-1, 3)


def border_vertices(faces: Ints) -> Ints:
    """The vertices at edges of one face, rising."""
    single = edge_face_counts(faces) == 1
    return np.unique(np.concatenate([faces[single], np.roll(faces, -1, axis=1)[single]]))
