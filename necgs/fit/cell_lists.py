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
_SHIFT = 2  # the edge of a block is 2^_SHIFT cells
_EDGE = 1 << _SHIFT
_BLOCK = _EDGE**3  # cells of a block
_MOST_BLOCKS = 4**3  # near one piece of a triangle


@dataclass(frozen=True)
class CellLists:
    """For each cell of a grid over [-1, 1]^3 the triangles of a mesh near it.

    Few cells are near a mesh, so only blocks of 4^3 cells that hold one have lists: memory and time follow the mesh's
    area in cells, but for one number for each of the G^3 blocks, G = ceil(K / 4).

    Args:
        surface: the mesh.
        resolution: K, cells per axis.
        blocks: int32 (G^3,), number of each block that has lists, -1 for the others.
        starts: int32 (64 b + 1,), where the list of each cell of the b blocks that have lists begins.
        entries: int32 (n,), triangles; those of a cell ascending, each once.
    """

    surface: Surface
    resolution: int
    blocks: NDArray[np.int32]
    starts: NDArray[np.int32]
    entries: NDArray[np.int32]

    @classmethod
    def of(cls, surface: Surface, resolution: int) -> CellLists:
        """The lists of a mesh."""
        cells = (surface.vertices.astype(np.float64) + 1) * (resolution / 2)
        near, ends, blocks, used = _list(cells, surface.faces, resolution)
        return cls(surface, resolution, blocks, *_sorted(near, ends, used * _BLOCK))

    def search(self, points: NDArray[np.float32]) -> Nearest:
        """The closest point of each of points float32 (n, 3)."""
        mesh, bound = self.surface, np.float32((_REACH * 2 / self.resolution) ** 2)
        lists = self.blocks, self.starts, self.entries
        faces = _search(points, mesh.vertices, mesh.faces, self.resolution, *lists, bound)
        far = np.flatnonzero(faces < 0)
        if len(far):
            faces[far] = mesh.closest(points[far])[1]
        return Nearest(*_on(points, mesh.vertices, mesh.faces, faces))


@numba.njit(cache=True)
def _list(cells, faces, K):  # type: ignore[no-untyped-def]  # numba
    """The cells near each triangle: their numbers within the blocks, where each triangle's end, and the blocks."""
    stack, normal = np.empty((DEEPEST, 3, 3)), np.empty(3)
    blocks = np.full((-(-K // _EDGE)) ** 3, -1, np.int32)
    near, ends = np.empty((1 << 16) + 16 * len(faces), np.int32), np.empty(len(faces), np.int32)
    last = np.full((1 << 10) * _BLOCK, -1, np.int32)  # the last triangle near each cell
    count = used = 0
    for f in range(len(faces)):
        a, b, c = cells[faces[f, 0]], cells[faces[f, 1]], cells[faces[f, 2]]
        unit_normal(a, b, c, normal)  # zero where there is no area: then all cells of the bounding box are near
        stack[0, 0], stack[0, 1], stack[0, 2] = a, b, c
        waiting = 1
        while waiting:
            waiting -= 1
            if not _is_short(stack[waiting]) and halved(stack, waiting, _PIECE):
                waiting += 2
                continue
            if count + _MOST_CELLS > len(near):
                near = np.concatenate((near, np.empty_like(near)))
            if (used + _MOST_BLOCKS) * _BLOCK > len(last):
                last = np.concatenate((last, np.full_like(last, -1)))
            count, used = _enter(f, a, normal, stack[waiting], K, blocks, last, near, count, used)
        ends[f] = count
    return near[:count], ends, blocks, used


@numba.njit(cache=True)
def _is_short(piece):  # type: ignore[no-untyped-def]  # numba
    """Whether a piece's bounding box shows that no side is long enough to be cut; asking `halved` takes longer."""
    squared = 0.0
    for k in range(3):
        extent = max(piece[0, k], piece[1, k], piece[2, k]) - min(piece[0, k], piece[1, k], piece[2, k])
        squared += extent * extent
    return squared <= _PIECE * _PIECE


@numba.njit(cache=True)
def _enter(f, a, normal, piece, K, blocks, last, near, count, used):  # type: ignore[no-untyped-def]  # numba
    """Add the cells near a piece of triangle ``f`` that are not among its cells yet, and number their blocks."""
    G, inner = -(-K // _EDGE), _EDGE - 1
    x0, x1 = _span(piece, 0, K)
    y0, y1 = _span(piece, 1, K)
    z0, z1 = _span(piece, 2, K)
    slab = _REACH + 0.5 * (abs(normal[0]) + abs(normal[1]) + abs(normal[2])) + 1e-6
    for x in range(x0, x1):
        for y in range(y0, y1):
            beside = (x + 0.5 - a[0]) * normal[0] + (y + 0.5 - a[1]) * normal[1]
            row = ((x >> _SHIFT) * G + (y >> _SHIFT)) * G
            within = ((x & inner) << _SHIFT | (y & inner)) << _SHIFT
            for z in range(z0, z1):
                if abs(beside + (z + 0.5 - a[2]) * normal[2]) <= slab:
                    block = row + (z >> _SHIFT)
                    if blocks[block] < 0:
                        blocks[block], used = used, used + 1
                    cell = blocks[block] * _BLOCK + within + (z & inner)
                    if last[cell] != f:
                        last[cell], near[count] = f, cell
                        count += 1
    return count, used


@numba.njit(cache=True)
def _span(piece, k, K):  # type: ignore[no-untyped-def]  # numba
    """The first cell along axis k that is near a piece, and the one after the last."""
    low = int(np.floor(min(piece[0, k], piece[1, k], piece[2, k]) - _REACH))
    high = int(np.floor(max(piece[0, k], piece[1, k], piece[2, k]) + _REACH))
    return min(max(low, 0), K - 1), min(max(high, 0), K - 1) + 1


@numba.njit(cache=True)
def _sorted(near, ends, cells):  # type: ignore[no-untyped-def]  # numba
    """Where each cell's list begins, and the triangles in the order of the cells."""
    starts, entries = np.zeros(cells + 2, np.int32), np.empty(len(near), np.int32)
    for cell in near:
        starts[cell + 2] += 1
    for cell in range(cells + 1):
        starts[cell + 1] += starts[cell]
    begin = 0
    for f in range(len(ends)):
        for i in range(begin, ends[f]):
            after = near[i] + 1  # the beginning of each list moves to its end
            entries[starts[after]] = f
            starts[after] += 1
        begin = ends[f]
    return starts[:-1], entries


@numba.njit(cache=True)
def _search(points, vertices, faces, K, blocks, starts, entries, bound):  # type: ignore[no-untyped-def]  # numba
    """The nearest triangle of each point, of equally near ones the first; -1 where none is as near as ``bound``."""
    nearest, scale = np.full(len(points), -1, np.int64), np.float32(K / 2)
    G, inner = -(-K // _EDGE), _EDGE - 1
    for i in range(len(points)):
        block = within = 0
        for k in range(3):
            at = min(max(int((points[i, k] + 1) * scale), 0), K - 1)
            block = block * G + (at >> _SHIFT)
            within = within << _SHIFT | (at & inner)
        if blocks[block] < 0:
            continue
        cell, best = blocks[block] * _BLOCK + within, bound
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
