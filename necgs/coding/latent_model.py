"""Latent codes of occupied blocks under the range coder: each under a Gaussian about its prediction.

The centre is the linear prediction of `necgs.coding.prediction`, kept to quarters of a step. The width is predicted,
too, from what is known already: how far the prediction was off in the channels before, and in the causal neighbours.
Both ends compute it with integers. Against rounded residuals under one table a channel this saves about a tenth.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.entropy import Decoder, Encoder, RangeDecoder, RangeEncoder
from necgs.coding.frequency_table import GAUSS, SCALES, TOTAL, decay, scale_width
from necgs.coding.prediction import Codes, Integers, Predictor, States, prediction, visit_in_wavefronts
from necgs.decoder.blocks import BlockSet
from necgs.decoder.trained_set import OCCUPIED

Coder: TypeAlias = Callable[[Integers, int, Integers, Integers], Integers]
"""(blocks, channel, base, frequencies of base - reach.. base + reach) -> how far the codes lie from the base."""

FRACTION = 2
PHASES = 1 << FRACTION
"""Predictions are kept to quarters of a step."""

MAX_REACH = 1023
MAX_MAGNITUDE = 1023
TYPICAL = 48
"""The magnitude that is expected where nothing is known: the channel's own width serves."""

THRESHOLDS = np.array([20, 26, 34, 44, 57, 73, 95, 123, 159, 207])
"""64 * 2^(3/8 (k - 1/2)) for k = -4..5: where the next wider distribution begins."""

WIDER = 2
"""Eighths of an octave from one to the next; 3/8 would follow the thresholds, less is right because they are noisy."""


@dataclass(frozen=True)
class ContextWeights:
    """Weights, over 64, of what predicts the magnitude of a prediction error.

    Args:
        earlier: of the mean magnitude of the block's channels before.
        around: of that of all channels of the causal neighbours.
        same: of that of the same channel there.
        constant: added.
    """

    earlier: int
    around: int
    same: int
    constant: int


BESIDE_OTHERS = ContextWeights(earlier=26, around=10, same=19, constant=8 * 64)
ALONE = ContextWeights(earlier=35, around=0, same=0, constant=35 * 64)
"""For blocks with and without a causal neighbour."""


@dataclass(frozen=True)
class LatentModel:
    """Codes under Gaussians about their predictions.

    Args:
        predictor: makes the predictions.
        scales: per channel the typical width, an index as in `FrequencyTable`, for quarters of a step.
        reach: the farthest that a code may lie from its prediction.
    """

    predictor: Predictor
    scales: tuple[int, ...]
    reach: int

    @classmethod
    def fit(cls, shapes: Sequence[Codes], states: Sequence[States], predictor: Predictor) -> LatentModel:
        """The model of a set: codes (n, C) and block states of each shape.

        Raises:
            ValueError: a code lies too far from its prediction.
        """
        counts = _offset_counts(shapes, states, predictor)
        if not counts.any():
            return cls(predictor, (0,) * len(counts), 1)
        farthest = counts.shape[2] // 2
        reach = min(MAX_REACH, 2 * max(farthest, 1) + 8)
        counts = np.pad(counts, ((0, 0), (0, 0), (reach - farthest,) * 2))
        bits = 16 - np.log2(frequencies(reach))
        scales = [int(np.einsum("pi,psi->s", own, bits).argmin()) for own in counts]
        return cls(predictor, tuple(scales), reach)

    def magnitudes(self) -> NDArray[np.float64]:
        """How far codes typically lie from their predictions, in steps: float64 (C,), the means of the Gaussians."""
        widths = np.array([scale_width(scale) for scale in self.scales]) / 2**27 / PHASES
        return widths * math.sqrt(2 / math.pi)

    def write(self, out: FieldWriter) -> None:
        """Append the fields: varint reach, one byte per channel."""
        out.unsigned(self.reach)
        for scale in self.scales:
            out.byte(scale)

    def encode(self, stream: Encoder, codes: Codes, states: States | None) -> Codes:
        """See `necgs.coding.latents.LatentCoder`."""
        assert states is not None
        assert isinstance(stream, RangeEncoder)

        def code(rows: Integers, channel: int, base: Integers, table: Integers) -> Integers:
            off: Integers = (codes[rows, channel] - base).clip(-self.reach, self.reach)
            stream.symbols(off + self.reach, table)
            return off

        return self._walk(states, code)

    def decode(self, stream: Decoder, states: States | None) -> Codes:
        """See `necgs.coding.latents.LatentCoder`."""
        assert states is not None
        assert isinstance(stream, RangeDecoder)
        stream.expect(int((states == OCCUPIED).sum()) * len(self.scales))

        def code(rows: Integers, channel: int, base: Integers, table: Integers) -> Integers:
            off: Integers = stream.symbols(table) - self.reach
            return off

        return self._walk(states, code)

    def _walk(self, states: States, code: Coder) -> Codes:
        """Visit the blocks in wavefronts and their channels in order; ``code`` writes or reads the numbers."""
        blocks = BlockSet.of(states[None])
        count, channels = len(blocks), len(self.scales)
        magnitudes = np.zeros((count + 1, channels), dtype=np.int64)
        table = frequencies(self.reach)
        widths = [scale_width(scale) for scale in self.scales]

        def visit(rows: Integers, near: NDArray[np.int32], inputs: Integers) -> Integers:
            base, phase = _base_and_phase(self.predictor.predict(inputs, FRACTION))
            expected = ScalePredictor(magnitudes[near], (near < count).sum(axis=1))
            codes = np.empty((len(rows), channels), dtype=np.int64)
            for channel in range(channels):
                scale = (self.scales[channel] + expected.widening(channel)).clip(0, SCALES - 1)
                off = code(rows, channel, base[:, channel], table[phase[:, channel], scale])
                codes[:, channel] = base[:, channel] + off
                found = (np.abs(PHASES * off - phase[:, channel]) << 33) // widths[channel]
                magnitudes[rows, channel] = found.clip(0, MAX_MAGNITUDE)
                expected.update(magnitudes[rows, channel])
            return codes

        return visit_in_wavefronts(blocks, channels, visit)


