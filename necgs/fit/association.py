"""Which points of an extracted surface and of the mesh belong together: closest points whose normals agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from necgs.fit.misfit import Pairs
from necgs.fit.nearest_triangle import neighbouring_faces, walk
from necgs.volume.surface import Surface, sample_count

_AGREE = 0.2  # cosine between normals below which two points lie on different sides of a thin part

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Association:
    """Closest points both ways between a mesh and an extracted surface that moves.

    Args:
        surface: the mesh.
        faces: int64 (f, 3), of the extracted surface.
    """

    def __init__(self, surface: Surface, faces: Ints) -> None:
        self._surface, self._faces = surface, faces
        self._mesh_around = neighbouring_faces(surface.vertices, surface.faces)
        self._own_around: tuple[Ints, Ints, Ints] | None = None
        self._of_own = self._of_samples = np.zeros(0, np.int64)

    def draw_samples(self, per_cell: float, h: float, seed: int) -> None:
        """Choose the mesh's samples: ``per_cell`` in each h^2."""
        self._points, face = self._surface.sample(sample_count(self._surface, per_cell, h), seed)
        self._normals = self._surface.normals[face]

    def pairs(self, vertices: Floats, *, everywhere: bool) -> Pairs:
        """Pair vertices, face centres and samples.

        Args:
            vertices: float32 (m, 3), of the extracted surface.
            everywhere: look at all triangles, as the first time; else descend from the nearest ones of the last call.
        """
        centres, normals = _face_vectors(vertices, self._faces)
        around = np.zeros_like(vertices)
        for corner in range(3):
            for k in range(3):
                around[:, k] += np.bincount(self._faces[:, corner], normals[:, k], len(vertices)).astype(np.float32)
        own = np.concatenate([vertices, centres])
        target, of_own = self._on_mesh(own, everywhere)
        target_normal = self._surface.normals[of_own]
        near, weights = self._on_own(vertices, everywhere)
        return Pairs(
            target,
            target_normal,
            _agree(np.concatenate([_unit(around), _unit(normals)]), target_normal),
            self._points,
            self._normals,
            self._faces[near].astype(np.int32),
            weights,
            _agree(_unit(normals)[near], self._normals),
        )

    def _on_mesh(self, points: Floats, everywhere: bool) -> tuple[Floats, Ints]:
        if everywhere:
            target, self._of_own, _ = self._surface.closest(points)
            return target, self._of_own
        found = walk(points, self._surface.vertices, self._surface.faces, self._mesh_around, self._of_own)
        self._of_own = found.faces
        return found.points, found.faces

    def _on_own(self, vertices: Floats, everywhere: bool) -> tuple[Ints, Floats]:
        """Face and weights of the closest point of each sample."""
        if everywhere:
            _, self._of_samples, weights = Surface(vertices, self._faces).closest(self._points)
            return self._of_samples, weights.astype(np.float32)
        if self._own_around is None:
            self._own_around = neighbouring_faces(vertices, self._faces)
        found = walk(self._points, vertices, self._faces, self._own_around, self._of_samples)
        self._of_samples = found.faces
        return found.faces, found.weights


def _face_vectors(vertices: Floats, faces: Ints) -> tuple[Floats, Floats]:
    """Centres (f, 3) and normals of twice the area's length (f, 3)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normals: Floats = np.cross(b - a, c - a)
    return (a + b + c) / np.float32(3), normals


def _unit(vectors: Floats) -> Floats:
    length = np.sqrt((vectors * vectors).sum(1, keepdims=True))
    unit: Floats = vectors / np.maximum(length, np.float32(1e-12))
    return unit


def _agree(one: Floats, other: Floats) -> Floats:
    agree: Floats = ((one * other).sum(1) > _AGREE).astype(np.float32)
    return agree
