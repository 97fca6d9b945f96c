"""Bring surfaces into a volume that pass between its grid points: thin walls and gaps, faces that lie on each other.

A wall that passes between the grid's points leaves no sign change, nor do two parts that touch: their faces cancel. No
fit that keeps the signs can bring them back. So where a mesh has no counterpart in the extracted surface, a grid point
in the middle of the wall (or gap, or of the two faces) changes sides. Every point of space lies within half a cell of
some grid point along each axis, which is just how far a deformation reaches: there the point is moved into the middle.
Without deformation one point of each grid line across the wall changes sides where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from necgs.fit.cell_lists import CellLists
from necgs.volume import LEVEL
from necgs.volume.surface import Surface, sample_count
from necgs.volume.tsdf_def import TsdfDef, quantise
from necgs.volume.winding_number import rounded_winding

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLES_PER_CELL = 8.0
_MISSED_MOVABLE = 0.5  # cells between a mesh's point and the extracted surface
_MISSED_FIXED = 1.0  # the same; a point that stays in its place may be half a cell off
_THIN = 2.0  # cells through a wall or a gap
_DOUBLED = 0.02  # cells: what is closer lies on each other


@dataclass(frozen=True)
class _Places:
    """Where a sign is missing.

    Args:
        middle: float (m, 3), in the middle of a wall, of a gap, or of faces that lie on each other.
        normal: float (m, 3), of the mesh there.
        radius: float (m,), half the thickness.
        inside: bool (m,), the side that is missing.
    """

    middle: np.ndarray
    normal: np.ndarray
    radius: np.ndarray
    inside: np.ndarray


def capture_thin_parts(
    volume: TsdfDef, vertices: np.ndarray, faces: np.ndarray, seed: int = 0, *, move: bool = True
) -> TsdfDef:
    """Give grid points the sides of walls, gaps and touching faces that the plain volume of a mesh misses.

    Args:
        volume: the plain volume of the mesh.
        vertices: float (n, 3) within [-1, 1]^3.
        faces: int (m, 3).
        seed: of the samples on the mesh.
        move: whether these grid points are also moved there, by their deformation.

    Returns:
        a volume in which some points have changed sides; ``volume`` itself where nothing was missed.
    """
    K, h = volume.resolution, 2.0 / (volume.resolution - 1)
    surface = Surface(vertices, faces)
    points, face = surface.sample(sample_count(surface, _SAMPLES_PER_CELL, h), seed)
    missed = _missed(volume, points, (_MISSED_MOVABLE if move else _MISSED_FIXED) * h)
    if not missed.any():
        return volume
    places = _places(surface, vertices, faces, points[missed], surface.normals[face[missed]], h)
    grid = (_nearest(places, h) if move else _in_line(places, h)).clip(0, K - 1)
    flat = np.ravel_multi_index(tuple(grid.T), (K, K, K))
    flips = places.inside != volume.inside.at(flat)
    order = np.lexsort((-places.radius, flat))  # of several middles around one grid point, the deepest
    order = order[flips[order]]
    order = order[np.unique(flat[order], return_index=True)[1]]
    if not len(order):
        return volume
    depth = np.maximum(1, np.rint(places.radius[order] / (2 * h) * LEVEL)).clip(max=LEVEL).astype(np.int16)
    codes = np.where(places.inside[order], -depth, depth)[None]
    if move:
        moved = quantise((places.middle[order] - (grid[order] * h - 1)) / (h / 2)).T
        codes = np.concatenate([codes, moved])
    return volume.changed(flat[order], codes)


def _missed(volume: TsdfDef, points: np.ndarray, distance: float) -> NDArray[np.bool_]:
    extracted = volume.mesh()
    if not len(extracted.faces):
        return np.ones(len(points), bool)
    nearest = CellLists.of(Surface(extracted.vertices, extracted.faces), volume.resolution).search(points)
    missed: NDArray[np.bool_] = nearest.distances > distance
    return missed


def _places(
    surface: Surface, vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, normals: np.ndarray, h: float
) -> _Places:
    """What side is missing around points of the mesh, float32 (n, 3), with normals (n, 3)."""
    aside = np.float32(_DOUBLED * h) * normals
    above, below = np.split(rounded_winding(vertices, faces, np.concatenate([points + aside, points - aside])), 2)
    doubled = above == below
    found = [_Places(points[doubled], normals[doubled], np.zeros(doubled.sum()), above[doubled] % 2 == 0)]
    points, normals = points[~doubled], normals[~doubled]
    for direction, winding in ((-normals, below[~doubled]), (normals, above[~doubled])):
        start = points + direction * np.float32(1e-4 * h)
        thickness = surface.first_hit(start, direction)
        thin = thickness < _THIN * h
        middle = start[thin] + direction[thin] * (thickness[thin] / 2)[:, None]
        found.append(_Places(middle, normals[thin], thickness[thin] / 2, winding[thin] % 2 == 1))
    names = ("middle", "normal", "radius", "inside")
    return _Places(*(np.concatenate([getattr(part, name) for part in found]) for name in names))


def _nearest(places: _Places, h: float) -> NDArray[np.int64]:
    """The grid points (m, 3) nearest to the middles."""
    return np.rint((places.middle + 1) / h).astype(np.int64)


def _in_line(places: _Places, h: float) -> NDArray[np.int64]:
    """Grid points (m, 3), one for each grid line along the axis that crosses the surface most steeply.

    The points nearest to an oblique plane are up to three deep; these are one deep and still part its two sides.
    """
    along = np.abs(places.normal).argmax(axis=1)[:, None]
    middle = (places.middle + 1) / h
    grid = np.rint(middle)
    rise = places.normal * (middle - grid)  # of the tangent plane, from the middle to its grid line
    np.put_along_axis(rise, along, 0.0, axis=1)
    slope = np.take_along_axis(places.normal, along, axis=1)
    slope[slope == 0] = 1.0  # a face without area
    crossing = np.take_along_axis(middle, along, axis=1) + rise.sum(axis=1, keepdims=True) / slope
    np.put_along_axis(grid, along, np.rint(crossing), axis=1)
    return grid.astype(np.int64)
