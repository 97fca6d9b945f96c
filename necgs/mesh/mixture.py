"""Integers coded under a mixture of two-sided exponentials, whose weights learn which of them is right.

Several predictors have an opinion on a coordinate: a centre and a width each. Their distributions are added up with
weights; after each coordinate every weight moves towards the share that its predictor had in the probability of what
came (the step of an expectation-maximisation on line). Distributions are cumulative, in units of 2^-24, from a table of
the exponential; a coordinate is coded by whether it lies in a window about the centre that counts most, then by halving
its range, each half with its share of what is left.

Beside them stand histograms of what has been coded: of the values, which machine parts repeat, and of how far they were
from a prediction. Their counts are kept as sums over ranges (Fenwick, A new data structure for cumulative frequency
tables, 1994).
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import numpy as np

from necgs.mesh.binary_coder import Coder, Integers, code_bit
from necgs.mesh.compiled import inner

UNIT_BITS = 4
"""Centres and rates are in sixteenths of the lattice's step."""

RATE_BITS = 24
RATE = 1 << RATE_BITS
"""Divisions are slow: a width is turned into a rate once a coordinate."""

TOTAL_BITS = 24
TOTAL = 1 << TOTAL_BITS
FINE_BITS = 6
REACH = 16
WEIGHT_BITS = 16
EVIDENCE_BITS = 8
WINDOW = 3
"""Half of a window, in widths."""

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


@inner
def cumulative(at: int, centre: int, rate: int) -> int:
    """Probability below ``at`` in 2^-24 of a two-sided exponential; ``rate`` is `RATE` over its width."""
    distance = at - centre
    scaled = abs(distance) * rate >> (RATE_BITS - 12)
    index = scaled >> (12 - FINE_BITS)
    if index > REACH << FINE_BITS:
        tail = np.int64(0)
    else:
        rest = scaled & ((1 << (12 - FINE_BITS)) - 1)
        tail = DECAY[index] - (((DECAY[index] - DECAY[index + 1]) * rest) >> (12 - FINE_BITS))
    return tail >> 1 if distance < 0 else TOTAL - (tail >> 1)


@inner
def share_below(value: int, k: int, sums: Integers, places: Integers) -> int:
    """Share of a histogram's counts below ``value``, in 2^-24; other arguments as those of `code_value`."""
    at, shift = value - places[k, 0], places[k, 1]
    if at <= 0 or sums[k, 0] == 0:
        return np.int64(0)
    last = at >> shift
    if last >= BINS:
        return np.int64(TOTAL)
    below, i = np.int64(0), last
    while i > 0:
        below += sums[k, i]
        i &= i - 1
    if shift:
        rest, following = at & ((1 << shift) - 1), np.int64(0)
        i = last + 1
        while i > 0:
            following += sums[k, i]
            i &= i - 1
        below = (below << shift) + (following - below) * rest
    return below * places[k, 2] >> shift


@inner
def enter(value: int, k: int, sums: Integers, places: Integers) -> None:
    """Enter ``value`` into a histogram."""
    i = ((value - places[k, 0]) >> places[k, 1]) + 1
    if 1 <= i <= BINS:
        sums[k, 0] += 1
        places[k, 2] = TOTAL // sums[k, 0]
        while i <= BINS:
            sums[k, i] += 1
            i += i & -i


@inner
def _below(
    value: int, even: int, centres: Integers, rates: Integers, weights: Integers, sums: Integers, places: Integers
) -> int:
    """Probability of less than ``value`` under the mixture, in 2^-24; the last weight is of all alike."""
    at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
    total = weights[-1] * (value * even)
    for i in range(len(centres)):
        if weights[i]:
            total += weights[i] * cumulative(at, centres[i], rates[i])
    for i in range(HISTOGRAMS):
        weight = weights[len(centres) + i]
        if weight:
            total += weight * share_below(value, i, sums, places)
    return total >> WEIGHT_BITS


@inner
def _window(count: int, centres: Integers, rates: Integers, weights: Integers) -> tuple[int, int]:
    """Ends of a range about the centre of most weight, some widths to both sides; else everything."""
    best = 0
    for i in range(len(centres)):
        if weights[i] > weights[best]:
            best = i
    if rates[best] == 0:
        return np.int64(0), np.int64(count)
    middle, half = (centres[best] + (1 << (UNIT_BITS - 1))) >> UNIT_BITS, np.int64(4)
    while (half << UNIT_BITS) * rates[best] < WINDOW * RATE:
        half <<= 1
    low, high = max(middle - half, 0), min(middle + half, count)
    if low >= high:
        return np.int64(0), np.int64(count)
    return np.int64(low), np.int64(high)


