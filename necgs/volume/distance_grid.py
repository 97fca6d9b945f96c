"""Distances of grid points to a triangle mesh, near its surface alone.

Each triangle visits the grid points within reach of it and leaves its distance where it is the nearest so far. No point
that is farther away costs anything: a triangle is cut into pieces, and only points within reach of its plane and of the
piece's bounding box are looked at. What lies nearer to another triangle than to either is not computed.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.volume.closest_point import closest_on_triangle
from necgs.volume.triangle_pieces import DEEPEST, halved, unit_normal

_PIECE = 32.0  # cells; smaller ones overlap more, larger ones of slivers have large boxes
_EDGE = 1e-7  # cells; keeps the rounding of a division from leaving out a point of the boundary


def distance_grid(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], resolution: int, reach: float
) -> NDArray[np.float32]:
    """Unsigned distance of every grid point within ``reach`` cells of a mesh.

    Args:
        vertices: float (n, 3) within [-1, 1].
        faces: int (m, 3).
        resolution: K.
        reach: in cells; two is the truncation of a TSDF.

    Returns:
        float32 (K, K, K) in units of the cube, two cells more than the reach for points beyond it.
    """
    h = 2.0 / (resolution - 1)
    cells = (np.asarray(vertices, np.float64) + 1.0) / h
    squared = np.full((resolution,) * 3, np.inf, np.float32)
    _spread(cells, np.ascontiguousarray(faces, np.int64), float(reach), squared)
    distance: NDArray[np.float32] = np.minimum(np.sqrt(squared, out=squared), np.float32(reach + 2), out=squared)
    distance *= np.float32(h)
    return distance


@numba.njit(cache=True)
def _spread(cells, faces, reach, squared):  # type: ignore[no-untyped-def]  # numba
    stack, normal = np.empty((DEEPEST, 3, 3)), np.empty(3)
    for f in range(len(faces)):
        a, b, c = cells[faces[f, 0]], cells[faces[f, 1]], cells[faces[f, 2]]
        flat = unit_normal(a, b, c, normal)
        stack[0, 0], stack[0, 1], stack[0, 2] = a, b, c
        waiting = 1
        while waiting:
            waiting -= 1
            if halved(stack, waiting, _PIECE):
                waiting += 2
            else:
                _visit(a, b, c, normal, flat, stack[waiting], reach, squared)


@numba.njit(cache=True)
def _visit(a, b, c, normal, flat, piece, reach, squared):  # type: ignore[no-untyped-def]  # numba
    """Leave a triangle's squared distance, in cells, at the grid points around one piece of it."""
    K = len(squared)
    limit, point = reach * reach, np.empty(3)
    first, last = np.empty(3), np.empty(3)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in range(3):
        first[k], last[k] = min(piece[0, k], piece[1, k], piece[2, k]), max(piece[0, k], piece[1, k], piece[2, k])
        low[k], high[k] = max(0, int(np.ceil(first[k] - reach))), min(K - 1, int(np.floor(last[k] + reach)))
    steep = flat and abs(normal[2]) > 1e-6
    for x in range(low[0], high[0] + 1):
        beside_x = max(first[0] - x, x - last[0], 0.0)
        for y in range(low[1], high[1] + 1):
            beside_y = max(first[1] - y, y - last[1], 0.0)
            beside = beside_x * beside_x + beside_y * beside_y  # squared distance to the piece's box, at z within it
            if beside > limit * (1 + 1e-6):
                continue
            above = (x - a[0]) * normal[0] + (y - a[1]) * normal[1] - a[2] * normal[2]  # of the plane, at z = 0
            start, end = low[2], high[2]
            if steep:
                one, other = (-reach - above) / normal[2], (reach - above) / normal[2]
                start = max(start, int(np.ceil(min(one, other) - _EDGE)))
                end = min(end, int(np.floor(max(one, other) + _EDGE)))
            elif flat and abs(above) > reach + 1e-3:
                continue
            for z in range(start, end + 1):
                off, beside_z = above + z * normal[2], max(first[2] - z, z - last[2], 0.0)
                enough = min(np.float64(squared[x, y, z]), limit) * (1 + 1e-6)
                if off * off > enough or beside + beside_z * beside_z > enough:
                    continue
                point[0], point[1], point[2] = x, y, z
                found = closest_on_triangle(point, a, b, c)[2]
                if found <= limit and found < squared[x, y, z]:
                    squared[x, y, z] = found
