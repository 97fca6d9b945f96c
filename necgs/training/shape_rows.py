"""Rows of some shapes out of a tensor on a device that holds those of all, shape after shape.

Which shapes a step takes is known on the host, and their rows lie together: so slices are put side by side, and no
index has to be copied to the device, which would make the host wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.coding.prediction import CAUSAL
from necgs.decoder.blocks import FACES, NEIGHBOURS, BlockSet, States
from necgs.decoder.trained_set import OCCUPIED

Shapes = NDArray[np.int64]


def absent(kind: torch.dtype) -> tuple[int, int]:
    """The numbers that stand for "inside" and for "outside" where others say how far ahead a neighbour comes."""
    least = torch.iinfo(kind).min
    return least, least + 1


def rows_of(rows: Tensor, starts: NDArray[np.int64], shapes: Shapes) -> Tensor:
    """The rows of ``shapes``, in their order; ``starts`` (all shapes + 1,) is the first row of each."""
    return torch.cat([rows[int(starts[s]) : int(starts[s + 1])] for s in shapes])


@dataclass(frozen=True)
class BatchBlocks:
    """Where the n blocks of a batch lie.

    Args:
        neighbours: int64 (n, 27), within the batch, n for none.
        causal: int64 (n, 3), those of them that are coded before.
        sides: int8 (n, 27), as in `BlockSet`.
        features: float32 (n, 13), of the prediction (`neighbour_features`).
    """

    neighbours: Tensor
    causal: Tensor
    sides: Tensor
    features: Tensor


@dataclass(frozen=True)
class ResidentBlocks:
    """Where the N blocks of a set lie, on the training's device.

    Args:
        starts: int64 (shapes + 1,), index of each shape's first block.
        ahead: int16 (N, 27), how many blocks after the block itself the neighbour comes (int32 for grids of more
            than 180 blocks per axis), or which side lies there (`absent`).
    """

    starts: NDArray[np.int64]
    ahead: Tensor

    @classmethod
    def of(cls, states: Sequence[States], device: torch.device | str) -> ResidentBlocks:
        """Copy to ``device`` what steps need of a set, whose blocks are in these states (G, G, G)."""
        starts = np.cumsum([0, *(int(np.count_nonzero(grid == OCCUPIED)) for grid in states)])
        farthest = max(len(grid) ** 2 + len(grid) + 1 for grid in states)
        kind = torch.int16 if farthest < torch.iinfo(torch.int16).max else torch.int32
        ahead = torch.empty((int(starts[-1]), NEIGHBOURS), dtype=kind)
        inside, outside = absent(kind)
        for shape, grid in enumerate(states):  # one at a time: the index arrays are large
            own = BlockSet.of(grid[None])
            none = np.where(own.sides < 0, inside, outside)
            after = own.neighbours - np.arange(len(own))[:, None]
            ahead.numpy()[starts[shape] : starts[shape + 1]] = np.where(own.sides == 0, after, none)
        return cls(starts, ahead.to(device))

    def batch(self, shapes: Shapes) -> BatchBlocks:
        """The blocks of some shapes."""
        ahead = rows_of(self.ahead, self.starts, shapes)
        total = len(ahead)
        inside, outside = absent(ahead.dtype)
        sides = (ahead == outside).to(torch.int8) - (ahead == inside).to(torch.int8)
        neighbours = ahead + torch.arange(total, device=ahead.device)[:, None]
        neighbours = neighbours.masked_fill_(sides != 0, total)
        return BatchBlocks(
            neighbours,
            torch.stack([neighbours[:, place] for place in CAUSAL], dim=1),
            sides,
            _features(sides),
        )


def _features(sides: Tensor) -> Tensor:
    """`neighbour_features` of sides (n, 27), float32."""
    faces = torch.stack([sides[:, place] for place in FACES], dim=1)
    return torch.cat([faces == 1, faces == -1, torch.ones_like(faces[:, :1], dtype=torch.bool)], dim=1).float()