@inner
def _share(one: int, other: int) -> int:
    """The share of the first of two probabilities, in 2^-16, for `code_bit`."""
    return min(max((max(one, 0) << 16) // max(one + other, 1), 1), 65535)


@inner
def code_value(
    coder: Coder, value: int, count: int, centres: Integers, rates: Integers, weights: Integers, sums: Integers,
    places: Integers,
) -> int:  # fmt: skip
    """Write or read one of 0..count-1.

    Args:
        centres, rates: of n exponentials, a rate of 0 for one without opinion.
        weights: (n + HISTOGRAMS + 1,), of these, the histograms, and an even distribution; they sum to 2^16.
        sums: (HISTOGRAMS, BINS + 1).
        places: (HISTOGRAMS, 3): the value that a histogram begins with, the logarithm of a bin's width, and a count's
            share in 2^-24.
    """
    low, high = _window(count, centres, rates, weights)
    even = TOTAL // count
    below = _below(low, even, centres, rates, weights, sums, places)
    above = _below(high, even, centres, rates, weights, sums, places)
    if low > 0 or high < count:
        less, more = (below if low > 0 else np.int64(0)), (TOTAL - above if high < count else np.int64(0))
        within = above - below
        if code_bit(coder, np.int64(not low <= value < high), _share(less + more, within)):
            if high == count or (low > 0 and not code_bit(coder, np.int64(value >= high), _share(more, less))):
                low, below, high, above = (
                    np.int64(0),
                    _below(0, even, centres, rates, weights, sums, places),
                    low,
                    below,
                )
            else:
                low, below, high = high, above, np.int64(count)
                above = _below(high, even, centres, rates, weights, sums, places)
    while high - low > 1:
        middle = (low + high) >> 1
        split = _below(middle, even, centres, rates, weights, sums, places)
        if code_bit(coder, np.int64(value >= middle), _share(above - split, split - below)):
            low, below = middle, split
        else:
            high, above = middle, split
    return low


@inner
def weigh(row: Integers, evidence: Integers, rates: Integers, sums: Integers, weights: Integers) -> None:
    """Weights for a coordinate: the learned ones times the evidence of this vertex, nothing for what has no opinion."""
    total = np.int64(0)
    for i in range(len(row)):
        weights[i] = max((row[i] * evidence[i]) >> EVIDENCE_BITS, 1) if _speaks(i, rates, sums) else 0
        total += weights[i]
    share = (1 << 44) // total
    for i in range(len(row)):
        weights[i] = weights[i] * share >> 44 - WEIGHT_BITS


@inner
def _speaks(i: int, rates: Integers, sums: Integers) -> bool:
    """Whether a predictor has an opinion: an exponential a rate, a histogram a count."""
    if i < len(rates):
        return rates[i] > 0
    return i == len(rates) + HISTOGRAMS or sums[i - len(rates), 0] > 0


@inner
def _chance(
    i: int, value: int, count: int, centres: Integers, rates: Integers, sums: Integers, places: Integers
) -> int:
    """Probability of ``value`` under one predictor, in 2^-24."""
    if i < len(centres):
        at = (value << UNIT_BITS) - (1 << (UNIT_BITS - 1))
        return cumulative(at + (1 << UNIT_BITS), centres[i], rates[i]) - cumulative(at, centres[i], rates[i])
    k = i - len(centres)
    if k == HISTOGRAMS:
        return TOTAL // count
    above = share_below(value + 1, k, sums, places)
    return above - share_below(value, k, sums, places)


@inner
def learn(
    value: int, count: int, centres: Integers, rates: Integers, weights: Integers, sums: Integers, places: Integers,
    row: Integers, evidence: Integers, lone: Integers, shift: int, chance: Integers,
) -> None:  # fmt: skip
    """Move learned weights towards the predictors' shares in the probability of ``value``, by 2^-shift; set evidence.

    Evidence, in 2^-8, is how much better than the mixture a predictor has been at this vertex. ``chance`` is as long as
    ``row``, for what the predictors gave ``value``.
    """
    chance[:] = 0
    mixed, present = np.int64(0), np.int64(0)
    for i in range(len(row)):
        if _speaks(i, rates, sums):
            chance[i] = _chance(i, value, count, centres, rates, sums, places)
            mixed += weights[i] * chance[i]
            present += row[i]
    mixed = max(mixed >> WEIGHT_BITS, 1)
    left, best = present, len(row) - 1
    for i in range(len(row)):
        if not _speaks(i, rates, sums):
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


@inner
def bits_of(
    value: int, count: int, centres: Integers, rates: Integers, weights: Integers, sums: Integers, places: Integers
) -> float:
    """What `code_value` spends on ``value``, about (encoder only)."""
    mixed = np.int64(0)
    for i in range(len(weights)):
        if weights[i]:
            mixed += weights[i] * _chance(i, value, count, centres, rates, sums, places)
    return float(WEIGHT_BITS + TOTAL_BITS - np.log2(float(max(mixed, 1))))
