"""The first linear transform of blocks: principal components, fitted to what matters of a TSDF.

Only the ends of edges that change sign (`necgs.training.sign_changes`) decide where the surface lies; all other
points must merely keep their sign. So the components are fitted to the former, and the latter are filled with what the
components say, kept on their side of zero by a margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MARGIN = 0.3
"""How far from zero, in units of the TSDF, a point beside no change of sign should stay."""

ROUNDS = 12


@dataclass(frozen=True)
class BlockTransform:
    """Blocks as ``mean + coefficients @ components``.

    Args:
        mean: float32 (points,).
        components: float32 (C, points), orthonormal rows, the strongest first.
        signed: of how many points (the TSDF's, which come first) the sign must be met.
    """

    mean: Floats
    components: Floats
    signed: int

    def coefficients(self, targets: Floats, exact: NDArray[np.bool_]) -> Floats:
        """Coefficients (n, C) that meet ``targets`` (n, points) best where they are ``exact``."""
        complete = targets
        for _ in range(ROUNDS):
            predicted = _product(_product(complete - self.mean, self.components.T), self.components) + self.mean
            complete = filled(targets, exact, predicted, self.signed)
        return _product(complete - self.mean, self.components.T)


def fit_transform(targets: Floats, exact: NDArray[np.bool_], signed: int, count: int) -> BlockTransform:
    """Fit the first ``count`` components to a sample of blocks.

    Args:
        targets: float32 (n, points), values in [-1, 1].
        exact: bool (n, points), where a value must be met.
        signed: see `BlockTransform`.
        count: C; components beyond the number of points are zero.
    """
    points = targets.shape[1]
    mean, components = np.zeros(points, np.float32), np.zeros((count, points), np.float32)
    complete = targets
    for _ in range(ROUNDS + 1 if len(targets) else 0):
        mean = complete.mean(axis=0)
        components = _principal(complete - mean, count)
        predicted = _product(_product(complete - mean, components.T), components) + mean
        complete = filled(targets, exact, predicted, signed)
    return BlockTransform(mean, components, signed)


def filled(targets: Floats, exact: NDArray[np.bool_], predicted: NDArray[np.floating], signed: int) -> Floats:
    """``targets`` where they are exact, elsewhere what is predicted, kept `MARGIN` away from zero on its side."""
    kept = np.where(targets >= 0, np.maximum(predicted, MARGIN), np.minimum(predicted, -MARGIN))
    kept[:, signed:] = predicted[:, signed:]
    result: Floats = np.where(exact, targets, kept).astype(np.float32)
    return result


def _product(a: Floats, b: Floats) -> Floats:
    """``a @ b`` by torch, whose threads can be told for the time of a training; numpy's sums depend on theirs."""
    product: Floats = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
    return product


def _principal(centred: Floats, count: int) -> Floats:
    _, vectors = torch.linalg.eigh(torch.from_numpy(_product(centred.T, centred)).double())
    components = np.zeros((count, centred.shape[1]), dtype=np.float32)
    strongest = vectors.numpy()[:, ::-1][:, :count].T
    components[: len(strongest)] = strongest
    return components
