"""Which weights of a block-sparse decoder are alike in size: what a file and training take together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PREDICTOR = "predict.weight"
"""The weights of the prediction of latents (`necgs.coding.prediction`), stored as the last tensor."""


def weight_groups(name: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The group of each weight of a tensor: int64 of that shape, counted from 0 without a gap.

    Convolutions: by input and by what the neighbour shares with the block (itself, a face, an edge, a corner), the
    latter being the fast index. ``synthesis.weight``: by latent channel. The prediction: by the channel that is
    predicted. All other tensors are one group.
    """
    if len(shape) == 5:
        shared = np.abs(np.indices(shape[2:]) - 1).sum(axis=0)
        inputs = np.arange(shape[1])[:, None, None, None]
        return np.broadcast_to(4 * inputs + shared, shape).copy()
    if name == "synthesis.weight":
        return np.broadcast_to(np.arange(shape[1]), shape).copy()
    if name == PREDICTOR:
        return np.broadcast_to(np.arange(shape[0])[:, None], shape).copy()
    return np.zeros(shape, dtype=np.int64)
