"""Integer probability tables of the range coder: parametric where that is cheaper, explicit where it pays.

A table gives every symbol of an alphabet low..low+n-1 an integer frequency of at least 1; they sum to 2^16. All kinds
are computed with integers alone, so encoder and decoder agree on every machine:

* ``constant``: one symbol, no bits;
* ``laplace`` and ``gauss``: two-sided geometric or Gaussian decay about a peak, one scale index;
* ``histogram``: one logarithmic level per symbol.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.bit_string import BitReader, exp_golomb
from necgs.quantize import EIGHTHS

Integers = NDArray[np.int64]

CONSTANT, LAPLACE, GAUSS, HISTOGRAM = range(4)
TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
MAX_ALPHABET = 8192
MAX_LOW = 1 << 24
SCALES = 128
ONE = 1 << 30
UNUSED_LEVEL = 127


@dataclass(frozen=True)
class FrequencyTable:
    """A probability table and the few numbers that it is made of.

    Args:
        kind: ``CONSTANT``, ``LAPLACE``, ``GAUSS`` or ``HISTOGRAM``.
        low: the first symbol.
        size: symbols of the alphabet.
        peak: index of the most frequent symbol (laplace, gauss).
        scale: width of the decay in eighths of an octave, 0..127 (laplace, gauss).
        steps_per_octave: resolution of ``levels``: 1, 2 or 4 (histogram).
        levels: per symbol how far below the most frequent one, ``UNUSED_LEVEL`` for symbols that do not occur.
    """

    kind: int
    low: int
    size: int = 1
    peak: int = 0
    scale: int = 0
    steps_per_octave: int = 1
    levels: tuple[int, ...] = ()

    @functools.cached_property
    def frequencies(self) -> Integers:
        """(size,) int64, each at least 1, sum 2^16."""
        if self.kind == CONSTANT:
            return np.array([TOTAL], dtype=np.int64)
        if self.kind == HISTOGRAM:
            return _normalized(_level_weights(np.array(self.levels), self.steps_per_octave))
        distance = np.abs(np.arange(self.size) - self.peak)
        return _normalized(decay(self.kind, self.size)[self.scale][distance])

    def bits(self, counts: Integers) -> float:
        """Ideal length in bits of a message in which symbol ``low + i`` occurs ``counts[i]`` times."""
        return float(counts @ (TOTAL_BITS - np.log2(self.frequencies)))

    def write(self, out: FieldWriter) -> None:
        """Append the table's fields."""
        out.byte(self.kind)
        out.signed(self.low)
        if self.kind == CONSTANT:
            return
        out.unsigned(self.size)
        if self.kind == HISTOGRAM:
            out.byte(self.steps_per_octave)
            write_levels(out, self.levels)
            return
        out.unsigned(self.peak)
        out.byte(self.scale)

    @classmethod
    def read(cls, fields: FieldReader) -> FrequencyTable:
        """Read the fields back; raises ``CorruptArchive``."""
        kind = fields.byte("table kind")
        low = fields.signed("table start", MAX_LOW)
        if kind == CONSTANT:
            return cls(kind, low)
        size = fields.unsigned("table size", MAX_ALPHABET, low=2)
        if kind == HISTOGRAM:
            steps = fields.byte("table resolution")
            levels = read_levels(fields, size, UNUSED_LEVEL)
            if steps not in (1, 2, 4) or 0 not in levels:
                raise fields.fault("a table of levels is not valid")
            return cls(kind, low, size, steps_per_octave=steps, levels=levels)
        peak, scale = fields.unsigned("table peak", size - 1), fields.byte("table scale")
        if kind not in (LAPLACE, GAUSS) or not 0 <= scale < SCALES:
            raise fields.fault(f"there is no table of kind {kind} and scale {scale}")
        return cls(kind, low, size, peak, scale)


def fit(values: NDArray[np.int32], *, margin: int = 0) -> FrequencyTable:
    """The table that codes ``values`` in the fewest bytes, its own included.

    Args:
        values: integers of any shape, at least one.
        margin: symbols to allow beyond the extremes; a histogram cannot, so then only the parametric kinds serve.

    Raises:
        ValueError: more than ``MAX_ALPHABET`` symbols.
    """
    low, high = int(values.min()) - margin, int(values.max()) + margin
    if low == high:
        return FrequencyTable(CONSTANT, low)
    if high - low >= MAX_ALPHABET:
        raise ValueError(f"codes span {low}..{high}; at most {MAX_ALPHABET} values are allowed: use a larger step")
    counts = np.bincount(values.ravel().astype(np.int64) - low, minlength=high - low + 1)
    candidates = [_fit_decay(kind, low, counts) for kind in (LAPLACE, GAUSS)]
    if not margin:
        candidates += [_fit_levels(low, counts, steps) for steps in (1, 2, 4)]
    return min(candidates, key=lambda table: table.bits(counts) + 8 * written_size(table))


def fit_about_zero(values: NDArray[np.int32], reach: int) -> FrequencyTable:
    """The parametric table, peak at zero, for symbols -reach..reach, under which ``values`` take the fewest bits."""
    counts = np.bincount(values.ravel().astype(np.int64) + reach, minlength=2 * reach + 1)
    return min((_fit_scale(kind, -reach, counts, reach) for kind in (LAPLACE, GAUSS)), key=lambda found: found[0])[1]


