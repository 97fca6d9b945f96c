"""Points drawn on a surface, uniform by area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bench.metrics.triangles import Triangles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """Points on a surface and the normals of the faces they were drawn on.

    Args:
        points: float64 (n, 3).
        normals: float64 (n, 3), unit length.
        faces: int64 (n,), the triangles that they lie on.
    """

    points: Floats
    normals: Floats
    faces: Ints

    def __len__(self) -> int:
        return len(self.points)


def generator(seed: int, shape: int, side: int) -> np.random.Generator:
    """The random stream of one side (0: reference, 1: decoded) of one shape.

    The two sides must never share a stream: on a mesh whose connectivity was kept, equal random numbers pick
    corresponding points, and the distance comes out several times too small.
    """
    return np.random.default_rng(np.random.SeedSequence((seed, shape, side)))


def sample_surface(surface: Triangles, count: int, random: np.random.Generator) -> Samples:
    """Draw ``count`` independent points, uniform by area, in the order of the faces."""
    cumulative = np.cumsum(surface.areas)
    # Sorted, so that neighbouring queries visit neighbouring memory; the set drawn is the same.
    area = np.sort(random.random(count)) * cumulative[-1]
    root, along = np.sqrt(random.random(count)), random.random(count)
    return Samples(*_placed(area, cumulative, root, along, surface.vertices, surface.faces, surface.normals))


@numba.njit(cache=True)
def _placed(
    area: Floats, cumulative: Floats, root: Floats, along: Floats, vertices: Floats, faces: Ints, normals: Floats
) -> tuple[Floats, Floats, Ints]:  # pragma: no cover - compiled
    """Points, faces' normals and faces: at ``area`` (ascending) along the ``cumulative`` areas of the faces."""
    points, directions = np.empty((len(area), 3)), np.empty((len(area), 3))
    found = np.empty(len(area), np.int64)
    face = 0
    for i in range(len(area)):
        while face < len(cumulative) - 1 and cumulative[face] <= area[i]:
            face += 1
        found[i] = face
        a, b, c = faces[face]
        for axis in range(3):
            to_b, to_c = vertices[b, axis] - vertices[a, axis], vertices[c, axis] - vertices[b, axis]
            points[i, axis] = vertices[a, axis] + root[i] * to_b + (root[i] * along[i]) * to_c
            directions[i, axis] = normals[face, axis]
    return points, directions, found
