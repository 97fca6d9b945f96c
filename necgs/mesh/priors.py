"""What the adaptive models start from: counted once on decimated bodies and machine parts of 300 to 2,000 faces.

The numbers are a part of the format. Wrong ones only cost bits: every model adapts.
"""

from __future__ import annotations

import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.bit_models import models, weights
from necgs.mesh.connectivity import COUNT, INPUTS, LEFTS, MIXED, MOST
from necgs.mesh.residual_model import CLASSES, MIDDLE, ResidualModel

CONFIDENCE = 12
"""Bits that a prior counts for."""

# fmt: off
VALENCES = (
    (1, 1, 1, 4, 18, 76, 142, 172, 169, 142, 128, 86, 77, 90, 77, 64, 64, 64, 64, 64, 64, 64, 64, 64),
    (1, 47, 43, 71, 67, 110, 136, 132, 140, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128),
)
"""Chance in 2^-8 that a vertex inside, or at a border, with at least k faces has k."""

DECISIONS = (
    32, 1, 128, 171, 8, 31, 11, 219, 250, 255, 246, 254, 128, 240, 240, 8, 148, 47, 78, 46, 128, 128, 128, 128, 128,
    128, 128, 128, 35, 18, 35, 30, 14, 29, 29, 36, 33,
)
"""Probabilities in 2^-8 of the other decisions of the connectivity's coder, in the order of its rows."""

PREDICTORS = (
    (
        (147, 525, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 242, 52, 38),
        (352, 286, 17, 3, 80, 23, 25, 12, 25, 76, 49, 55, 13, 4, 4),
        (211, 179, 4, 3, 26, 109, 111, 4, 66, 86, 82, 97, 29, 13, 4),
        (210, 179, 13, 3, 25, 15, 160, 15, 117, 109, 65, 60, 22, 28, 3),
        (224, 180, 7, 3, 40, 160, 20, 20, 116, 85, 68, 53, 23, 22, 3),
        (6, 80, 5, 4, 4, 257, 59, 59, 4, 158, 137, 132, 88, 27, 4),
    ),
    (
        (198, 410, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 203, 71, 122),
        (85, 111, 65, 17, 80, 50, 51, 11, 83, 206, 110, 73, 16, 58, 8),
        (59, 49, 16, 9, 8, 136, 144, 5, 211, 120, 104, 101, 24, 34, 4),
        (70, 49, 9, 11, 10, 18, 375, 18, 128, 116, 70, 65, 20, 59, 6),
        (57, 49, 10, 17, 15, 376, 25, 25, 127, 111, 84, 46, 18, 60, 4),
        (4, 18, 4, 4, 4, 293, 63, 63, 6, 158, 152, 133, 53, 64, 5),
    ),
)
"""Weights in 2^-10 of the predictors of a lattice coordinate, in each case, with a field and without."""
# fmt: on


def connectivity_models() -> tuple[Integers, Integers]:
    """Bit models and mixing weights that a connectivity stream starts with."""
    table = models(COUNT)
    table[: len(DECISIONS), 0] = np.array(DECISIONS) << 8
    table[: len(DECISIONS), 1] = CONFIDENCE
    rows = table[MIXED:].reshape(2, INPUTS, MOST, LEFTS, 2)
    rows[..., 0] = np.array(VALENCES)[:, None, :, None] << 8
    rows[..., 1] = CONFIDENCE // 2
    return table, weights(2 * MOST, INPUTS)


def lattice_weights(plain: bool) -> Integers:
    """Weights of the predictors in each case: (6, 16) int64, each row summing to 2^16."""
    table = np.array(PREDICTORS[plain], dtype=np.int64) << 6
    table[:, 0] += (1 << 16) - table.sum(axis=1)
    return table


def residual_model() -> ResidualModel:
    """The model of residuals where a set's own is not worth its bytes: two-sided geometric throughout."""
    scale = 2.0 ** ((np.arange(CLASSES) - MIDDLE) / 2)
    zeros = np.round(256 * (1 - np.exp(-0.5 / scale))).clip(1, 255).astype(np.int64)
    ratios = np.round(256 * np.exp(-1 / scale)).clip(1, 250).astype(np.int64)
    coefficients = np.array([[32, -32, 24, 12, 0]] * 2, dtype=np.int64)
    return ResidualModel(coefficients, np.stack([zeros] * 2), np.stack([ratios] * 2))
