"""A volume as the training of the block-sparse decoder sees it: the blocks that the surface enters, and nothing else.

At K = 128 that is a tenth of the volume's bytes; a set of thousands fits into memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from necgs.decoder.blocks import BlockSet, States, block_states, gather_blocks
from necgs.decoder.spec import DecoderSpec
from necgs.decoder.trained_set import OCCUPIED
from necgs.training.sign_changes import edges_that_change_sign, ends_of


@dataclass(frozen=True)
class SurfaceBlocks:
    """The n occupied blocks of one volume, cut into G^3 blocks of b^3 points.

    Args:
        states: int8 (G, G, G), of all blocks (`necgs.decoder.blocks`).
        codes: int16 (n, channels, b, b, b), value = code / 128; channel 0 the TSDF.
        edges: int32 (m,), those that change sign (`necgs.training.sign_changes`).
    """

    states: States
    codes: NDArray[np.int16]
    edges: NDArray[np.int32]

    @classmethod
    def of(cls, volume: NDArray[np.int16], spec: DecoderSpec) -> SurfaceBlocks:
        """Of a volume (channels, K, K, K), as ``spec`` cuts it."""
        states = block_states(volume[:1], spec.latent_grid)[0]
        codes = np.ascontiguousarray(gather_blocks(volume[None], states[None]), dtype=np.int16)
        return cls(states, codes, edges_that_change_sign(volume[0], states == OCCUPIED))

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Bool (n, b^3), the points whose values decide where the surface lies: the ends of the edges."""
        blocks = BlockSet.of(self.states[None])
        edges, neighbours = (torch.from_numpy(rows.astype(np.int64)) for rows in (self.edges, blocks.neighbours))
        found = np.zeros((len(self.codes), math.prod(self.codes.shape[2:])), bool)
        found.reshape(-1)[ends_of(edges, neighbours, self.codes.shape[-1]).numpy().reshape(-1)] = True
        return found


def check_volumes(volumes: Sequence[SurfaceBlocks], spec: DecoderSpec) -> None:
    """Raise ``ValueError`` unless there are volumes, and all are what ``spec`` decodes."""
    grid, block = (spec.latent_grid,) * 3, (spec.channels, *(spec.block_edge,) * 3)
    if not volumes:
        raise ValueError("there is no volume to train on")
    for volume in volumes:
        if volume.states.shape != grid or volume.codes.shape[1:] != block:
            found = f"blocks of shape {volume.codes.shape[1:]} in a grid of {volume.states.shape}"
            raise ValueError(f"{found}; the decoder makes {block} in {grid}")
