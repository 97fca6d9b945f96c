"""Adaptive probabilities of bits, and their mixture, in integers.

A model is a row of two: the probability of a one in 2^-16 and a count that says how fast it still learns. Several
models' opinions are mixed in the logistic domain with weights that learn, too (Mahoney, "Adaptive weighing of context
models for lossless data compression", 2005).
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import Coder, Integers, code_bit
from necgs.mesh.compiled import inner

_KNOTS = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047)
"""4096 / (1 + e^-x) at x = -8, -7.5, ..., 0, rounded; the other half by symmetry."""

REACH = 2047
RATE_LIMIT = 255
WEIGHT_ONE = 1 << 16
LEARNING = 2
CHANCE_MIN = 24


def _squash_table() -> Integers:
    knots = np.array([*_KNOTS, *(4096 - k for k in reversed(_KNOTS[:-1]))], dtype=np.int64)
    x = np.arange(-2048, 2048)
    index, rest = (x + 2048) >> 7, (x + 2048) & 127
    return (knots[index] * (128 - rest) + knots[index + 1] * rest + 64) >> 7


def _stretch_table(squash: Integers) -> Integers:
    return np.searchsorted(squash, np.arange(4096)).astype(np.int64).clip(1, 4095) - 2048


SQUASH: Integers = _squash_table()
STRETCH: Integers = _stretch_table(SQUASH)
RATES: NDArray[np.int64] = (1 << 16) * 2 // (2 * np.arange(RATE_LIMIT + 1, dtype=np.int64) + 3)


def models(count: int) -> Integers:
    """``count`` models that know nothing: (count, 2) int64."""
    made = np.zeros((count, 2), dtype=np.int64)
    made[:, 0] = 1 << 15
    return made


def weights(sets: int, inputs: int) -> Integers:
    """Mixing weights: (sets, inputs) int64."""
    return np.full((sets, inputs), WEIGHT_ONE * 7 // 10 // max(inputs - 1, 1), dtype=np.int64)


@inner
def learn(model: Integers, bit: int, limit: int) -> None:
    """Move the model towards ``bit``, by one part in its count at first, by one in ``limit`` later."""
    count = model[1]
    target = np.int64(65535) if bit else np.int64(0)
    model[0] += ((target - model[0]) * RATES[count]) >> 16
    if count < limit:
        model[1] = count + 1


@inner
def code_adaptive(coder: Coder, bit: int, model: Integers, limit: int) -> int:
    """Write or read a bit under one model."""
    bit = code_bit(coder, bit, min(max(model[0], CHANCE_MIN), 65536 - CHANCE_MIN))
    learn(model, bit, limit)
    return bit


@inner
def code_mixed(coder: Coder, bit: int, table: Integers, rows: Integers, weight: Integers, limit: int) -> int:
    """Write or read a bit under the mixture of the models ``rows`` of ``table``."""
    total = np.int64(0)
    for i in range(len(rows)):
        total += weight[i] * STRETCH[table[rows[i], 0] >> 4]
    total = min(max(total >> 16, -REACH), REACH)
    chance = SQUASH[total + 2048]
    bit = code_bit(coder, bit, min(max(chance << 4, CHANCE_MIN), 65536 - CHANCE_MIN))
    error = ((bit << 12) - chance) * LEARNING
    for i in range(len(rows)):
        weight[i] += (error * STRETCH[table[rows[i], 0] >> 4] + 512) >> 10
        learn(table[rows[i]], bit, limit)
    return bit
