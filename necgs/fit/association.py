"""Which points of an extracted surface and of the mesh belong together: closest points whose normals agree."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.fit.cell_lists import CellLists
from necgs.fit.misfit import Pairs
from necgs.fit.nearest_triangle import Nearest, faces_around, neighbouring_faces, walk
from necgs.volume.surface import Surface, sample_count

_AGREE = 0.2  # cosine between normals below which two points lie on different sides of a thin part

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Association:
    """Closest points both ways between a mesh and an extracted surface that moves.

    Args:
        surface: the mesh.
        faces: int64 (f, 3), of the extracted surface.
        resolution: K of the grid that knows which triangles are near.
    """

    def __init__(self, surface: Surface, faces: Ints, resolution: int) -> None:
        self._surface, self._faces, self._resolution = surface, faces, resolution
        self._corners = faces.astype(np.int32)
        self._lists = CellLists.of(surface, resolution)
        self._mesh_around = neighbouring_faces(surface.vertices, surface.faces)
        self._own_around = faces_around(faces)
        self._of_own = self._of_samples = np.zeros(0, np.int64)

    def draw_samples(self, per_cell: float, h: float, seed: int) -> None:
        """Choose the mesh's samples: ``per_cell`` in each h^2."""
        self._points, face = self._surface.sample(sample_count(self._surface, per_cell, h), seed)
        self._normals = self._surface.normals[face]

    def pairs(self, vertices: Floats, *, everywhere: bool) -> Pairs:
        """Pair vertices, face centres and samples.

        Args:
            vertices: float32 (m, 3), of the extracted surface.
            everywhere: look at all triangles, as the first time; else descend from the nearest ones of the last call,
                which keeps to one side of a thin part.
        """
        places, normals = _own_points(vertices, self._faces)
        found = self._on_mesh(places, everywhere)
        target_normal = self._surface.normals[found.faces]
        nearest = self._on_own(vertices, everywhere)
        return Pairs(
            found.points,
            target_normal,
            _agree(normals, target_normal),
            self._points,
            self._normals,
            self._corners[nearest.faces],
            nearest.weights,
            _agree(normals[len(vertices) + nearest.faces], self._normals),
        )

    def _on_mesh(self, points: Floats, everywhere: bool) -> Nearest:
        """The closest point of each vertex and face centre."""
        if everywhere:
            found = self._lists.search(points)
        else:
            found = walk(points, self._surface.vertices, self._surface.faces, self._mesh_around, self._of_own)
        self._of_own = found.faces
        return found

    def _on_own(self, vertices: Floats, everywhere: bool) -> Nearest:
        """The closest point of each sample."""
        if everywhere:
            found = CellLists.of(Surface(vertices, self._faces), self._resolution).search(self._points)
        else:
            found = walk(self._points, vertices, self._faces, self._own_around, self._of_samples)
        self._of_samples = found.faces
        return found


@numba.njit(cache=True)
def _own_points(vertices, faces):  # type: ignore[no-untyped-def]  # numba
    """Vertices and face centres (m + f, 3), and their unit normals; a vertex' is that of the faces around, by area."""
    m = len(vertices)
    points, normals = np.empty((m + len(faces), 3), np.float32), np.zeros((m + len(faces), 3), np.float32)
    points[:m] = vertices
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            points[m + f, k] = (vertices[a, k] + vertices[b, k] + vertices[c, k]) / np.float32(3)
            u, v = vertices[b, i] - vertices[a, i], vertices[b, j] - vertices[a, j]
            p, q = vertices[c, i] - vertices[a, i], vertices[c, j] - vertices[a, j]
            normal = u * q - v * p
            normals[m + f, k] = normal
            normals[a, k] += normal
            normals[b, k] += normal
            normals[c, k] += normal
    for i in range(len(normals)):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        for k in range(3):
            normals[i, k] /= max(length, np.float32(1e-12))
    return points, normals


@numba.njit(cache=True)
def _agree(one, other):  # type: ignore[no-untyped-def]  # numba
    agree = np.empty(len(one), np.float32)
    for i in range(len(one)):
        cosine = one[i, 0] * other[i, 0] + one[i, 1] * other[i, 1] + one[i, 2] * other[i, 2]
        agree[i] = cosine > _AGREE
    return agree
