"""A surface as the metrics see it: checked triangles with their areas and normals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trimesh import Trimesh

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST_COORDINATE = 1e3


class EmptySurface(ValueError):
    """There is nothing to measure: no face, or none with an area."""


@dataclass(frozen=True)
class Triangles:
    """The triangles of a mesh that have an area.

    Args:
        vertices: float64 (v, 3).
        faces: int64 (f, 3); faces without an area are left out.
        normals: float64 (f, 3), unit face normals.
        areas: float64 (f,), all positive.
    """

    vertices: Floats
    faces: Ints
    normals: Floats
    areas: Floats

    @property
    def area(self) -> float:
        """Total area."""
        return float(self.areas.sum())

    @classmethod
    def of(cls, mesh: Trimesh, what: str, largest: float = LARGEST_COORDINATE) -> Triangles:
        """Check ``mesh``, whose coordinates may go up to ``largest``, and take its triangles.

        Raises `EmptySurface` where there is no area and ``ValueError`` where coordinates or indices are unusable;
        both name ``what``.
        """
        vertices = np.asarray(mesh.vertices, dtype=np.float64)
        faces = np.asarray(mesh.faces, dtype=np.int64)
        if len(faces) == 0:
            raise EmptySurface(f"{what} has no faces")
        found = float(np.abs(vertices).max(initial=0))
        if not np.isfinite(found):
            raise ValueError(f"{what} has coordinates that are not finite")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError(f"{what} has faces that refer to vertices it does not have")
        if found > largest:
            raise ValueError(f"{what} has a coordinate of size {found:g}: it is not in the cube [-1, 1]^3")
        normals, areas = _normals(vertices, faces)
        kept = areas > 0
        if not kept.any():
            raise EmptySurface(f"{what} has no face with an area")
        if kept.all():
            return cls(vertices, faces, normals, areas)
        return cls(vertices, faces[kept], normals[kept], areas[kept])


@numba.njit(cache=True)
def _normals(vertices: Floats, faces: Ints) -> tuple[Floats, Floats]:  # pragma: no cover - compiled
    """Unit normals (f, 3), and areas (f,); where an area is 0, the normal is, too."""
    normals, areas = np.zeros((len(faces), 3)), np.empty(len(faces))
    for face in range(len(faces)):
        a, b, c = faces[face]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        doubled = np.sqrt(x * x + y * y + z * z)
        areas[face] = doubled / 2
        if doubled > 0:
            normals[face, 0], normals[face, 1], normals[face, 2] = x / doubled, y / doubled, z / doubled
    return normals, areas
