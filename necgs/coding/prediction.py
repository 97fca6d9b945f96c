"""Linear prediction of a block's latent codes from blocks that are coded before it, in integers.

The blocks of a shape are visited in wavefronts i + j + k = constant, so the three face neighbours with a smaller i, j
or k (the causal ones) are known. The prediction is linear in their codes and in the states of all six face neighbours,
which are known from the occupancy mask. Integers throughout: encoder and decoder agree on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.blocks import FACES, BlockSet
from necgs.decoder.trained_set import OCCUPIED

Codes: TypeAlias = NDArray[np.int32]
Integers: TypeAlias = NDArray[np.int64]
States: TypeAlias = NDArray[np.int8]
Visit: TypeAlias = Callable[[Integers, NDArray[np.int32], Integers], Integers]
"""(blocks (r,), their causal neighbours (r, 3), inputs of the prediction (r, 3 C + 13)) -> codes (r, C)."""

SHIFT = 6
"""Weights of the prediction are integers over 2^6."""

MAX_CODE = 1 << 20
MAX_WEIGHT = 1 << 15
"""Bounds that keep every sum of a hostile file within 64 bits."""

MAX_FITTED = 4095
"""Bound of a weight that is fitted: more no table of weights holds; fine latents far from zero would ask for it."""

CAUSAL = FACES[:3]
"""The face neighbours, of `necgs.decoder.blocks.NEIGHBOURS`, that precede a block."""

FEATURES = 13


@dataclass(frozen=True, eq=False)
class Predictor:
    """The linear prediction of a set.

    Args:
        weights: int32 (C, 3 C + 13), in units of 2^-6, of the codes of the three causal neighbours and of
            `neighbour_features`.
        exponent: step exponent that the file stores for the weights as for any tensor; nothing depends on it.
    """

    weights: Codes
    exponent: int = -8 * SHIFT

    @staticmethod
    def shape(channels: int) -> tuple[int, int]:
        """Shape of the weights for C latent channels."""
        return channels, len(CAUSAL) * channels + FEATURES

    @classmethod
    def fit(cls, shapes: Sequence[Codes], states: Sequence[States], channels: int) -> Predictor:
        """The least-squares prediction of a set's codes, one array (n, C) and one block grid a shape."""
        inputs = cls.shape(channels)[1]
        normal, moments = np.eye(inputs), np.zeros((inputs, channels))
        for codes, grid in zip(shapes, states, strict=True):
            known = _known_inputs(codes, BlockSet.of(grid[None])).astype(np.float64)
            normal += known.T @ known
            moments += known.T @ codes
        weights = np.rint(np.linalg.solve(normal, moments).T * 2**SHIFT)
        return cls(weights.clip(-MAX_FITTED, MAX_FITTED).astype(np.int32))

    def predict(self, inputs: Integers, fraction: int = 0) -> Integers:
        """Predicted codes (n, C) from inputs (n, 3 C + 13), rounded to multiples of 2^-fraction and in that unit."""
        bounded = self.weights.clip(-MAX_WEIGHT, MAX_WEIGHT).astype(np.int64)
        shift = SHIFT - fraction
        predicted: Integers = (inputs @ bounded.T + (1 << (shift - 1))) >> shift
        return predicted


def neighbour_features(sides: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(n, 13): which face neighbours are outside (6), which are inside (6), and a constant 1.

    Args:
        sides: (n, 27), as in `BlockSet`.
    """
    faces = sides[:, FACES]
    return np.concatenate([faces == 1, faces == -1, np.ones((len(faces), 1), bool)], axis=1)


def causal_codes(padded: Integers, neighbours: NDArray[np.int32]) -> Integers:
    """Codes (n, 3 C) of each block's causal neighbours.

    Args:
        padded: (m + 1, C), codes of m blocks and a last row of zeros, which stands for "no such block".
        neighbours: int (n, 27), indices into these rows, as in `BlockSet`.
    """
    near = padded[neighbours[:, CAUSAL]]
    return near.reshape(len(neighbours), len(CAUSAL) * padded.shape[1])


def visit_in_wavefronts(blocks: BlockSet, channels: int, visit: Visit) -> Codes:
    """Codes (n, C) of the blocks of one shape, wavefront by wavefront, each made by ``visit`` from those before it."""
    codes = np.zeros((len(blocks) + 1, channels), dtype=np.int64)
    features = neighbour_features(blocks.sides).astype(np.int64)
    wave = np.argwhere(blocks.states[0] == OCCUPIED).sum(axis=1)
    order = np.argsort(wave, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(wave[order])) + 1) if len(order) else []:
        neighbours = blocks.neighbours[rows]
        inputs = np.concatenate([causal_codes(codes, neighbours), features[rows]], axis=1)
        codes[rows] = visit(rows, neighbours[:, CAUSAL], inputs).clip(-MAX_CODE, MAX_CODE)
    return codes[:-1].astype(np.int32)


def prediction(codes: Codes, blocks: BlockSet, predictor: Predictor, fraction: int = 0) -> Integers:
    """Predicted codes (n, C), as `Predictor.predict` gives them, where all codes (n, C) are known."""
    return predictor.predict(_known_inputs(codes, blocks), fraction)


def residuals(codes: Codes, blocks: BlockSet, predictor: Predictor) -> Codes:
    """Codes (n, C) less their prediction."""
    return (codes - prediction(codes, blocks, predictor)).astype(np.int32)


def reconstruct(remaining: Codes, blocks: BlockSet, predictor: Predictor) -> Codes:
    """Codes (n, C) of one shape from their residuals: the inverse of `residuals`."""

    def visit(rows: Integers, _: NDArray[np.int32], inputs: Integers) -> Integers:
        return predictor.predict(inputs) + remaining[rows]

    return visit_in_wavefronts(blocks, remaining.shape[1], visit)


def bounded_residuals(
    codes: Codes, blocks: BlockSet, predictor: Predictor, low: Codes, high: Codes
) -> tuple[Codes, Codes]:
    """Residuals (n, C) of one shape, clipped per channel to low..high (C,), and the codes that they reconstruct.

    A clipped block is predicted from as it will be decoded, so the errors of clipping do not add up.
    """
    remaining = np.zeros(codes.shape, dtype=np.int32)

    def visit(rows: Integers, _: NDArray[np.int32], inputs: Integers) -> Integers:
        predicted = predictor.predict(inputs)
        remaining[rows] = (codes[rows] - predicted).clip(low, high)
        return predicted + remaining[rows]

    decoded = visit_in_wavefronts(blocks, codes.shape[1], visit)
    return remaining, decoded


def _known_inputs(codes: Codes, blocks: BlockSet) -> Integers:
    padded = np.concatenate([codes, np.zeros((1, codes.shape[1]), np.int32)]).astype(np.int64)
    return np.concatenate(
        [causal_codes(padded, blocks.neighbours), neighbour_features(blocks.sides).astype(np.int64)], axis=1
    )
