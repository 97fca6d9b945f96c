"""Oriented planes -> triangles: the zero set of their weighted mean, without a system of equations to solve.

At a grid point the implicit function is the mean height over the planes of the voxels nearby, weighted by
(1 - r^2 / R^2)^4 of the distance r to each plane's foot: implicit moving least squares (Shen, O'Brien, Shewchuk,
"Interpolating and approximating implicit surfaces from polygon soup", 2004; Kolluri, "Provably good moving least
squares", 2008). Marching cubes (libigl) runs where the function is known at all corners of a cube of the grid.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

RADIUS = 3.0
"""R in voxels: at 2.5 and 4 the surface distance of exact clouds is up to 5 and 15 % larger."""

_REACH = 3
_SLAB_CELLS = 1 << 22
_ON_GRID = 1e-3  # voxels: a surface just on grid points would be ragged, and marching cubes would lose parts of it

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Heights = NDArray[np.float32]


def blended_planes(feet: Floats, normals: Floats) -> tuple[Floats, Ints]:
    """Surface of planes.

    Args:
        feet: float64 (n, 3), a point on each plane, in voxels.
        normals: float64 (n, 3), unit, pointing outwards.

    Returns:
        Vertices float64 (v, 3) in voxels and faces int64 (f, 3), both empty where nothing crosses zero. Memory is
        bounded by the number of planes and 2^22 grid points, or two layers of the grid where those are more.
    """
    from igl import marching_cubes

    centres = np.rint(feet).astype(np.int64)
    order = np.argsort(centres[:, 0], kind="stable")
    centres, feet, normals = centres[order], feet[order], normals[order]
    low, high = centres.min(axis=0) - _REACH, centres.max(axis=0) + _REACH
    size = high - low + 1
    step = max(1, _SLAB_CELLS // int(size[1] * size[2]) - 1)
    numbers = np.full((2, *size[1:]), -1, np.int32)
    found, count = [], 0
    for start in range(int(low[0]), int(high[0]), step):
        stop = min(start + step, int(high[0]))
        part = slice(*np.searchsorted(centres[:, 0], [start - _REACH, stop + _REACH + 1]))
        if part.start == part.stop:
            numbers[:] = -1
            continue
        heights = _blended(feet[part], normals[part], centres[part], start, stop, low, size)
        found.append(_cubes(heights, numbers, start - int(low[0]), count))
        count += len(found[-1][0])
    if not count:
        return np.empty((0, 3)), np.empty((0, 3), np.int64)
    values, corners, cubes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    vertices, faces, _ = marching_cubes(values, (corners + low).astype(np.float64), cubes, 0.0)
    return np.asarray(vertices, np.float64), np.asarray(faces, np.int64)


@numba.njit(cache=True, error_model="numpy")
def _blended(
    feet: Floats, normals: Floats, centres: Ints, start: int, stop: int, low: Ints, size: Ints
) -> Heights:  # pragma: no cover - compiled
    """Mean heights at the grid points of the layers ``start`` to ``stop``; NaN where no plane is near."""
    weights = np.zeros((stop - start + 1, size[1], size[2]), np.float32)
    heights = np.zeros_like(weights)
    for i in range(len(feet)):
        bottom = centres[i, 2] - _REACH
        for x in range(max(centres[i, 0] - _REACH, start), min(centres[i, 0] + _REACH, stop) + 1):
            for y in range(centres[i, 1] - _REACH, centres[i, 1] + _REACH + 1):
                dx, dy = x - feet[i, 0], y - feet[i, 1]
                left = RADIUS**2 - dx * dx - dy * dy
                if left <= 0:
                    continue
                along = np.float32(dx * normals[i, 0] + dy * normals[i, 1])
                to_weights, to_heights = weights[x - start, y - low[1]], heights[x - start, y - low[1]]
                for z in range(2 * _REACH + 1):  # all in single precision and of known number: it becomes a vector
                    dz = np.float32(bottom + z - feet[i, 2])
                    near = max(np.float32(left) - dz * dz, np.float32(0)) * np.float32(1 / RADIUS**2)
                    weight = (near * near) * (near * near)
                    to_weights[bottom + z - low[2]] += weight
                    to_heights[bottom + z - low[2]] += weight * (along + dz * np.float32(normals[i, 2]))
    for x in range(len(heights)):
        for y in range(size[1]):
            for z in range(size[2]):
                height = heights[x, y, z] / weights[x, y, z]
                heights[x, y, z] = np.float32(_ON_GRID) if abs(height) <= _ON_GRID else height
    return heights


@numba.njit(cache=True)
def _cubes(
    heights: Heights, numbers: NDArray[np.int32], first: int, count: int
) -> tuple[Floats, Ints, Ints]:  # pragma: no cover - compiled
    """Cubes with all corners known, on both sides of the surface, in layers of the grid from the ``first`` on.

    ``numbers`` (2, y, z) are those of the corners of the last two layers, -1 for none; new ones go on from ``count``.

    Returns:
        Values (k,) and places (k, 3) of the new corners, and the cubes' corners (m, 8).
    """
    values, places, used = np.empty(1024), np.empty((1024, 3), np.int64), 0
    cubes, made = np.empty((1024, 8), np.int64), 0
    for x in range(len(heights) - 1):
        numbers[(first + x + 1) & 1] = -1
        for y in range(heights.shape[1] - 1):
            for z in range(heights.shape[2] - 1):
                if np.isnan(heights[x, y, z]) or not _is_crossed(heights[x : x + 2, y : y + 2, z : z + 2]):
                    continue
                if made == len(cubes):
                    cubes = np.concatenate((cubes, cubes))
                if used + 8 > len(values):
                    values, places = np.concatenate((values, values)), np.concatenate((places, places))
                for corner in range(8):  # in the order of marching cubes: around the lower square, then the upper one
                    dx, dy, dz = ((corner + 1) >> 1) & 1, (corner >> 1) & 1, corner >> 2
                    at = ((first + x + dx) & 1, y + dy, z + dz)
                    if numbers[at] < 0:
                        numbers[at] = count + used
                        values[used] = heights[x + dx, y + dy, z + dz]
                        places[used, 0], places[used, 1], places[used, 2] = first + x + dx, y + dy, z + dz
                        used += 1
                    cubes[made, corner] = numbers[at]
                made += 1
    return values[:used], places[:used], cubes[:made]


@numba.njit(cache=True, inline="always")
def _is_crossed(corners: Heights) -> bool:  # pragma: no cover - compiled
    """Whether all of eight heights are known, some above and some below."""
    below = 0
    for height in corners.flat:
        if np.isnan(height):
            return False
        if height < 0:
            below += 1
    return 0 < below < 8
