"""Closest points on a triangle mesh, exactly, for points that lie close to it: lists of the triangles near each cell.

A point closer to the mesh than `_REACH` finds its nearest triangle in the list of the grid cell that it lies in. In a
fit these are nearly all points; the others ask the tree of bounding boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.fit.nearest_triangle import Nearest
from necgs.volume.closest_point import closest_on_triangle
from necgs.volume.surface import Surface
from necgs.volume.triangle_pieces import DEEPEST, halved, unit_normal

_REACH = 0.2  # cells around a cell within which triangles are listed
_PIECE = 6.0  # cells, the longest side of a piece of a triangle
_MOST_CELLS = 9**3  # near one piece of a triangle


@dataclass(frozen=True)
class CellLists:
    """For each cell of a grid over [-1, 1]^3 the triangles of a mesh near it.

    Args:
        surface: the mesh.
        resolution: K, cells per axis.
        starts: int32 (K^3 + 1,), where each cell's list begins.
        entries: int32 (n,), triangles; one may stand in a list more than once.
    """

    surface: Surface
    resolution: int
    starts: NDArray[np.int32]
    entries: NDArray[np.int32]

    @classmethod
    def of(cls, surface: Surface, resolution: int) -> CellLists:
        """The lists of a mesh."""
        cells = (surface.vertices.astype(np.float64) + 1) * (resolution / 2)
        near, own = _list(cells, surface.faces, resolution)
        starts, entries = _sorted(near, own, resolution**3)
        return cls(surface, resolution, starts, entries)

    def search(self, points: NDArray[np.float32]) -> Nearest:
        """The closest point of each of points float32 (n, 3)."""
        mesh, bound = self.surface, np.float32((_REACH * 2 / self.resolution) ** 2)
        faces = _search(points, mesh.vertices, mesh.faces, self.resolution, self.starts, self.entries, bound)
        far = np.flatnonzero(faces < 0)
        if len(far):
            faces[far] = mesh.closest(points[far])[1]
        return Nearest(*_on(points, mesh.vertices, mesh.faces, faces))


@numba.njit(cache=True)
def _list(cells, faces, K):  # type: ignore[no-untyped-def]  # numba
    """The cells near each triangle: numbers of cells and of triangles."""
    stack, normal = np.empty((DEEPEST, 3, 3)), np.empty(3)
    near, own, count = np.empty(1 << 16, np.int32), np.empty(1 << 16, np.int32), 0
    for f in range(len(faces)):
        a, b, c = cells[faces[f, 0]], cells[faces[f, 1]], cells[faces[f, 2]]
        unit_normal(a, b, c, normal)  # zero where there is no area: then all cells of the bounding box are near
        stack[0, 0], stack[0, 1], stack[0, 2] = a, b, c
        waiting = 1
        while waiting:
            waiting -= 1
            if halved(stack, waiting, _PIECE):
                waiting += 2
                continue
            if count + _MOST_CELLS > len(near):
                near, own = np.concatenate((near, np.empty_like(near))), np.concatenate((own, np.empty_like(own)))
            before = count
            count = _enter(a, normal, stack[waiting], K, near, count)
            own[before:count] = f
    return near[:count], own[:count]


@numba.njit(cache=True)
def _enter(a, normal, piece, K, near, count):  # type: ignore[no-untyped-def]  # numba
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in range(3):
        low[k] = min(max(0, int(np.floor(min(piece[0, k], piece[1, k], piece[2, k]) - _REACH))), K - 1)
        high[k] = max(min(K - 1, int(np.floor(max(piece[0, k], piece[1, k], piece[2, k]) + _REACH))), 0)
    slab = _REACH + 0.5 * (abs(normal[0]) + abs(normal[1]) + abs(normal[2])) + 1e-6
    for x in range(low[0], high[0] + 1):
        for y in range(low[1], high[1] + 1):
            beside = (x + 0.5 - a[0]) * normal[0] + (y + 0.5 - a[1]) * normal[1]
            for z in range(low[2], high[2] + 1):
                if abs(beside + (z + 0.5 - a[2]) * normal[2]) <= slab:
                    near[count] = (x * K + y) * K + z
                    count += 1
    return count


@numba.njit(cache=True)
def _sorted(near, own, cells):  # type: ignore[no-untyped-def]  # numba
    """Where each cell's list begins, and the triangles in the order of the cells."""
    starts, entries = np.zeros(cells + 2, np.int32), np.empty(len(near), np.int32)
    for cell in near:
        starts[cell + 1] += 1
    for cell in range(cells + 1):
        starts[cell + 1] += starts[cell]
    for i in range(len(near) - 1, -1, -1):  # the end of each list moves to its beginning
        end = near[i] + 1
        starts[end] -= 1
        entries[starts[end]] = own[i]
    return starts[1:], entries


@numba.njit(cache=True)
def _search(points, vertices, faces, K, starts, entries, bound):  # type: ignore[no-untyped-def]  # numba
    """The nearest triangle of each point, of equally near ones the first; -1 where none is as near as ``bound``."""
    nearest, scale = np.full(len(points), -1, np.int64), np.float32(K / 2)
    for i in range(len(points)):
        cell = 0
        for k in range(3):
            cell = cell * K + min(max(int((points[i, k] + 1) * scale), 0), K - 1)
        best = bound
        for entry in range(starts[cell], starts[cell + 1]):
            f = entries[entry]
            a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
            squared = closest_on_triangle(points[i], a, b, c)[2]
            if squared < best:
                best, nearest[i] = squared, f
    return nearest


@numba.njit(cache=True)
def _on(points, vertices, faces, own):  # type: ignore[no-untyped-def]  # numba
    """Closest points on given triangles, the triangles, barycentric coordinates and distances."""
    n = len(points)
    nearest, weights, distances = np.empty((n, 3), np.float32), np.empty((n, 3), np.float32), np.empty(n, np.float32)
    for i in range(n):
        a, b, c = vertices[faces[own[i], 0]], vertices[faces[own[i], 1]], vertices[faces[own[i], 2]]
        s, t, squared = closest_on_triangle(points[i], a, b, c)
        weights[i, 0], weights[i, 1], weights[i, 2], distances[i] = 1.0 - s - t, s, t, np.sqrt(squared)
        for k in range(3):
            nearest[i, k] = a[k] * (1.0 - s - t) + b[k] * s + c[k] * t
    return nearest, own, weights, distances
