"""Integers coded under a mixture of two-sided exponentials, whose weights learn which of them is right.

Several predictors have an opinion on a coordinate: a centre and a width each. Their distributions are added up with
weights; after each coordinate every weight moves towards the share that its predictor had in the probability of what
came (the step of an expectation-maximisation on line). Distributions are cumulative, in units of 2^-24, from a table of
the exponential; a coordinate is coded by halving its range, each half with its share of what is left.

Beside them stand histograms of what has been coded: of the values, which machine parts repeat, and of how far they were
from a prediction. Their counts are kept as sums over ranges (Fenwick, A new data structure for cumulative frequency
tables, 1994).
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
HISTOGRAMS = 2
BIN_BITS = 11
BINS = 1 << BIN_BITS
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
def share_below(value: int, sums: Integers, offset: int, shift: int) -> int:
    """Share of a histogram's counts below ``value``, in 2^-24; ``sums`` (BINS + 1,) with the total in front."""
    at = value - offset
    if at <= 0 or sums[0] == 0:
        return np.int64(0)
    last = at >> shift
    if last >= BINS:
        return np.int64(TOTAL)
    below, i = np.int64(0), last
    while i > 0:
        below += sums[i]
        i &= i - 1
    if shift:
        rest, following = at & ((1 << shift) - 1), np.int64(0)
        i = last + 1
        while i > 0:
            following += sums[i]
            i &= i - 1
        below = (below << shift) + (following - below) * rest
    return (below << TOTAL_BITS - shift) // sums[0]


@numba.njit(cache=True)
def enter(value: int, sums: Integers, offset: int, shift: int) -> None:
    """Enter ``value`` into a histogram."""
    i = ((value - offset) >> shift) + 1
    if 1 <= i <= BINS:
        sums[0] += 1
        while i <= BINS:
            sums[i] += 1
            i += i & -i


@numba.njit(cache=True)
def _below(
    value: int, count: int, centres: Integers, widths: Integers, weights: Integers, sums: Integers, places: Integers
) -> int:
    """Probability of less than ``value`` under the mixture, in 2^-24; the last weight is of all values alike."""
    at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
    total = weights[-1] * ((value << TOTAL_BITS) // count)
    for i in range(len(centres)):
        if weights[i]:
            total += weights[i] * cumulative(at, centres[i], widths[i])
    for i in range(HISTOGRAMS):
        weight = weights[len(centres) + i]
        if weight:
            total += weight * share_below(value, sums[i], places[i, 0], places[i, 1])
    return total >> WEIGHT_BITS


@numba.njit(cache=True)
def code_value(
    coder: Coder, value: int, count: int, centres: Integers, widths: Integers, weights: Integers, sums: Integers,
    places: Integers,
) -> int:  # fmt: skip
    """Write or read one of 0..count-1.

    Args:
        centres, widths: of n exponentials.
        weights: (n + HISTOGRAMS + 1,), of these, the histograms, and an even distribution; they sum to 2^16.
        sums: (HISTOGRAMS, BINS + 1).
        places: (HISTOGRAMS, 2): the value that a histogram begins with, and the logarithm of a bin's width.
    """
    low, high = np.int64(0), np.int64(count)
    below = _below(low, count, centres, widths, weights, sums, places)
    above = _below(high, count, centres, widths, weights, sums, places)
    while high - low > 1:
        middle = (low + high) >> 1
        split = _below(middle, count, centres, widths, weights, sums, places)
        span = max(above - below, 1)
        chance = min(max(((above - split) << 16) // span, 1), 65535)
        if code_bit(coder, np.int64(value >= middle), chance):
            low, below = middle, split
        else:
            high, above = middle, split
    return low


@numba.njit(cache=True)
def weigh(row: Integers, evidence: Integers, widths: Integers, sums: Integers, weights: Integers) -> None:
    """Weights for a coordinate: the learned ones times the evidence of this vertex, nothing for what has no opinion."""
    total = np.int64(0)
    for i in range(len(row)):
        weights[i] = max((row[i] * evidence[i]) >> EVIDENCE_BITS, 1) if _speaks(i, widths, sums) else 0
        total += weights[i]
    for i in range(len(row)):
        weights[i] = (weights[i] << WEIGHT_BITS) // total


@numba.njit(cache=True)
def _speaks(i: int, widths: Integers, sums: Integers) -> bool:
    """Whether a predictor has an opinion: an exponential a width, a histogram a count."""
    if i < len(widths):
        return widths[i] > 0
    return i == len(widths) + HISTOGRAMS or sums[i - len(widths), 0] > 0


@numba.njit(cache=True)
def _chance(
    i: int, value: int, count: int, centres: Integers, widths: Integers, sums: Integers, places: Integers
) -> int:
    """Probability of ``value`` under one predictor, in 2^-24."""
    if i < len(centres):
        at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
        return cumulative(at + (1 << UNIT_BITS), centres[i], widths[i]) - cumulative(at, centres[i], widths[i])
    k = i - len(centres)
    if k == HISTOGRAMS:
        return TOTAL // count
    above = share_below(value + 1, sums[k], places[k, 0], places[k, 1])
    return above - share_below(value, sums[k], places[k, 0], places[k, 1])


@numba.njit(cache=True)
def learn(
    value: int, count: int, centres: Integers, widths: Integers, weights: Integers, sums: Integers, places: Integers,
    row: Integers, evidence: Integers, lone: Integers, shift: int,
) -> None:  # fmt: skip
    """Move learned weights towards the predictors' shares in the probability of ``value``, by 2^-shift; set evidence.

    Evidence, in 2^-8, is how much better than the mixture a predictor has been at this vertex.
    """
    chance = np.zeros(len(row), dtype=np.int64)
    mixed, present = np.int64(0), np.int64(0)
    for i in range(len(row)):
        if _speaks(i, widths, sums):
            chance[i] = _chance(i, value, count, centres, widths, sums, places)
            mixed += weights[i] * chance[i]
            present += row[i]
    mixed = max(mixed >> WEIGHT_BITS, 1)
    left, best = present, len(row) - 1
    for i in range(len(row)):
        if not _speaks(i, widths, sums):
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
def bits_of(
    value: int, count: int, centres: Integers, widths: Integers, weights: Integers, sums: Integers, places: Integers
) -> float:
    """What `code_value` spends on ``value``, about (encoder only)."""
    mixed = np.int64(0)
    for i in range(len(weights)):
        if weights[i]:
            mixed += weights[i] * _chance(i, value, count, centres, widths, sums, places)
    return float(WEIGHT_BITS + TOTAL_BITS - np.log2(float(max(mixed, 1))))
