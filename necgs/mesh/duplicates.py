"""Shapes that equal another shape of the set but for a similarity transform or a mirror.

Candidates are found by the sorted distances of the vertices to their centroid, over their root mean square: these do
not change under the transforms. Then vertices are matched, by their order or by the principal axes, and the transform
that the decoder will apply, in integers, is checked on the surfaces. A copy whose vertices are in another order is
missed where the shape has two principal axes of equal length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.similarity import Similarity, nearest_similarity
from necgs.volume.surface import Surface

Floats = NDArray[np.float64]
Mesh = tuple[NDArray[Any], NDArray[Any]]

_QUANTILES = 32
_MOST_TRIES = 4
_ALIKE = 1e-3  # of invariants, over the root mean square distance to the centroid


@dataclass(frozen=True)
class Duplicate:
    """A shape of a set that is another's image.

    Args:
        of: number of the other shape, which is no duplicate itself.
        transform: takes the other's points to this shape's.
        error: the largest distance between the two surfaces, at samples of both.
    """

    of: int
    transform: Similarity
    error: float


def find_duplicates(meshes: Sequence[Mesh], tolerance: float = 2e-4, samples: int = 2000) -> dict[int, Duplicate]:
    """The shapes of a set that equal an earlier one, by their numbers.

    Args:
        meshes: vertices (v, 3) in the cube [-1, 1]^3 and faces int (f, 3) of each shape.
        tolerance: how far the two surfaces may lie apart, at ``samples`` points of each.
    """
    found: dict[int, Duplicate] = {}
    for numbers in _of_equal_size(meshes):
        invariants = np.stack([_invariants(meshes[number][0]) for number in numbers])
        originals: list[int] = []
        for row, number in enumerate(numbers):
            for other in _nearest(invariants[row], invariants[originals]):
                original = numbers[originals[other]]
                transform = _registered(meshes[original], meshes[number], tolerance, samples)
                if transform is not None:
                    found[number] = Duplicate(original, *transform)
                    break
            else:
                originals.append(row)
    return found


def _nearest(invariants: Floats, others: Floats) -> list[int]:
    """The few rows of ``others`` (n, 32) that are most like ``invariants`` (32,), best first."""
    away = np.sqrt(((others - invariants) ** 2).mean(1))
    return [int(row) for row in np.argsort(away, kind="stable")[:_MOST_TRIES] if away[row] <= _ALIKE]


def _of_equal_size(meshes: Sequence[Mesh]) -> list[list[int]]:
    """Numbers of the shapes with as many vertices and faces as another."""
    sizes: dict[tuple[int, int], list[int]] = {}
    for number, (vertices, faces) in enumerate(meshes):
        if len(faces):
            sizes.setdefault((len(vertices), len(faces)), []).append(number)
    return [numbers for numbers in sizes.values() if len(numbers) > 1]


def _invariants(vertices: NDArray[Any]) -> Floats:
    away = np.linalg.norm(vertices - np.mean(vertices, axis=0), axis=1)
    spread = np.sqrt((away**2).mean())
    quantiles: Floats = np.quantile(away, np.linspace(0, 1, _QUANTILES)) / max(spread, 1e-30)
    return quantiles


def _registered(a: Mesh, b: Mesh, tolerance: float, samples: int) -> tuple[Similarity, float] | None:
    """The first transform from a to b that holds within the tolerance, and its error."""
    for source, target in _matches(np.asarray(a[0], np.float64), np.asarray(b[0], np.float64)):
        transform = nearest_similarity(source, target)
        moved, faces = transform.apply_in_cube(a[0], np.asarray(a[1], np.int64))
        if np.abs(moved - b[0]).max() > 4 * tolerance and not _same_points(moved, b[0], tolerance):
            continue
        error = _distance((moved, faces), b, samples)
        if error <= tolerance:
            return transform, error
    return None


def _same_points(a: Floats, b: NDArray[Any], tolerance: float) -> bool:
    from scipy.spatial import cKDTree

    return bool(np.max(cKDTree(b).query(a)[0]) <= 4 * tolerance)


def _matches(a: Floats, b: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Points of a and of b that may correspond: the vertices in their order, then ends of the principal axes."""
    yield a, b
    (centre_a, axes_a), (centre_b, axes_b) = (_principal_axes(x) for x in (a, b))
    cross = np.concatenate([np.zeros((1, 3)), np.eye(3)])
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        turned = axes_b[list(order)] * np.array(signs)[:, None]
        # axes are exchanged where two of them are about as long
        if (
            np.abs(np.linalg.norm(turned, axis=1) * _ratio(axes_a, axes_b) / np.linalg.norm(axes_a, axis=1) - 1).max()
            < 0.05
        ):
            yield centre_a + cross @ axes_a, centre_b + cross @ turned


def _ratio(axes_a: Floats, axes_b: Floats) -> float:
    return float(np.linalg.norm(axes_a)) / max(float(np.linalg.norm(axes_b)), 1e-30)


def _principal_axes(points: Floats) -> tuple[Floats, Floats]:
    """Centroid (3,), and the principal axes in rows (3, 3), as long as the spread along them."""
    centre = points.mean(0)
    _, spread, axes = np.linalg.svd(points - centre, full_matrices=False)
    return centre, axes * np.maximum(spread / np.sqrt(len(points)), 1e-12)[:, None]


def _distance(a: Mesh, b: Mesh, samples: int) -> float:
    surfaces = Surface(*a), Surface(*b)
    worst = 0.0
    for one, other in (surfaces, surfaces[::-1]):
        points, _ = one.sample(samples, 0)
        worst = max(worst, float(np.linalg.norm(other.closest(points)[0] - points, axis=1).max()))
    return worst
