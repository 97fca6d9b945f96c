"""Which grid points lie so close to a surface that their truncated distance must be computed."""

from __future__ import annotations

import math

import numba
import numpy as np

_STEP = 0.25  # spacing of the samples on a triangle, in cells
_SLACK = math.sqrt(3) / 2 + _STEP * math.sqrt(1.25)  # a sample's rounding to the grid, and its distance from a point


def distance_band(vertices: np.ndarray, faces: np.ndarray, resolution: int, reach: float = 2.0) -> np.ndarray:
    """Mark every grid point within ``reach`` cells of a triangle, and not many more.

    Args:
        vertices: float64 (n, 3) within [-1, 1].
        faces: int64 (m, 3).
        resolution: K.
        reach: in cells; two is the truncation.

    Returns:
        bool (K, K, K).
    """
    cells = (vertices + 1.0) * ((resolution - 1) / 2.0)
    return _dilate(_rasterise(cells, faces, resolution), _ball(reach + _SLACK))


def _ball(radius: float) -> np.ndarray:
    """The integer offsets of length at most ``radius``, int64 (n, 3)."""
    reach = math.floor(radius)
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.ascontiguousarray(offsets[(offsets**2).sum(1) <= radius**2])


@numba.njit(cache=True)
def _rasterise(cells: np.ndarray, faces: np.ndarray, K: int) -> np.ndarray:
    """The grid points nearest to samples in rows parallel to each triangle's longest edge; bool (K, K, K)."""
    marks = np.zeros((K, K, K), np.bool_)
    for f in range(len(faces)):
        corner = 0
        longest = -1.0
        for i in range(3):
            length = np.sqrt(((cells[faces[f, (i + 1) % 3]] - cells[faces[f, i]]) ** 2).sum())
            if length > longest:
                longest, corner = length, i
        a, b, c = cells[faces[f, corner]], cells[faces[f, (corner + 1) % 3]], cells[faces[f, (corner + 2) % 3]]
        base, side = b - a, c - a
        height = np.sqrt((np.cross(base, side) ** 2).sum()) / longest if longest > 0 else 0.0
        rows = int(np.ceil(height / _STEP))
        for j in range(rows + 1):
            v = j / max(rows, 1)
            columns = int(np.ceil(longest * (1 - v) / _STEP))
            for i in range(columns + 1):
                u = (1 - v) * i / max(columns, 1)
                x = int(np.rint(a[0] + u * base[0] + v * side[0]))
                y = int(np.rint(a[1] + u * base[1] + v * side[1]))
                z = int(np.rint(a[2] + u * base[2] + v * side[2]))
                marks[min(max(x, 0), K - 1), min(max(y, 0), K - 1), min(max(z, 0), K - 1)] = True
    return marks


@numba.njit(cache=True)
def _dilate(marks: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    K = marks.shape[0]
    out = np.zeros((K, K, K), np.bool_)
    for x in range(K):
        for y in range(K):
            for z in range(K):
                if marks[x, y, z]:
                    for i in range(len(offsets)):
                        p, q, r = x + offsets[i, 0], y + offsets[i, 1], z + offsets[i, 2]
                        if 0 <= p < K and 0 <= q < K and 0 <= r < K:
                            out[p, q, r] = True
    return out
