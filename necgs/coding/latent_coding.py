"""Range coding of the latents of occupied blocks: each number under a Gaussian about its prediction.

The centre is the linear prediction of `necgs.coding.latent_prediction`, kept to quarters of a step. The width comes
from what is known already: how far the prediction was off in the channels before, and in the three blocks that share a
face and come earlier. Both ends compute it with integers. Against coding the rounded residuals under one table a
channel this saves about a tenth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.entropy import RangeDecoder, RangeEncoder
from necgs.coding.frequency_table import GAUSS, SCALES, TOTAL, decay, scale_width
from necgs.coding.latent_prediction import CAUSAL, MAX_CODE, MAX_WEIGHT, SHIFT, flags
from necgs.decoder.blocks import FACES, BlockSet
from necgs.decoder.trained_set import OCCUPIED

Codes: TypeAlias = NDArray[np.int32]
Integers: TypeAlias = NDArray[np.int64]
Coder: TypeAlias = Callable[[NDArray[np.int64], int, Integers, Integers], Integers]
"""(blocks, channel, base, frequencies of base - reach.. base + reach) -> how far the codes lie from the base."""

PHASES = 4
MAX_REACH = 1023
TYPICAL = 48
MAX_MAGNITUDE = 1023
EARLIER, AROUND, SAME, BESIDE = 26, 10, 19, 8 * 64
EARLIER_ALONE, ALONE = 35, 35 * 64
"""Weights, over 64, of what predicts a magnitude: earlier channels, all channels of the blocks before, the same channel
there; and with no block before."""

THRESHOLDS = np.array([20, 26, 34, 44, 57, 73, 95, 123, 159, 207])
"""64 * 2^(3/8 (k - 1/2)) for k = -4..5: where the next wider distribution begins."""

WIDER = 2
"""Eighths of an octave from one to the next; 3/8 would follow the thresholds, less is right because they are noisy."""


@dataclass(frozen=True)
class LatentModel:
    """What the coder knows of a set.

    Args:
        scales: per channel the typical width, an index as in `FrequencyTable`, for quarters of a step.
        reach: the farthest that a code may lie from its prediction.
    """

    scales: tuple[int, ...]
    reach: int

    def write(self, out: FieldWriter) -> None:
        """Append the fields: varint reach, one byte per channel."""
        out.unsigned(self.reach)
        for scale in self.scales:
            out.byte(scale)

    @classmethod
    def read(cls, fields: FieldReader, channels: int) -> LatentModel:
        """Read the fields back; raises ``CorruptArchive``."""
        reach = fields.unsigned("reach", MAX_REACH, low=1)
        scales = tuple(fields.byte("scale") for _ in range(channels))
        if min(scales) < 0:
            raise fields.fault("a scale is negative")
        return cls(scales, reach)

    @classmethod
    def fit(cls, shapes: Sequence[Codes], states: Sequence[NDArray[np.int8]], predictor: Codes) -> LatentModel:
        """The model of a set: codes (n, C) and block states of each shape, weights of the prediction.

        Raises:
            ValueError: a code lies too far from its prediction.
        """
        codes = np.concatenate(shapes).astype(np.int64)
        blocks = BlockSet.of(np.stack(states))
        known = np.concatenate([codes, np.zeros((1, codes.shape[1]), np.int64)])
        near = known[blocks.neighbours[:, FACES[:CAUSAL]]].reshape(len(codes), -1)
        base, phase = _centres(near, flags(blocks), predictor)
        off = codes - base
        farthest = int(np.abs(off).max(initial=1))
        if farthest > MAX_REACH:
            raise ValueError(
                f"a latent lies {farthest} steps from its prediction; at most {MAX_REACH}: use larger steps"
            )
        reach = min(MAX_REACH, 2 * farthest + 8)
        bits = 16 - np.log2(frequencies(reach))
        scales = []
        for channel in range(codes.shape[1]):
            counts = np.zeros((PHASES, 2 * reach + 1))
            np.add.at(counts, (phase[:, channel], off[:, channel] + reach), 1)
            scales.append(int(np.einsum("pi,psi->s", counts, bits).argmin()))
        return cls(tuple(scales), reach)


def encode_latents(
    encoder: RangeEncoder, codes: Codes, states: NDArray[np.int8], predictor: Codes, model: LatentModel
) -> Codes:
    """Append the codes (n, C) of one shape; one that lies out of reach (a shape added later) is moved to the nearest.

    Returns:
        The codes that a decoder will see.
    """

    def code(rows: NDArray[np.int64], channel: int, base: Integers, chances: Integers) -> Integers:
        off: Integers = (codes[rows, channel] - base).clip(-model.reach, model.reach)
        encoder.each(off + model.reach, chances)
        return off

    return _walk(states, predictor, model, code)


def decode_latents(decoder: RangeDecoder, states: NDArray[np.int8], predictor: Codes, model: LatentModel) -> Codes:
    """Read the codes of one shape back; raises ``CorruptArchive``."""
    decoder.expect(int((states == OCCUPIED).sum()) * len(model.scales))

    def code(rows: NDArray[np.int64], channel: int, base: Integers, chances: Integers) -> Integers:
        off: Integers = decoder.each(chances) - model.reach
        return off

    return _walk(states, predictor, model, code)


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


def _walk(states: NDArray[np.int8], predictor: Codes, model: LatentModel, code: Coder) -> Codes:
    """Visit the blocks in wavefronts and their channels in order; ``code`` writes or reads the numbers."""
    blocks = BlockSet.of(states[None])
    count, channels = len(blocks), len(model.scales)
    codes = np.zeros((count + 1, channels), dtype=np.int64)
    magnitudes = np.zeros((count + 1, channels), dtype=np.int64)
    before, sides = blocks.neighbours[:, FACES[:CAUSAL]], flags(blocks)
    table = frequencies(model.reach)
    widths = [scale_width(scale) for scale in model.scales]
    for rows in _wavefronts(states):
        near = before[rows]
        base, phase = _centres(codes[near].reshape(len(rows), -1), sides[rows], predictor)
        expected = _Expected(magnitudes[near], (near < count).sum(axis=1))
        for channel in range(channels):
            scale = (model.scales[channel] + expected.widening(channel)).clip(0, SCALES - 1)
            off = code(rows, channel, base[:, channel], table[phase[:, channel], scale])
            codes[rows, channel] = (base[:, channel] + off).clip(-MAX_CODE, MAX_CODE)
            found = (np.abs(PHASES * off - phase[:, channel]) << 33) // widths[channel]
            magnitudes[rows, channel] = expected.learn(found.clip(0, MAX_MAGNITUDE))
    return codes[:-1].astype(np.int32)


class _Expected:
    """How large the numbers of some blocks will be, from the blocks before and, as they come, from earlier channels."""

    def __init__(self, before: Integers, present: Integers) -> None:
        self._beside = present > 0
        self._same = before.sum(axis=1) // np.maximum(present, 1)[:, None]
        self._around = before.sum(axis=(1, 2)) // (np.maximum(present, 1) * before.shape[2])
        self._earlier = np.zeros(len(before), dtype=np.int64)

    def widening(self, channel: int) -> Integers:
        """Eighths of an octave by which the channel's distribution is wider than typical."""
        earlier = self._earlier // channel if channel else np.full(len(self._earlier), TYPICAL)
        beside = EARLIER * earlier + AROUND * self._around + SAME * self._same[:, channel] + BESIDE
        score = np.where(self._beside, beside, EARLIER_ALONE * earlier + ALONE) >> 6
        return WIDER * (np.searchsorted(THRESHOLDS, score, side="right") - 4)

    def learn(self, found: Integers) -> Integers:
        """Take note of a channel's magnitudes."""
        self._earlier = self._earlier + found
        return found


def _centres(near: Integers, sides: NDArray[np.float32], predictor: Codes) -> tuple[Integers, Integers]:
    """Predictions (n, C) as whole numbers, rounded down, and the quarters above them."""
    inputs = np.concatenate([near, sides.astype(np.int64)], axis=1)
    bounded = predictor.clip(-MAX_WEIGHT, MAX_WEIGHT).astype(np.int64)
    quarters: Integers = (inputs @ bounded.T + (1 << (SHIFT - 3))) >> (SHIFT - 2)
    return quarters >> 2, quarters & 3


def _wavefronts(states: NDArray[np.int8]) -> list[NDArray[np.int64]]:
    """Occupied blocks, as indices in C order, by the sum of their coordinates."""
    wave = np.argwhere(states == OCCUPIED).sum(axis=1)
    order = np.argsort(wave, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(wave[order])) + 1) if len(order) else []
