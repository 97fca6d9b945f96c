"""Bring walls and gaps thinner than a cell into a volume, by moving a grid point into each.

A wall that passes between the grid's points leaves no sign change, and no fit that keeps the signs can bring it back.
But every point of space lies within half a cell of some grid point along each axis, which is just how far a deformation
reaches. So where a mesh has no counterpart in the extracted surface, the grid point nearest to the middle of the wall
(or gap) is moved there and takes the side that it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from necgs.surface import Surface, sample_count
from necgs.tsdf_def import LEVEL, TsdfDef, quantise
from necgs.winding_number import rounded_winding

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLES_PER_CELL = 8.0
_MISSED = 0.5  # cells between a mesh's point and the extracted surface
_THIN = 2.0  # cells through a wall or a gap


def capture_thin_parts(volume: TsdfDef, vertices: np.ndarray, faces: np.ndarray, seed: int = 0) -> TsdfDef:
    """Move grid points into the walls and gaps of a mesh that its plain volume misses.

    Args:
        volume: the plain volume of the mesh.
        vertices: float (n, 3) within [-1, 1]^3.
        faces: int (m, 3).
        seed: of the samples on the mesh.

    Returns:
        a volume in which some points are moved and have changed sides; ``volume`` itself where nothing was missed.
    """
    K, h = volume.resolution, 2.0 / (volume.resolution - 1)
    surface = Surface(vertices, faces)
    points, face = surface.sample(sample_count(surface, _SAMPLES_PER_CELL, h), seed)
    missed = _missed(volume, points, h)
    if not missed.any():
        return volume
    middle, radius = _middles(surface, points[missed], surface.normals[face[missed]], h)
    inside = rounded_winding(vertices, faces, middle) % 2 == 1
    grid = np.rint((middle + 1) / h).astype(np.int64).clip(0, K - 1)
    flat = np.ravel_multi_index(tuple(grid.T), (K, K, K))
    flips = inside != (volume.codes[0].reshape(-1)[flat] < 0)
    order = np.lexsort((-radius, flat))  # of several middles around one grid point, the deepest
    order = order[flips[order]]
    order = order[np.unique(flat[order], return_index=True)[1]]
    codes = volume.codes.reshape(4, -1).copy()
    depth = np.maximum(1, np.rint(radius[order] / (2 * h) * LEVEL)).clip(max=LEVEL).astype(np.int16)
    codes[0, flat[order]] = np.where(inside[order], -depth, depth)
    codes[1:, flat[order]] = quantise((middle[order] - (grid[order] * h - 1)) / (h / 2)).T
    return TsdfDef(codes.reshape(volume.codes.shape))


def _missed(volume: TsdfDef, points: np.ndarray, h: float) -> NDArray[np.bool_]:
    extracted = volume.mesh()
    if not len(extracted.faces):
        return np.ones(len(points), bool)
    nearest, _, _ = Surface(extracted.vertices, extracted.faces).closest(points)
    missed: NDArray[np.bool_] = np.linalg.norm(nearest - points, axis=1) > _MISSED * h
    return missed


def _middles(surface: Surface, points: np.ndarray, normals: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles (m, 3) of the walls below and the gaps above points of the mesh, and half their thickness (m,)."""
    middles, radii = [], []
    for direction in (-normals, normals):
        start = points + direction * np.float32(1e-4 * h)
        thickness = surface.first_hit(start, direction)
        thin = thickness < _THIN * h
        radius = thickness[thin] / 2
        middles.append(start[thin] + direction[thin] * radius[:, None])
        radii.append(radius)
    return np.concatenate(middles), np.concatenate(radii)
