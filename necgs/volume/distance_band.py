"""Distances of grid points to a triangle mesh: of the points near its surface, and nothing is kept of others.

Each triangle visits the grid points within reach of it and leaves its distance where it is the nearest so far. No point
that is farther away costs anything: a triangle is cut into pieces, and only points within reach of its plane and of the
piece's bounding box are looked at. What lies nearer to another triangle than to either is not computed. The grid is
filled a few slices at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.volume.closest_point import closest_on_triangle
from necgs.volume.grid_bits import slabs
from necgs.volume.triangle_pieces import DEEPEST, halved, unit_normal

_PIECE = 32.0  # cells; smaller ones overlap more, larger ones of slivers have large boxes
_EDGE = 1e-7  # cells; keeps the rounding of a division from leaving out a point of the boundary
_SLAB = 32  # slices that are filled at a time; what reaches into two slabs is cut into pieces in both


@dataclass(frozen=True)
class DistanceBand:
    """Unsigned distances of the grid points within reach of a mesh.

    Args:
        resolution: K.
        points: int64 (n,), flat indices (x slowest) in ascending order.
        distance: float32 (n,), in units of the cube.
    """

    resolution: int
    points: NDArray[np.int64]
    distance: NDArray[np.float32]


def distance_band(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], resolution: int, reach: float
) -> DistanceBand:
    """Unsigned distance of every grid point within reach of a mesh.

    Args:
        vertices: float (n, 3) within [-1, 1].
        faces: int (m, 3).
        resolution: K.
        reach: in cells; two is the truncation of a TSDF.
    """
    h = 2.0 / (resolution - 1)
    cells = (np.asarray(vertices, np.float64) + 1.0) / h
    corners = np.ascontiguousarray(faces, np.int64)
    along = cells[corners, 0]
    low, high = along.min(1) - reach, along.max(1) + reach
    room = np.empty((min(_SLAB, resolution), resolution, resolution), np.float32)
    points, distance = [], []
    for first, last in slabs(resolution, _SLAB):
        squared = room[: last - first]
        squared.fill(np.inf)
        _spread(cells, corners[(low <= last - 1) & (high >= first)], float(reach), first, squared)
        found = np.flatnonzero(squared < np.inf)
        distance.append(np.sqrt(squared.reshape(-1)[found]) * np.float32(h))
        points.append(found + first * resolution**2)
    return DistanceBand(resolution, np.concatenate(points), np.concatenate(distance))


@numba.njit(cache=True)
def _spread(cells, faces, reach, x0, squared):  # type: ignore[no-untyped-def]  # numba
    """Leave squared distances to triangles, in cells, at the points of a slab (X, K, K) whose first slice is ``x0``."""
    stack, normal = np.empty((DEEPEST, 3, 3)), np.empty(3)
    for f in range(len(faces)):
        a, b, c = cells[faces[f, 0]], cells[faces[f, 1]], cells[faces[f, 2]]
        flat = unit_normal(a, b, c, normal)
        stack[0, 0], stack[0, 1], stack[0, 2] = a, b, c
        waiting = 1
        while waiting:
            waiting -= 1
            piece = stack[waiting]
            if min(piece[0, 0], piece[1, 0], piece[2, 0]) - reach > x0 + len(squared) - 1:
                continue
            if max(piece[0, 0], piece[1, 0], piece[2, 0]) + reach < x0:
                continue
            if halved(stack, waiting, _PIECE):
                waiting += 2
            else:
                _visit(a, b, c, normal, flat, piece, reach, x0, squared)


@numba.njit(cache=True)
def _visit(a, b, c, normal, flat, piece, reach, x0, squared):  # type: ignore[no-untyped-def]  # numba
    """Leave a triangle's squared distance, in cells, at the grid points around one piece of it."""
    K = squared.shape[1]
    limit, point = reach * reach, np.empty(3)
    first, last = np.empty(3), np.empty(3)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in range(3):
        first[k], last[k] = min(piece[0, k], piece[1, k], piece[2, k]), max(piece[0, k], piece[1, k], piece[2, k])
        low[k], high[k] = max(0, int(np.ceil(first[k] - reach))), min(K - 1, int(np.floor(last[k] + reach)))
    low[0], high[0] = max(low[0], x0), min(high[0], x0 + len(squared) - 1)
    steep = flat and abs(normal[2]) > 1e-6
    for x in range(low[0], high[0] + 1):
        beside_x = max(first[0] - x, x - last[0], 0.0)
        plane = squared[x - x0]
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
                enough = min(np.float64(plane[y, z]), limit) * (1 + 1e-6)
                if off * off > enough or beside + beside_z * beside_z > enough:
                    continue
                point[0], point[1], point[2] = x, y, z
                found = closest_on_triangle(point, a, b, c)[2]
                if found <= limit and found < plane[y, z]:
                    plane[y, z] = found
