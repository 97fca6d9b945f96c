"""The first linear transform of blocks: principal components, fitted to what matters of a TSDF.

Only points with a crossed edge (`necgs.decoder.blocks.surface_points`) decide where the surface lies; all others must
merely keep their sign. So the components are fitted to the former, and the latter are filled with what the components
say, kept on their side of zero by a margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MARGIN = 0.3
"""How far from zero, in units of the TSDF, a point without a crossed edge should stay."""

ROUNDS = 12
MAX_SAMPLES = 10_000


@dataclass(frozen=True)
class BlockTransform:
    """Blocks as ``mean + coefficients @ components``.

    Args:
        mean: float32 (points,).
        components: float32 (C, points), orthonormal rows, the strongest first.
        coefficients: float32 (n, C) of the blocks that it was fitted to.
    """

    mean: Floats
    components: Floats
    coefficients: Floats


def fit_transform(
    targets: Floats, exact: NDArray[np.bool_], signed: int, count: int, random: np.random.Generator
) -> BlockTransform:
    """Fit the first ``count`` components.

    Args:
        targets: float32 (n, points), values in [-1, 1].
        exact: bool (n, points), where a value must be met.
        signed: of how many points (the TSDF's, which come first) the sign must be met elsewhere.
        count: C; components beyond the number of points are zero.
        random: picks the blocks of which the components are computed.
    """
    if not len(targets):
        points = targets.shape[1]
        nothing = np.zeros((0, count), np.float32)
        return BlockTransform(np.zeros(points, np.float32), np.zeros((count, points), np.float32), nothing)
    chosen = random.choice(len(targets), min(len(targets), MAX_SAMPLES), replace=False)
    sample, known = targets[chosen], exact[chosen]
    complete = sample
    for _ in range(ROUNDS + 1):
        mean = complete.mean(axis=0)
        components = _principal(complete - mean, count)
        complete = filled(sample, known, (complete - mean) @ components.T @ components + mean, signed)
    complete = targets
    for _ in range(ROUNDS):
        coefficients = (complete - mean) @ components.T
        complete = filled(targets, exact, coefficients @ components + mean, signed)
    return BlockTransform(mean, components, (complete - mean) @ components.T)


def filled(targets: Floats, exact: NDArray[np.bool_], predicted: Floats, signed: int) -> Floats:
    """``targets`` where they are exact, elsewhere what is predicted, kept `MARGIN` away from zero on its side."""
    kept = np.where(targets >= 0, np.maximum(predicted, MARGIN), np.minimum(predicted, -MARGIN))
    kept[:, signed:] = predicted[:, signed:]
    result: Floats = np.where(exact, targets, kept).astype(np.float32)
    return result


def _principal(centred: Floats, count: int) -> Floats:
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    components = np.zeros((count, centred.shape[1]), dtype=np.float32)
    strongest = vectors[:, ::-1][:, :count].T
    components[: len(strongest)] = strongest
    return components
