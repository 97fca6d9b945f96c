"""Points drawn on a surface, uniform by area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.metrics.triangles import Triangles


@dataclass(frozen=True)
class Samples:
    """Points on a surface and the normals of the faces they were drawn on.

    Args:
        points: float64 (n, 3).
        normals: float64 (n, 3), unit length.
    """

    points: NDArray[np.float64]
    normals: NDArray[np.float64]

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
    # Sorted, so that neighbouring queries visit neighbouring memory: a third faster; the set drawn is the same.
    area = np.sort(random.random(count)) * cumulative[-1]
    face = np.minimum(np.searchsorted(cumulative, area, side="right"), len(cumulative) - 1)
    root, along = np.sqrt(random.random(count))[:, None], random.random(count)[:, None]
    a, b, c = (surface.vertices[surface.faces[face, corner]] for corner in range(3))
    points = a + root * (b - a) + (root * along) * (c - b)
    return Samples(points, surface.normals[face])
