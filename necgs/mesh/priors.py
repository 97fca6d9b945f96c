"""What the adaptive models start from: counted once on decimated bodies and machine parts of 300 to 2,000 faces.

The numbers are a part of the format. Wrong ones only cost bits: every model adapts.
"""

from __future__ import annotations

import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.bit_models import models, weights
from necgs.mesh.connectivity import COUNT, INPUTS, LEFTS, MIXED, MOST
from necgs.mesh.residual_model import CLASSES, MIDDLE, ResidualModel
from necgs.mesh.root_geometry import CASES, KINDS

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
"""Chances in 2^-8 of the other decisions of the connectivity's coder, in the order of its rows."""

PREDICTORS = (
    (218, 758, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48),
    (307, 379, 17, 3, 102, 15, 16, 4, 21, 85, 34, 37, 4),
    (253, 237, 7, 5, 35, 71, 72, 4, 93, 77, 76, 89, 5),
    (256, 239, 15, 4, 28, 11, 104, 11, 122, 110, 59, 60, 3),
    (244, 237, 7, 4, 49, 105, 15, 15, 124, 99, 75, 46, 4),
    (56, 120, 6, 4, 6, 274, 64, 64, 4, 159, 137, 123, 6),
)
"""Weights in 2^-10 of the predictors of a lattice coordinate, in each case."""
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


def lattice_weights() -> Integers:
    """Weights of the predictors in each case: (6, 13) int64, each row summing to 2^16."""
    table = np.array(PREDICTORS, dtype=np.int64) << 6
    table[:, 0] += (1 << 16) - table.sum(axis=1)
    assert table.shape == (CASES, KINDS + 1)
    return table


def residual_model() -> ResidualModel:
    """The model of residuals where a set's own is not worth its bytes: two-sided geometric throughout."""
    scale = 2.0 ** ((np.arange(CLASSES) - MIDDLE) / 2)
    zeros = np.round(256 * (1 - np.exp(-0.5 / scale))).clip(1, 255).astype(np.int64)
    ratios = np.round(256 * np.exp(-1 / scale)).clip(1, 250).astype(np.int64)
    coefficients = np.array([[32, -32, 24, 12, 0]] * 2, dtype=np.int64)
    return ResidualModel(coefficients, np.stack([zeros] * 2), np.stack([ratios] * 2))
