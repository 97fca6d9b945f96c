"""Mesh -> voxel cloud: every voxel that the surface passes through, by exact triangle/box overlap.

The grid is the common cube of the set: coordinate ``x`` in [-1, 1] has voxel index
``round((x + 1) / 2 * (2^bits - 1))``, ties upwards, so voxel ``i`` covers [i - 1/2, i + 1/2) in grid units. The
overlap test is the projection test of Schwarz and Seidel, "Fast parallel surface and solid voxelization on GPUs"
(2010), run over the columns of each triangle's dominant plane; its cost grows with the surface's area, not with the
volume of its boxes.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

# A face that lies exactly between two voxels belongs to the upper one; the shift is far above rounding errors.
TIE_SHIFT = 1e-7
EDGE_STEP = 1.0 / 16
CHUNK = 1 << 24

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def surface_voxels(triangles: Floats, bits: int) -> tuple[Ints, Ints]:
    """Voxels that the triangles pass through.

    Args:
        triangles: (f, 3, 3) float64 in [-1, 1]^3.
        bits: voxels per axis as a power of two, 1 to 16.

    Returns:
        Unique voxel indices (n, 3) int64 in lexicographic order, and for each the index of one triangle in it
        (the one whose plane is nearest to the voxel's centre).
    """
    top = (1 << bits) - 1
    grid = (np.ascontiguousarray(triangles, np.float64) + 1.0) * (0.5 * top) + (0.5 + TIE_SHIFT)
    keys = np.empty(0, np.int64)
    faces = np.empty(0, np.int64)
    offsets: Floats = np.empty(0, np.float64)
    start = 0
    while start < len(grid):
        stop, new_keys, new_faces, new_offsets = _rasterize(grid, start, top, bits, CHUNK)
        keys, faces, offsets = _nearest_per_voxel(
            np.concatenate([keys, new_keys]), np.concatenate([faces, new_faces]), np.concatenate([offsets, new_offsets])
        )
        start = stop
    mask = np.int64(top)
    return np.stack([keys >> (2 * bits), (keys >> bits) & mask, keys & mask], axis=1), faces


def _nearest_per_voxel(keys: Ints, faces: Ints, offsets: Floats) -> tuple[Ints, Ints, Floats]:
    return _firsts(np.argsort(keys), keys, faces, offsets)


@numba.njit(cache=True)
def _firsts(
    order: Ints, keys: Ints, faces: Ints, offsets: Floats
) -> tuple[Ints, Ints, Floats]:  # pragma: no cover - compiled
    """Of each voxel's entries, which are neighbours in ``order``, the least by offset and face."""
    chosen = np.empty(len(order), np.int64)
    count = 0
    for entry in order:
        if count == 0 or keys[entry] != keys[chosen[count - 1]]:
            chosen[count] = entry
            count += 1
            continue
        best = chosen[count - 1]
        if offsets[entry] < offsets[best] or (offsets[entry] == offsets[best] and faces[entry] < faces[best]):
            chosen[count - 1] = entry
    chosen = chosen[:count]
    return keys[chosen], faces[chosen], offsets[chosen]


@numba.njit(cache=True)
def _rasterize(
    grid: Floats, start: int, top: int, bits: int, room: int
) -> tuple[int, Ints, Ints, Floats]:  # pragma: no cover
    """Voxel keys of the triangles from ``start`` on, until ``room`` is used up; returns where it stopped."""
    size = 1 << 16
    keys = np.empty(size, np.int64)
    faces = np.empty(size, np.int64)
    offsets = np.empty(size, np.float64)
    used = 0
    edges = np.empty((3, 9))
    face = start
    while face < len(grid) and used < room:
        corners = grid[face]
        e0 = corners[1] - corners[0]
        e1 = corners[2] - corners[1]
        normal = np.array([e0[1] * e1[2] - e0[2] * e1[1], e0[2] * e1[0] - e0[0] * e1[2], e0[0] * e1[1] - e0[1] * e1[0]])
        length = np.sqrt((normal * normal).sum())
        w = int(np.argmax(np.abs(normal)))
        u, v = (w + 1) % 3, (w + 2) % 3
        if length < 1e-12:
            cells = _sample_edges(corners)
        else:
            for axis in range(3):
                _edge_functions(corners, normal, axis, edges[axis])
            cells = _overlapped_cells(corners, normal, edges, u, v, w)
        while used + len(cells) > size:
            keys, faces, offsets = _grown(keys), _grown(faces), _grown(offsets)
            size *= 2
        for cell in cells:
            x = min(max(cell[0], 0), top)
            y = min(max(cell[1], 0), top)
            z = min(max(cell[2], 0), top)
            offset = 0.0
            if length >= 1e-12:
                height = 0.0
                for axis in range(3):
                    height += (cell[axis] + 0.5 - corners[0, axis]) * normal[axis]
                offset = abs(height) / length
            keys[used] = (x << (2 * bits)) | (y << bits) | z
            faces[used] = face
            offsets[used] = offset
            used += 1
        face += 1
    return face, keys[:used], faces[:used], offsets[:used]


@numba.njit(cache=True)
def _grown(array: Any) -> Any:  # pragma: no cover
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


@numba.njit(cache=True)
def _edge_functions(corners: Floats, normal: Floats, axis: int, out: Floats) -> None:  # pragma: no cover
    """Three half planes (a, b, c), a p + b q + c >= 0, for unit squares at (p, q) in the projection along ``axis``."""
    p, q = (axis + 1) % 3, (axis + 2) % 3
    sign = 1.0 if normal[axis] >= 0 else -1.0
    for i in range(3):
        j = (i + 1) % 3
        a = -(corners[j, q] - corners[i, q]) * sign
        b = (corners[j, p] - corners[i, p]) * sign
        out[3 * i] = a
        out[3 * i + 1] = b
        out[3 * i + 2] = -(a * corners[i, p] + b * corners[i, q]) + max(0.0, a) + max(0.0, b)


@numba.njit(cache=True)
def _inside(edges: Floats, p: float, q: float) -> bool:  # pragma: no cover
    inside = True
    for i in range(3):
        inside &= edges[3 * i] * p + edges[3 * i + 1] * q + edges[3 * i + 2] >= 0
    return inside


@numba.njit(cache=True)
def _overlapped_cells(
    corners: Floats, normal: Floats, edges: Floats, u: int, v: int, w: int
) -> Ints:  # pragma: no cover
    """Cells (m, 3) that one triangle overlaps; ``w`` is the dominant axis of its normal, (u, v, w) cyclic."""
    low = np.array([corners[:, 0].min(), corners[:, 1].min(), corners[:, 2].min()])
    high = np.array([corners[:, 0].max(), corners[:, 1].max(), corners[:, 2].max()])
    size = 64
    cells = np.empty((size, 3), np.int64)
    used = 0
    slope_u, slope_v = -normal[u] / normal[w], -normal[v] / normal[w]
    reach = 0.5 * (abs(slope_u) + abs(slope_v))
    for p in range(int(np.floor(low[u])), int(np.floor(high[u])) + 1):
        for q in range(int(np.floor(low[v])), int(np.floor(high[v])) + 1):
            if not _inside(edges[w], p, q):
                continue
            middle = corners[0, w] + slope_u * (p + 0.5 - corners[0, u]) + slope_v * (q + 0.5 - corners[0, v])
            first = int(np.floor(max(middle - reach, low[w])))
            last = int(np.floor(min(middle + reach, high[w])))
            for r in range(first, last + 1):
                if _inside(edges[u], q, r) and _inside(edges[v], r, p):
                    if used == size:
                        larger = np.empty((2 * size, 3), np.int64)
                        larger[:size] = cells
                        cells = larger
                        size *= 2
                    cells[used, u] = p
                    cells[used, v] = q
                    cells[used, w] = r
                    used += 1
    return cells[:used]


@numba.njit(cache=True)
def _sample_edges(corners: Floats) -> Ints:  # pragma: no cover
    """Cells along the edges of a triangle that has no area, where the overlap test has no plane to go by."""
    steps = np.empty(3, np.int64)
    for i in range(3):
        edge = corners[(i + 1) % 3] - corners[i]
        steps[i] = int(np.sqrt((edge * edge).sum()) / EDGE_STEP) + 1
    cells = np.empty((steps.sum(), 3), np.int64)
    used = 0
    for i in range(3):
        edge = corners[(i + 1) % 3] - corners[i]
        for k in range(steps[i]):
            cells[used] = np.floor(corners[i] + edge * (k / steps[i])).astype(np.int64)
            used += 1
    return cells
