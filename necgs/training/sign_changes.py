"""Edges of the grid that the surface crosses: where it does, and which points of occupied blocks are their ends.

Marching cubes puts a vertex where the value between the ends of such an edge is zero. So the value that a decoder gives
there is how far its surface has moved, in units of the TSDF, whatever becomes of the two ends by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.blocks import BlockSet
from necgs.decoder.trained_set import OCCUPIED


@dataclass(frozen=True)
class CrossedEdges:
    """The m crossed edges of a set of shapes, shape after shape.

    Args:
        starts: int64 (shapes + 1,), index of each shape's first edge.
        ends: int32 (m, 2), the points at their ends: block * b^3 + point in C order, the shape's own blocks counted
            in the order of `BlockSet`.
        shares: float32 (m, 2), what part of each end's value the value at the crossing is.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int32]
    shares: NDArray[np.float32]

    @classmethod
    def of(cls, tsdf: NDArray[np.int16], blocks: BlockSet) -> CrossedEdges:
        """Find the crossed edges of TSDF codes (shapes, K, K, K) with the occupied blocks ``blocks``."""
        found = [_edges_of(codes, states == OCCUPIED) for codes, states in zip(tsdf, blocks.states, strict=True)]
        starts = np.cumsum([0, *(len(ends) for ends, _ in found)])
        ends, shares = (np.concatenate(part) for part in zip(*found, strict=True))
        return cls(starts, ends, shares)

    def batch(
        self, shapes: NDArray[np.int64], blocks: BlockSet, points: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ends and shares of the edges of some shapes, in a batch of their blocks (`BlockSet.batch`).

        Args:
            shapes: int64 (s,), in the order of the batch.
            blocks: of the whole set.
            points: b^3, points of a block.
        """
        counts = blocks.starts[shapes + 1] - blocks.starts[shapes]
        edges = [slice(self.starts[s], self.starts[s + 1]) for s in shapes]
        before = (np.cumsum(counts) - counts) * points
        ends = np.concatenate([self.ends[e] + first for e, first in zip(edges, before, strict=True)])
        return ends, np.concatenate([self.shares[e] for e in edges])


def _edges_of(tsdf: NDArray[np.int16], occupied: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    number = np.cumsum(occupied).reshape(occupied.shape) - 1
    edge = len(tsdf) // len(occupied)
    ends, shares = [], []
    for low, high in _neighbours(tsdf < 0):
        block, point = np.divmod(np.stack([low, high], axis=1), edge)
        local = (point * (edge * edge, edge, 1)).sum(axis=2)
        ends.append(number[tuple(np.moveaxis(block, 2, 0))] * edge**3 + local)
        a, b = (np.abs(tsdf[tuple(p.T)]).astype(np.float32) for p in (low, high))
        shares.append(np.stack([b, a], axis=1) / (a + b)[:, None])
    return np.concatenate(ends).astype(np.int32), np.concatenate(shares)


def _neighbours(inside: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each axis the grid points (m, 3) on different sides, the lower first."""
    for axis in range(3):
        ahead = np.moveaxis(inside, axis, 0)
        differ = np.moveaxis(ahead[:-1] != ahead[1:], 0, axis)
        low = np.argwhere(differ)
        yield low, low + np.eye(3, dtype=np.int64)[axis]
