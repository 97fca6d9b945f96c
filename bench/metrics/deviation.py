"""How far the samples of one surface lie from another surface: per sample, a distance and an agreement of normals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pykdtree.kdtree import KDTree

    from bench.metrics.closest_triangle import TriangleTree
    from bench.metrics.sampling import Samples
    from bench.metrics.triangles import Triangles


@dataclass(frozen=True)
class Deviation:
    """One direction of a comparison, one entry per sample.

    Args:
        distance: float64 (n,), Euclidean, in the coordinates of the cube.
        agreement: float64 (n,), |n . n'| of the sample's normal and the normal at what it was matched with.
    """

    distance: NDArray[np.float64]
    agreement: NDArray[np.float64]


def from_points(samples: Samples, target: Samples) -> Deviation:
    """Match each sample with the nearest sample of the other surface."""
    return to_samples(samples, target, sample_tree(target))[0]


def from_triangles(samples: Samples, target: Triangles, threads: int = 1) -> Deviation:
    """Match each sample with the closest point on the other surface's triangles."""
    from bench.metrics.closest_triangle import TriangleTree

    return to_triangles(samples, target, TriangleTree.of(target.vertices, target.faces), threads)


def sample_tree(samples: Samples) -> KDTree:
    """What is searched for nearest samples."""
    from pykdtree.kdtree import KDTree

    return KDTree(samples.points)


def to_samples(samples: Samples, target: Samples, tree: KDTree) -> tuple[Deviation, NDArray[np.int64]]:
    """`from_points` with the target's tree, and the number of each nearest sample, int64 (n,)."""
    # Its threads are those of OpenMP, which the harness limits.
    distance, nearest = tree.query(samples.points)
    return Deviation(distance, _agreement(samples.normals, target.normals[nearest])), nearest.astype(np.int64)


def to_triangles(
    samples: Samples, target: Triangles, tree: TriangleTree, threads: int = 1, near: NDArray[np.int64] | None = None
) -> Deviation:
    """`from_triangles` with the target's tree; ``near`` as `TriangleTree.closest` takes it.

    In double precision, because the single precision of ray-casting libraries is wrong by up to 1e-3 on the slivers of
    CAD meshes. Here such meshes lie within 1e-9 of themselves.
    """
    squared, face = tree.closest(samples.points, threads, near)
    return Deviation(np.sqrt(squared), _agreement(samples.normals, target.normals[face]))


def _agreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    cosine: NDArray[np.float64] = np.einsum("ij,ij->i", a, b)
    return np.minimum(np.abs(cosine), 1.0)


def mean_distance(forth: Deviation, back: Deviation) -> float:
    """Average over both directions of the mean distance (the chamfer distance, where samples met samples)."""
    return float((forth.distance.mean() + back.distance.mean()) / 2)


def normal_consistency(forth: Deviation, back: Deviation) -> float:
    """Average over both directions of the mean |n . n'|."""
    return float((forth.agreement.mean() + back.agreement.mean()) / 2)


def f1_score(forth: Deviation, back: Deviation, threshold: float) -> float:
    """Harmonic mean of the shares, in the two directions, of samples nearer than ``threshold``."""
    return harmonic_mean(float((forth.distance < threshold).mean()), float((back.distance < threshold).mean()))


def harmonic_mean(precision: float, recall: float) -> float:
    """Harmonic mean; 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
