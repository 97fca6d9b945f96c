"""Integers coded under a mixture of two-sided exponentials, whose weights learn which of them is right.

Several predictors have an opinion on a coordinate: a centre and a width each. Their distributions are added up with
weights; after each coordinate every weight moves towards the share that its predictor had in the probability of what
came (the step of an expectation-maximisation on line). Distributions are cumulative, in units of 2^-24, from a table of
the exponential; a coordinate is coded by halving its range, each half with its share of what is left.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import numba
import numpy as np

from necgs.mesh.binary_coder import Coder, Integers, code_bit

UNIT_BITS = 4
"""Centres and widths are in sixteenths of the lattice's step."""

TOTAL_BITS = 24
TOTAL = 1 << TOTAL_BITS
FINE_BITS = 6
REACH = 16
WEIGHT_BITS = 16
EVIDENCE_BITS = 8
LEAST = 192
"""Weights never fall below this, of 2^16."""


def _decay_table() -> Integers:
    """2^24 e^(-i/64) for i = 0 ... 1025: one factor, raised by products of integers."""
    factor = 1057095000  # 2^30 e^(-1/64)
    value, table = 1 << 30, []
    for _ in range((REACH << FINE_BITS) + 2):
        table.append(value >> 30 - TOTAL_BITS)
        value = value * factor >> 30
    return np.array(table, dtype=np.int64)


DECAY: Integers = _decay_table()


@numba.njit(cache=True)
def cumulative(at: int, centre: int, width: int) -> int:
    """Probability below ``at`` in 2^-24 of a two-sided exponential."""
    distance = at - centre
    scaled = (abs(distance) << 12) // width
    index = scaled >> (12 - FINE_BITS)
    if index > REACH << FINE_BITS:
        tail = np.int64(0)
    else:
        rest = scaled & ((1 << (12 - FINE_BITS)) - 1)
        tail = DECAY[index] - (((DECAY[index] - DECAY[index + 1]) * rest) >> (12 - FINE_BITS))
    return tail >> 1 if distance < 0 else TOTAL - (tail >> 1)


@numba.njit(cache=True)
def _below(value: int, count: int, centres: Integers, widths: Integers, weights: Integers) -> int:
    """Probability of less than ``value`` under the mixture, in 2^-24; the last weight is of all values alike."""
    at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
    total = weights[-1] * ((value << TOTAL_BITS) // count)
    for i in range(len(centres)):
        if weights[i]:
            total += weights[i] * cumulative(at, centres[i], widths[i])
    return total >> WEIGHT_BITS


@numba.njit(cache=True)
def code_value(coder: Coder, value: int, count: int, centres: Integers, widths: Integers, weights: Integers) -> int:
    """Write or read one of 0..count-1; ``weights`` (n + 1,) of n exponentials and an even distribution sum to 2^16."""
    low, high = np.int64(0), np.int64(count)
    below, above = _below(low, count, centres, widths, weights), _below(high, count, centres, widths, weights)
    while high - low > 1:
        middle = (low + high) >> 1
        split = _below(middle, count, centres, widths, weights)
        span = max(above - below, 1)
        chance = min(max(((above - split) << 16) // span, 1), 65535)
        if code_bit(coder, np.int64(value >= middle), chance):
            low, below = middle, split
        else:
            high, above = middle, split
    return low


@numba.njit(cache=True)
def weigh(row: Integers, evidence: Integers, widths: Integers, weights: Integers) -> None:
    """Weights for a coordinate: the learned ones times the evidence of this vertex, nothing where a width is 0."""
    total = np.int64(0)
    for i in range(len(row)):
        used = i == len(widths) or widths[i] > 0
        weights[i] = max((row[i] * evidence[i]) >> EVIDENCE_BITS, 1) if used else 0
        total += weights[i]
    for i in range(len(row)):
        weights[i] = (weights[i] << WEIGHT_BITS) // total


@numba.njit(cache=True)
def learn(
    value: int, count: int, centres: Integers, widths: Integers, weights: Integers, row: Integers, evidence: Integers,
    lone: Integers, shift: int,
) -> None:  # fmt: skip
    """Move learned weights towards the predictors' shares in the probability of ``value``, by 2^-shift; set evidence.

    Evidence, in 2^-8, is how much better than the mixture a predictor has been at this vertex.
    """
    at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
    kinds = len(centres)
    chance = np.zeros(kinds + 1, dtype=np.int64)
    chance[kinds] = TOTAL // count
    mixed, present = weights[kinds] * chance[kinds], row[kinds]
    for i in range(kinds):
        if widths[i]:
            upper = cumulative(at + (1 << UNIT_BITS), centres[i], widths[i])
            chance[i] = upper - cumulative(at, centres[i], widths[i])
            mixed += weights[i] * chance[i]
            present += row[i]
    mixed = max(mixed >> WEIGHT_BITS, 1)
    left, best = present, kinds
    for i in range(kinds + 1):
        if i < kinds and not widths[i]:
            continue
        better = min((chance[i] << EVIDENCE_BITS) // mixed, 1 << 16)
        share = ((weights[i] * better) >> EVIDENCE_BITS) * present >> WEIGHT_BITS
        row[i] = max(row[i] + ((min(share, present) - row[i]) >> shift), LEAST)
        if not lone[i]:
            evidence[i] = min(max((evidence[i] * (better + 256)) >> (EVIDENCE_BITS + 1), 1), 1 << 16)
        left -= row[i]
        if row[i] > row[best]:
            best = i
    row[best] += left


@numba.njit(cache=True)
def bits_of(value: int, count: int, centres: Integers, widths: Integers, weights: Integers) -> float:
    """What `code_value` spends on ``value``, about (encoder only)."""
    at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
    chance = weights[-1] / count
    for i in range(len(centres)):
        if weights[i]:
            upper = cumulative(at + (1 << UNIT_BITS), centres[i], widths[i])
            chance += weights[i] * (upper - cumulative(at, centres[i], widths[i])) / TOTAL
    return float(WEIGHT_BITS - np.log2(chance))
