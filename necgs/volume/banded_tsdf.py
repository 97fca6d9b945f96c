"""Truncated signed distance of a mesh on a regular grid: values near the surface, and one bit of all other points.

At K = 512 about a twentieth of the points lie near the surface; no array of numbers has the size of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.codec.checks import checked_arrays
from necgs.volume.distance_band import distance_band
from necgs.volume.grid_bits import GridBits, slabs
from necgs.volume.winding_number import inside_grid

if TYPE_CHECKING:
    from trimesh import Trimesh

_REACH = 2.0  # cells; where the distance is truncated
_SHELL = 0.9  # half the thickness of an open sheet in cells; sqrt(3)/2 and a little


@dataclass(frozen=True)
class BandedTsdf:
    """A truncated signed distance, positive outside; that of a point outside the band is -1 or +1.

    Args:
        resolution: K.
        points: int64 (n,), flat indices (x slowest) of the band's points in ascending order.
        values: float32 (n,) in [-1, 1], of the band's points; some may be -1 or +1, too.
        inside: which points of the whole grid have a value below zero.
    """

    resolution: int
    points: NDArray[np.int64]
    values: NDArray[np.float32]
    inside: GridBits

    def whole(self) -> NDArray[np.float32]:
        """Float32 (K, K, K)."""
        filled = np.where(self.inside.whole(), np.float32(-1), np.float32(1))
        filled.reshape(-1)[self.points] = self.values
        return filled


def banded_tsdf(mesh: Trimesh, resolution: int) -> BandedTsdf:
    """Truncated signed distance of a mesh in [-1, 1]^3.

    The sign alternates across the mesh, from positive outside, as far as the rounded winding number tells the sides
    apart (`winding_number`): right for closed, open, self-intersecting, nested and inverted meshes. Where no grid point
    is inside at all (a lone triangle, an open sheet, a plate between two layers of points), the surface is thickened to
    a shell of +-0.9 h, about the thinnest that no grid can miss.

    Args:
        mesh: triangles within [-1, 1]^3.
        resolution: K, grid points per axis.

    Raises:
        InvalidMesh: no triangle, coordinates that are not finite, or geometry outside the cube.
    """
    if resolution < 4:
        raise ValueError(f"a volume needs at least 4 points per axis, not {resolution}")
    vertices, faces = checked_arrays(mesh)
    h = np.float32(2.0 / (resolution - 1))
    band = distance_band(vertices, faces, resolution, _REACH)
    sides = inside_grid(vertices, faces, band)
    within = sides.at(band.points)
    deep = (band.distance[within] > h / 64).any()  # about the smallest depth that survives the quantiser
    if not deep and _count(sides) == within.sum():
        return _shell(vertices, faces, resolution)
    values = _truncated(np.negative(band.distance, out=band.distance.copy(), where=within), h)
    on_surface = band.points[within & (values >= 0)]
    return BandedTsdf(resolution, band.points, values, sides.changed(on_surface, np.zeros(len(on_surface), bool)))


def _shell(vertices: np.ndarray, faces: np.ndarray, resolution: int) -> BandedTsdf:
    h = np.float32(2.0 / (resolution - 1))
    band = distance_band(vertices, faces, resolution, _REACH + _SHELL)
    values = _truncated(band.distance - np.float32(_SHELL) * h, h)
    none = GridBits(resolution, np.zeros(-(-(resolution**3) // 8), np.uint8))
    within = band.points[values < 0]
    return BandedTsdf(resolution, band.points, values, none.changed(within, np.ones(len(within), bool)))


def _truncated(distance: NDArray[np.float32], h: np.float32) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.clip(distance / (2 * h), -1.0, 1.0)
    return values


def _count(bits: GridBits) -> int:
    return sum(int(bits.slab(first, last).sum()) for first, last in slabs(bits.resolution))
