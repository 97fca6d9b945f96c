"""Corners of a triangle mesh: who lies across an edge, and which corners make one vertex.

Corner 3 f + k is the k-th of face f; it also names the half-edge from its vertex to the next one of the face.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def twins(faces: Integers) -> Integers:
    """For each half-edge the one that runs the other way, -1 at a border: (3 f,) int64.

    An edge that more than two faces use, or two in the same direction, is a border of each of them: so any list of
    faces falls apart into oriented manifold pieces.

    Args:
        faces: (f, 3) int64.

    Raises:
        ValueError: a face names a vertex twice.
    """
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    if (start == end).any():
        raise ValueError(
            f"face {int((start == end).argmax()) // 3} names a vertex twice: remove degenerate faces first"
        )
    span = int(faces.max(initial=0)) + 1
    edge = np.minimum(start, end) * span + np.maximum(start, end)
    order = np.argsort(edge, kind="stable")
    runs = np.flatnonzero(np.diff(edge[order], prepend=-1, append=-1))
    first = runs[:-1][np.diff(runs) == 2]
    one, two = order[first], order[first + 1]
    against = start[one] != start[two]
    twin = np.full(len(edge), -1, dtype=np.int64)
    twin[one[against]], twin[two[against]] = two[against], one[against]
    return twin


@numba.njit(cache=True)
def fans(twin: Integers) -> tuple[Integers, int]:
    """Corners that lie around one point, connected over edges, get one number: ((3 f,) int64, how many).

    A vertex where several fans meet falls apart into as many.
    """
    fan = np.full(len(twin), -1, dtype=np.int64)
    count = 0
    for corner in range(len(twin)):
        if fan[corner] >= 0:
            continue
        current = corner
        while current >= 0 and fan[current] < 0:
            fan[current] = count
            across = twin[current]
            current = -1 if across < 0 else (across + 1 if across % 3 < 2 else across - 2)
        current = twin[corner - 1 if corner % 3 else corner + 2]
        while current >= 0 and fan[current] < 0:
            fan[current] = count
            current = twin[current - 1 if current % 3 else current + 2]
        count += 1
    return fan, count