def written_size(table: FrequencyTable) -> int:
    """Bytes of a table's fields."""
    out = FieldWriter()
    table.write(out)
    return len(out)


def write_levels(out: FieldWriter, levels: tuple[int, ...]) -> None:
    """Small integers as Exp-Golomb coded differences; the order that takes the fewest bits goes first."""
    numbers = np.array([0, *levels], dtype=np.int64)
    differences = numbers[1:] - numbers[:-1]
    bits, order = min(((exp_golomb(differences, order), order) for order in range(4)), key=lambda pair: len(pair[0]))
    data = np.packbits(bits).tobytes()
    out.byte(order)
    out.unsigned(len(data))
    out.raw(data)


def read_levels(fields: FieldReader, count: int, high: int) -> tuple[int, ...]:
    """The inverse of `write_levels`: ``count`` integers in 0..high."""
    order = fields.byte("code order")
    if not 0 <= order < 4:
        raise fields.fault(f"there is no code of order {order}")
    data = fields.raw(fields.unsigned("length of levels", fields.left), "levels")
    reader = BitReader(np.unpackbits(np.frombuffer(data, dtype=np.uint8)))
    levels = np.cumsum(reader.exp_golomb(count, order))
    if levels.min() < 0 or levels.max() > high:
        raise fields.fault("a level is out of range")
    return tuple(int(level) for level in levels)


def _normalized(weights: Integers) -> Integers:
    """Weights of at most 2^30 -> frequencies of at least 1 that sum to `TOTAL`; the rest goes to the largest."""
    frequencies = 1 + weights * (TOTAL - len(weights)) // int(weights.sum())
    frequencies[int(weights.argmax())] += TOTAL - int(frequencies.sum())
    return frequencies


def scale_width(scale: int) -> int:
    """The width that a scale index stands for, in units of 2^-27 symbols: eighths of an octave from 1/16 on."""
    return EIGHTHS[scale & 7] << (scale >> 3)


def decay(kind: int, size: int) -> Integers:
    """(SCALES, size) weights by distance from the peak, 2^30 at distance 0.

    Laplace: each step multiplies by r = t/(1 + t) with t the scale. Gauss: the factor itself shrinks by r^2 each step,
    with r = v/(1 + v), v = 2 t^2.
    """
    return _decay(kind, 1 << (size - 1).bit_length())[:, :size]


@functools.cache  # of powers of two up to `MAX_ALPHABET`: 32 MiB in all
def _decay(kind: int, size: int) -> Integers:
    unit = 1 << 27  # scales run from 1/16 to 4096
    scales = [scale_width(i) for i in range(SCALES)]
    spans = scales if kind == LAPLACE else [2 * t * t // unit for t in scales]
    ratio = np.array([(t << 30) // (t + unit) for t in spans], dtype=np.int64)
    shrink = ratio * ratio >> 30 if kind == GAUSS else np.full_like(ratio, ONE)
    weights = np.empty((SCALES, size), dtype=np.int64)
    current = np.full(SCALES, ONE, dtype=np.int64)
    for distance in range(size):
        weights[:, distance] = current
        current = current * ratio >> 30
        ratio = ratio * shrink >> 30
    return weights


def _level_weights(levels: Integers, steps_per_octave: int) -> Integers:
    """2^(30 - level/steps) in integers; 0 for `UNUSED_LEVEL`."""
    octaves = -(-levels // steps_per_octave)
    rest = octaves * steps_per_octave - levels
    mantissa = np.array(EIGHTHS, dtype=np.int64)[rest * (8 // steps_per_octave)] << 7
    return np.where(levels == UNUSED_LEVEL, 0, mantissa >> np.minimum(octaves, 62))


def _fit_decay(kind: int, low: int, counts: Integers) -> FrequencyTable:
    """The best peak (median, mean or mode) and scale of a parametric table."""
    positions = np.arange(len(counts))
    median = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    mean = round(float(positions @ counts) / int(counts.sum()))
    peaks = {median, mean, int(counts.argmax())}
    return min((_fit_scale(kind, low, counts, peak) for peak in peaks), key=lambda found: found[0])[1]


def _fit_scale(kind: int, low: int, counts: Integers, peak: int) -> tuple[float, FrequencyTable]:
    """The best scale of a parametric table with this peak, and the bits that it takes."""
    used = np.flatnonzero(counts)
    weights = decay(kind, len(counts))[:, np.abs(np.arange(len(counts)) - peak)]
    spread = 1 + weights * (TOTAL - len(counts)) // weights.sum(axis=1, keepdims=True)
    spread[:, peak] += TOTAL - spread.sum(axis=1)
    costs = (TOTAL_BITS - np.log2(spread[:, used])) @ counts[used]
    scale = int(costs.argmin())
    return float(costs[scale]), FrequencyTable(kind, low, len(counts), peak, scale)


def _fit_levels(low: int, counts: Integers, steps: int) -> FrequencyTable:
    """The histogram itself, rounded to ``steps`` levels per octave."""
    below = np.log2(counts.max() / np.maximum(counts, 1))
    levels = np.minimum(np.round(below * steps).astype(np.int64), UNUSED_LEVEL - 1)
    levels[counts == 0] = UNUSED_LEVEL
    return FrequencyTable(
        HISTOGRAM, low, len(counts), steps_per_octave=steps, levels=tuple(int(level) for level in levels)
    )
