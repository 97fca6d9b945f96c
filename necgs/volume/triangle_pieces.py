"""Triangles cut into pieces with small bounding boxes, for compiled loops over the grid points or cells near them."""

from __future__ import annotations

import numba
import numpy as np

DEEPEST = 64
"""Pieces that wait while one is cut; halving the longest side of a triangle within the cube ends long before."""


@numba.njit(cache=True)
def halved(stack, at, most):  # type: ignore[no-untyped-def]  # numba
    """Cut a piece in two at the middle of its longest side, if that is too long.

    Args:
        stack: float64 (DEEPEST, 3, 3), pieces in cells.
        at: the piece that is cut; its halves take its place and the next.
        most: cells, the longest side that a piece may have.

    Returns:
        whether it was cut.
    """
    side, longest = 0, -1.0
    for k in range(3):
        squared = _squared_distance(stack[at], (k + 1) % 3, k)
        if squared > longest:
            side, longest = k, squared
    if longest <= most * most or at + 2 > DEEPEST:
        return False
    for k in range(3):
        p, q, r = stack[at, side, k], stack[at, (side + 1) % 3, k], stack[at, (side + 2) % 3, k]
        middle = (p + q) / 2
        stack[at, 0, k], stack[at, 1, k], stack[at, 2, k] = p, middle, r
        stack[at + 1, 0, k], stack[at + 1, 1, k], stack[at + 1, 2, k] = middle, q, r
    return True


@numba.njit(cache=True)
def _squared_distance(corners, one, other):  # type: ignore[no-untyped-def]  # numba
    """Of two of some corners (3, 3); written out, as small arrays take longer than their sums."""
    x, y = corners[one, 0] - corners[other, 0], corners[one, 1] - corners[other, 1]
    z = corners[one, 2] - corners[other, 2]
    return x * x + y * y + z * z


@numba.njit(cache=True)
def unit_normal(a, b, c, normal):  # type: ignore[no-untyped-def]  # numba
    """Write a triangle's unit normal into ``normal`` (3,); False, and zero, where it has no area."""
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        normal[k] = (b[i] - a[i]) * (c[j] - a[j]) - (b[j] - a[j]) * (c[i] - a[i])
    length = np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
    if length > 0:
        for k in range(3):
            normal[k] /= length
    return length > 0