def read_scales(fields: FieldReader, channels: int) -> tuple[tuple[int, ...], int]:
    """Read the scales and the reach of a `LatentModel` back; raises ``CorruptArchive``."""
    reach = fields.unsigned("reach", MAX_REACH, low=1)
    scales = tuple(fields.byte("scale") for _ in range(channels))
    if min(scales) < 0:
        raise fields.fault("a scale is negative")
    return scales, reach


@functools.lru_cache(maxsize=4)
def frequencies(reach: int) -> Integers:
    """(4 phases, 128 scales, 2 reach + 1): integer frequencies of the distances from a base, each summing to 2^16."""
    distance = np.abs(PHASES * np.arange(-reach, reach + 1) - np.arange(PHASES)[:, None])
    weights = decay(GAUSS, int(distance.max()) + 1)[:, distance].transpose(1, 0, 2)
    size = 2 * reach + 1
    table: Integers = 1 + weights * (TOTAL - size) // weights.sum(axis=2, keepdims=True)
    phase, scale = np.indices(table.shape[:2])
    table[phase, scale, weights.argmax(axis=2)] += TOTAL - table.sum(axis=2)
    return table


class ScalePredictor:
    """Predicts the widths of the distributions of some blocks' codes, channel after channel.

    Args:
        neighbours: int64 (n, 3, C), magnitudes of the causal neighbours' prediction errors, 0 where there is none.
        present: int64 (n,), how many of the three there are.
    """

    def __init__(self, neighbours: Integers, present: Integers) -> None:
        self._beside = present > 0
        self._same = neighbours.sum(axis=1) // np.maximum(present, 1)[:, None]
        self._around = neighbours.sum(axis=(1, 2)) // (np.maximum(present, 1) * neighbours.shape[2])
        self._earlier = np.zeros(len(neighbours), dtype=np.int64)

    def widening(self, channel: int) -> Integers:
        """(n,) eighths of an octave by which the channel's distributions are wider than typical."""
        earlier = self._earlier // channel if channel else np.full(len(self._earlier), TYPICAL)
        beside, alone = (
            w.earlier * earlier + w.around * self._around + w.same * self._same[:, channel] + w.constant
            for w in (BESIDE_OTHERS, ALONE)
        )
        score = np.where(self._beside, beside, alone) >> 6
        widening: Integers = WIDER * (np.searchsorted(THRESHOLDS, score, side="right") - 4)
        return widening

    def update(self, magnitudes: Integers) -> None:
        """Take the magnitudes (n,) of a channel's prediction errors into account."""
        self._earlier = self._earlier + magnitudes


def _base_and_phase(quarters: Integers) -> tuple[Integers, Integers]:
    """Predictions in quarters of a step as whole steps, rounded down, and the quarters above them."""
    return quarters >> FRACTION, quarters & (PHASES - 1)


def _offset_counts(shapes: Sequence[Codes], states: Sequence[States], predictor: Predictor) -> NDArray[np.float64]:
    """How often codes of each channel and phase lie how far from their prediction, (C, PHASES, 2 r + 1) from -r to r.

    Shape by shape: offsets of all take many times the memory of the codes.
    """
    channels = len(predictor.weights)
    counts = np.zeros((channels, PHASES, 1))
    for codes, grid in zip(shapes, states, strict=True):
        if not len(codes):
            continue
        off, phase = _offsets(codes, grid, predictor)
        if (farthest := int(np.abs(off).max())) > MAX_REACH:
            raise ValueError(
                f"a latent lies {farthest} steps from its prediction; at most {MAX_REACH}: use larger steps"
            )
        if (wider := farthest - counts.shape[2] // 2) > 0:
            counts = np.pad(counts, ((0, 0), (0, 0), (wider, wider)))
        np.add.at(counts, (np.arange(channels), phase, off + counts.shape[2] // 2), 1)
    return counts


def _offsets(codes: Codes, states: States, predictor: Predictor) -> tuple[Integers, Integers]:
    """How far the codes (n, C) of one shape lie from their predictions' whole steps, and these predictions' phases."""
    base, phase = _base_and_phase(prediction(codes, BlockSet.of(states[None]), predictor, FRACTION))
    return codes - base, phase
