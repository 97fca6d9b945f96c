"""A quick estimate of the surface error by which modes are compared: the same samples in every run."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from necgs.volume.surface import Surface

if TYPE_CHECKING:
    from trimesh import Trimesh

SAMPLES = 5000
UNIT = 1e-3


def surface_error(original: Trimesh, decoded: Trimesh) -> float:
    """Mean distance of the two surfaces in 1e-3, the mean of both ways; infinite where nothing was decoded.

    The samples lie evenly over the area of either surface, with two streams of random numbers, so that they do not
    correspond on meshes of one connectivity.
    """
    if not len(decoded.faces) or not float(decoded.area) > 0:
        return inf
    sides = [Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces)) for mesh in (original, decoded)]
    ways = [_distance(*pair, seed) for seed, pair in enumerate(((sides[0], sides[1]), (sides[1], sides[0])))]
    return float(np.mean(ways)) / UNIT


def _distance(source: Surface, target: Surface, seed: int) -> float:
    points, _ = source.sample(SAMPLES, seed)
    return float(np.linalg.norm(points - target.closest(points)[0], axis=1).mean())
