"""Blocks of volumes that the surface enters: where they lie, what they hold, which lie side by side.

A grid of K^3 points is cut into G^3 blocks of b^3 points. A block is occupied when one of its points has a grid edge
to a point of the other sign; every vertex of the extracted surface then lies between points of occupied blocks. All
other blocks are constant: outside or inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.trained_set import INSIDE, OCCUPIED

States = NDArray[np.int8]

NEIGHBOURS = 27
"""A block and the blocks around it, in C order of their offsets: 13 is the block itself."""

FACES = (13 - 9, 13 - 3, 13 - 1, 13 + 9, 13 + 3, 13 + 1)
"""Of these, the six that share a face: first the three that come before the block in C order."""


@dataclass(frozen=True)
class BlockSet:
    """The n occupied blocks of a set of shapes, shape after shape, in C order of the block grid.

    Args:
        states: int8 (shapes, G, G, G).
        starts: int64 (shapes + 1,), index of each shape's first block.
        neighbours: int32 (n, 27), index of the occupied block at each offset, n where there is none.
        sides: int8 (n, 27), 0 where an occupied block lies, -1 for inside, +1 for outside and beyond the grid.
    """

    states: States
    starts: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    sides: NDArray[np.int8]

    @classmethod
    def of(cls, states: States) -> BlockSet:
        """Index the occupied blocks of ``states`` (shapes, G, G, G)."""
        counts = [int(np.count_nonzero(grid == OCCUPIED)) for grid in states]
        starts = np.cumsum([0, *counts])
        total = int(starts[-1])
        neighbours = np.empty((total, NEIGHBOURS), dtype=np.int32)
        sides = np.empty((total, NEIGHBOURS), dtype=np.int8)
        for shape, grid in enumerate(states):  # one at a time: the index arrays are large
            rows = slice(starts[shape], starts[shape + 1])
            neighbours[rows], sides[rows] = _surroundings(grid, int(starts[shape]), total)
        return cls(states, starts, neighbours, sides)

    def __len__(self) -> int:
        return int(self.starts[-1])


def _surroundings(grid: States, first: int, none: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Neighbours and sides (m, 27) of the occupied blocks of one shape, of which the first has index ``first``."""
    occupied = grid == OCCUPIED
    index = np.full([size + 2 for size in grid.shape], none, dtype=np.int64)
    index[1:-1, 1:-1, 1:-1][occupied] = first + np.arange(np.count_nonzero(occupied))
    side = np.ones(index.shape, dtype=np.int8)
    side[1:-1, 1:-1, 1:-1] = np.array([1, 0, -1], dtype=np.int8)[grid]
    offsets = np.indices((3, 3, 3)).reshape(3, -1)
    at = tuple(place[:, None] + offset for place, offset in zip(np.nonzero(occupied), offsets, strict=True))
    return index[at], side[at]


def scatter_blocks(blocks: NDArray[np.float32], states: States) -> NDArray[np.float32]:
    """The volume (channels, K, K, K) of one shape: its blocks, and in constant ones TSDF -1 or 1, deformation 0.

    Args:
        blocks: float32 (n, channels, b, b, b).
        states: int8 (G, G, G).
    """
    grid, (channels, edge) = len(states), blocks.shape[1:3]
    volume = np.zeros((grid, grid, grid, channels, edge, edge, edge), dtype=np.float32)
    volume[:, :, :, 0] = np.where(states == INSIDE, -1.0, 1.0)[..., None, None, None]
    volume[states == OCCUPIED] = blocks
    return volume.transpose(3, 0, 4, 1, 5, 2, 6).reshape(channels, *(grid * edge,) * 3)
