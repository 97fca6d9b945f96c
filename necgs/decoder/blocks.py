"""Blocks of volumes that the surface enters: where they lie, what they hold, which lie side by side.

A grid of K^3 points is cut into G^3 blocks of b^3 points. A block is occupied when one of its points has a grid edge
to a point of the other sign; every vertex of the extracted surface then lies between points of occupied blocks. All
other blocks are constant: outside or inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE

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


def surface_points(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grid points with an edge to a point of the other sign; ``inside`` and the result are (shapes, K, K, K)."""
    found = np.zeros(inside.shape, dtype=bool)
    for axis in (1, 2, 3):
        low, high = [slice(None)] * 4, [slice(None)] * 4
        low[axis], high[axis] = slice(0, -1), slice(1, None)
        differ = inside[tuple(low)] != inside[tuple(high)]
        found[tuple(low)] |= differ
        found[tuple(high)] |= differ
    return found


def block_states(tsdf: NDArray[np.int16], grid: int) -> States:
    """The state of each block of TSDF codes (shapes, K, K, K), cut into ``grid`` blocks per axis.

    A shape whose points all lie on one side has no occupied block.
    """
    shapes, K = tsdf.shape[:2]
    edge = K // grid
    inside = tsdf < 0
    cut = (shapes, grid, edge, grid, edge, grid, edge)
    occupied = surface_points(inside).reshape(cut).any(axis=(2, 4, 6))
    constant = np.where(inside[:, ::edge, ::edge, ::edge], INSIDE, OUTSIDE)
    return np.where(occupied, OCCUPIED, constant).astype(np.int8)


def gather_blocks(volumes: NDArray[np.generic], states: States) -> NDArray[np.generic]:
    """Values (n, channels, b, b, b) of the occupied blocks of volumes (shapes, channels, K, K, K)."""
    shapes, channels, K = volumes.shape[:3]
    grid = states.shape[1]
    edge = K // grid
    cut = volumes.reshape(shapes, channels, grid, edge, grid, edge, grid, edge)
    blocks: NDArray[np.generic] = cut.transpose(0, 2, 4, 6, 1, 3, 5, 7)[states == OCCUPIED]
    return blocks


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
