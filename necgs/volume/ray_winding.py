"""Winding numbers of closed triangle meshes, exactly: signed crossings of a ray along x.

Where the faces' edges cancel, the winding number of a point is the sum of the signs with which a ray from it crosses
the surface. Coordinates are integers of 2^-24, so that whether a ray hits a triangle is decided without rounding; where
it passes through an edge or a vertex, it is moved by (epsilon, epsilon^2) in thought (Edelsbrunner and Muecke,
Simulation of Simplicity, 1990): each crossing counts once.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_SCALE = 1 << 24
_LIMIT = 127
_LEAST_COLUMNS, _MOST_COLUMNS = 16, 512

Ints = NDArray[np.int64]


def ray_winding(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Winding number of each of points (n, 3) in a closed mesh; int8 (n,), limited to +-127.

    Args:
        vertices: float (v, 3), about within [-1, 1]^3.
        faces: int (m, 3), whose edges cancel.
        points: float (n, 3); for one on the surface either side may be found.
    """
    corners = np.rint(np.asarray(vertices, np.float64) * _SCALE).astype(np.int64)[faces]
    targets = np.rint(np.asarray(points, np.float64) * _SCALE).astype(np.int64)
    if not len(corners) or not len(targets):
        return np.zeros(len(targets), np.int8)
    columns = int(np.clip(np.sqrt(len(faces)), _LEAST_COLUMNS, _MOST_COLUMNS))
    low = corners[:, :, 1:].min((0, 1))
    width = int((corners[:, :, 1:].max((0, 1)) - low).max()) // columns + 1
    count = np.zeros(columns * columns + 1, np.int64)
    _fill_columns(corners, low, width, columns, count, np.zeros(0, np.int64))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(count[:-1])])
    entries = np.empty(starts[-1], np.int64)
    _fill_columns(corners, low, width, columns, starts[:-1].copy(), entries)
    winding: np.ndarray = _count_crossings(corners, targets, low, width, columns, starts, entries)
    return winding.clip(-_LIMIT, _LIMIT).astype(np.int8)


@numba.njit(cache=True)
def _fill_columns(corners, low, width, columns, at, entries):  # type: ignore[no-untyped-def]  # numba
    """Enter each triangle into the columns along x that it may meet; without room for entries, only count them."""
    for f in range(len(corners)):
        a, b, c = corners[f, 0], corners[f, 1], corners[f, 2]
        y0, y1 = min(a[1], b[1], c[1]) - low[0], max(a[1], b[1], c[1]) - low[0]
        z0, z1 = min(a[2], b[2], c[2]) - low[1], max(a[2], b[2], c[2]) - low[1]
        for j in range(y0 // width, y1 // width + 1):
            for k in range(z0 // width, z1 // width + 1):
                if _apart(a, b, c, low[0] + j * width, low[1] + k * width, width):
                    continue
                column = j * columns + k
                if len(entries):
                    entries[at[column]] = f
                at[column] += 1


@numba.njit(cache=True)
def _apart(a, b, c, y, z, width):  # type: ignore[no-untyped-def]  # numba
    """Whether an edge of the projected triangle has the whole square on the side where the third corner is not."""
    for turn in range(3):
        p, q, r = (a, b, c) if turn == 0 else ((b, c, a) if turn == 1 else (c, a, b))
        dy, dz = q[1] - p[1], q[2] - p[2]
        side = dy * (r[2] - p[2]) - dz * (r[1] - p[1])
        if side == 0:
            continue
        flip = 1 if side > 0 else -1
        best = flip * (dy * (z - p[2]) - dz * (y - p[1]))
        best += max(flip * dy * width, 0) + max(-flip * dz * width, 0)
        if best < 0:
            return True
    return False


@numba.njit(cache=True)
def _side(p, q, y, z):  # type: ignore[no-untyped-def]  # numba
    """On which side of the projected line p q the moved point (y, z) lies: its sign and the undisturbed determinant."""
    dy, dz = q[1] - p[1], q[2] - p[2]
    value = dy * (z - p[2]) - dz * (y - p[1])
    if value != 0:
        return (1 if value > 0 else -1), value
    if dz != 0:
        return (-1 if dz > 0 else 1), value
    return (1 if dy > 0 else (-1 if dy < 0 else 0)), value


@numba.njit(cache=True)
def _count_crossings(corners, points, low, width, columns, starts, entries):  # type: ignore[no-untyped-def]  # numba
    winding = np.zeros(len(points), np.int64)
    for i in range(len(points)):
        x, y, z = points[i]
        j, k = (y - low[0]) // width, (z - low[1]) // width
        if not (0 <= j < columns and 0 <= k < columns):
            continue
        for entry in range(starts[j * columns + k], starts[j * columns + k + 1]):
            a, b, c = corners[entries[entry]]
            if max(a[0], b[0], c[0]) <= x:
                continue
            side, w_c = _side(a, b, y, z)
            other, w_a = _side(b, c, y, z)
            if other != side or side == 0:
                continue
            last, w_b = _side(c, a, y, z)
            if last != side:
                continue
            total = np.float64(w_a + w_b + w_c)
            if min(a[0], b[0], c[0]) > x or (
                total != 0 and (w_a * np.float64(a[0]) + w_b * np.float64(b[0]) + w_c * np.float64(c[0])) / total > x
            ):
                winding[i] += side
    return winding
