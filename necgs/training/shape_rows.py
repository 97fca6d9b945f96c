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

from necgs.coding.prediction import CAUSAL, neighbour_features
from necgs.decoder.blocks import NEIGHBOURS, BlockSet, States
from necgs.decoder.trained_set import OCCUPIED

Shapes = NDArray[np.int64]


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
        neighbours: int32 (N, 27), counted within the shape, -1 for none.
        sides: int8 (N, 27), as in `BlockSet`.
        features: bool (N, 13), as `neighbour_features` gives them.
    """

    starts: NDArray[np.int64]
    neighbours: Tensor
    sides: Tensor
    features: Tensor

    @classmethod
    def of(cls, states: Sequence[States], device: torch.device | str) -> ResidentBlocks:
        """Copy to ``device`` what steps need of a set, whose blocks are in these states (G, G, G)."""
        starts = np.cumsum([0, *(int(np.count_nonzero(grid == OCCUPIED)) for grid in states)])
        neighbours = np.empty((int(starts[-1]), NEIGHBOURS), np.int32)
        sides = np.empty((int(starts[-1]), NEIGHBOURS), np.int8)
        for shape, grid in enumerate(states):  # one at a time: the index arrays are large
            rows, own = slice(starts[shape], starts[shape + 1]), BlockSet.of(grid[None])
            neighbours[rows] = np.where(own.neighbours == len(own), -1, own.neighbours)
            sides[rows] = own.sides
        arrays = (neighbours, sides, neighbour_features(sides))
        return cls(starts, *(torch.from_numpy(array).to(device) for array in arrays))

    def batch(self, shapes: Shapes) -> BatchBlocks:
        """The blocks of some shapes."""
        counts = (self.starts[shapes + 1] - self.starts[shapes]).tolist()
        total, before, parts = sum(counts), 0, []
        for shape, count in zip(shapes.tolist(), counts, strict=True):
            own = rows_of(self.neighbours, self.starts, np.array([shape])).long()
            parts.append(torch.where(own < 0, total, own + before))
            before += count
        neighbours = torch.cat(parts)
        return BatchBlocks(
            neighbours,
            torch.stack([neighbours[:, place] for place in CAUSAL], dim=1),
            rows_of(self.sides, self.starts, shapes),
            rows_of(self.features, self.starts, shapes).float(),
        )
