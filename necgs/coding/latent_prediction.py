"""Latents of a block predicted from the blocks before it: what is coded is the difference, all in integers.

The blocks of a shape are visited in wavefronts i + j + k = constant, so the three neighbours that share a face and come
earlier (smaller i, j or k) are known. The prediction is linear in their codes and in the states of all six face
neighbours, which the mask has told already. It is computed with integers: encoder and decoder agree on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.blocks import FACES, BlockSet
from necgs.decoder.trained_set import OCCUPIED

Codes = NDArray[np.int32]
Integers = NDArray[np.int64]

SHIFT = 6
"""Weights of the prediction are integers over 2^6."""

MAX_CODE = 1 << 20
MAX_WEIGHT = 1 << 15
"""Bounds that keep every sum of a hostile file within 64 bits."""

CAUSAL = 3
"""How many of `FACES` come before the block."""


def flags(blocks: BlockSet) -> NDArray[np.float32]:
    """(n, 13): which face neighbours are outside (6), which are inside (6), and a constant 1."""
    sides = blocks.sides[:, FACES]
    return np.concatenate([sides == 1, sides == -1, np.ones((len(sides), 1), bool)], axis=1).astype(np.float32)


def fit_predictor(codes: Codes, blocks: BlockSet) -> Codes:
    """Integer weights (channels, inputs) that predict the codes (n, channels) of a set in the least-squares sense."""
    inputs = _inputs(codes, blocks).astype(np.float64)
    normal = inputs.T @ inputs + np.eye(inputs.shape[1])
    weights = np.linalg.solve(normal, inputs.T @ codes).T
    fitted: Codes = np.rint(weights * 2**SHIFT).clip(-MAX_WEIGHT, MAX_WEIGHT).astype(np.int32)
    return fitted


def residuals(codes: Codes, weights: Codes, blocks: BlockSet) -> Codes:
    """What the prediction leaves of the codes (n, channels)."""
    return (codes - _predicted(_inputs(codes, blocks), weights)).astype(np.int32)


def restore(remaining: Codes, weights: Codes, blocks: BlockSet) -> Codes:
    """The codes of one shape from their residuals: the inverse of `residuals`, wavefront by wavefront."""
    codes = np.zeros((len(remaining) + 1, remaining.shape[1]), dtype=np.int64)
    sides = flags(blocks).astype(np.int64)
    x, y, z = np.nonzero(blocks.states[0] == OCCUPIED)
    wave = x + y + z
    order = np.argsort(wave, kind="stable")
    bounded = weights.clip(-MAX_WEIGHT, MAX_WEIGHT)
    for rows in np.split(order, np.flatnonzero(np.diff(wave[order])) + 1):
        known = _rows(codes[blocks.neighbours[rows][:, FACES[:CAUSAL]]])
        predicted = _predicted(np.concatenate([known, sides[rows]], axis=1), bounded)
        codes[rows] = (predicted + remaining[rows]).clip(-MAX_CODE, MAX_CODE)
    return codes[:-1].astype(np.int32)


def _inputs(codes: Codes, blocks: BlockSet) -> Integers:
    extended = np.concatenate([codes, np.zeros((1, codes.shape[1]), np.int32)]).astype(np.int64)
    causal = _rows(extended[blocks.neighbours[:, FACES[:CAUSAL]]])
    return np.concatenate([causal, flags(blocks).astype(np.int64)], axis=1)


def _rows(near: Integers) -> Integers:
    """(n, CAUSAL, channels) -> (n, CAUSAL * channels), also where n is 0."""
    return near.reshape(len(near), CAUSAL * near.shape[2])


def _predicted(inputs: Integers, weights: Codes) -> Integers:
    predicted: Integers = (inputs @ weights.T.astype(np.int64) + (1 << (SHIFT - 1))) >> SHIFT
    return predicted
