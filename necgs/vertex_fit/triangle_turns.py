"""Keeps triangles from turning over when their vertices move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_COSINE = 0.5
_HALVINGS = 3


def keep_triangles(before: Floats, after: Floats, faces: NDArray[np.int64]) -> Floats:
    """Take back the moves that turn a triangle by more than 60 degrees.

    The moves of such a triangle's vertices are halved, three times at most, then left out, until no triangle turns.

    Args:
        before, after: float64 (v, 3).
        faces: int64 (f, 3).

    Returns:
        float64 (v, 3), between ``before`` and ``after``.
    """
    move = after - before
    old = _crosses(before, faces)
    halvings = np.zeros(len(before), np.int64)
    while True:
        new = _crosses(before + move, faces)
        limit = _LEAST_COSINE * np.sqrt((old**2).sum(1) * (new**2).sum(1))
        turned = np.unique(faces[(old * new).sum(1) < limit])
        turned = turned[halvings[turned] <= _HALVINGS]
        if len(turned) == 0:
            return before + move
        halvings[turned] += 1
        move[turned] *= np.where(halvings[turned] <= _HALVINGS, 0.5, 0.0)[:, None]


def _crosses(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    cross: Floats = np.cross(b - a, c - a)
    return cross
