"""A surface as the metrics see it: checked triangles with their areas and normals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from trimesh import Trimesh

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

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    normals: NDArray[np.float64]
    areas: NDArray[np.float64]

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
        if not np.isfinite(vertices).all():
            raise ValueError(f"{what} has coordinates that are not finite")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError(f"{what} has faces that refer to vertices it does not have")
        if (found := float(np.abs(vertices).max())) > largest:
            raise ValueError(f"{what} has a coordinate of size {found:g}: it is not in the cube [-1, 1]^3")
        a, b, c = (vertices[faces[:, corner]] for corner in range(3))
        cross = np.cross(b - a, c - a)
        doubled = np.linalg.norm(cross, axis=1)
        kept = doubled > 0
        if not kept.any():
            raise EmptySurface(f"{what} has no face with an area")
        doubled = doubled[kept]
        return cls(vertices, faces[kept], cross[kept] / doubled[:, None], doubled / 2)
