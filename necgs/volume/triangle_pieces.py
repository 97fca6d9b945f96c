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
        away = stack[at, (k + 1) % 3] - stack[at, k]
        squared = (away * away).sum()
        if squared > longest:
            side, longest = k, squared
    if longest <= most * most or at + 2 > DEEPEST:
        return False
    p, q, r = stack[at, side].copy(), stack[at, (side + 1) % 3].copy(), stack[at, (side + 2) % 3].copy()
    middle = (p + q) / 2
    stack[at, 0], stack[at, 1], stack[at, 2] = p, middle, r
    stack[at + 1, 0], stack[at + 1, 1], stack[at + 1, 2] = middle, q, r
    return True


@numba.njit(cache=True)
def unit_normal(a, b, c, normal):  # type: ignore[no-untyped-def]  # numba
    """Write a triangle's unit normal into ``normal`` (3,); False, and zero, where it has no area."""
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        normal[k] = (b[i] - a[i]) * (c[j] - a[j]) - (b[j] - a[j]) * (c[i] - a[i])
    length = np.sqrt((normal * normal).sum())
    if length > 0:
        normal /= length
    return length > 0
