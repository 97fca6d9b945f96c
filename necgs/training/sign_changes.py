"""Edges of the grid along which the TSDF changes sign, and which points of occupied blocks are their ends.

Marching cubes puts a vertex where the value between the ends of such an edge is zero. So the value that a decoder gives
there is how far its surface has moved, in units of the TSDF, whatever becomes of the two ends by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class SignChanges:
    """The edges of a set of shapes that change sign.

    Args:
        ends: of each shape int32 (m, 2), the points at their ends: block * b^3 + point in C order, the shape's own
            blocks counted in the order of `BlockSet`; on the training's device.
    """

    ends: tuple[Tensor, ...]

    @classmethod
    def of(cls, ends: Sequence[NDArray[np.int32]], device: torch.device | str = "cpu") -> SignChanges:
        """Of the ends (m, 2) of each shape."""
        return cls(tuple(torch.from_numpy(own).to(device) for own in ends))

    def batch(self, shapes: NDArray[np.int64], blocks: NDArray[np.int64], points: int) -> Tensor:
        """Ends int64 (m, 2) of the edges of some shapes, in a batch of their blocks.

        Args:
            shapes: int64 (s,), in the order of the batch.
            blocks: int64 (all shapes + 1,), index of each shape's first block.
            points: b^3, points of a block.
        """
        counts = blocks[shapes + 1] - blocks[shapes]
        before = (np.cumsum(counts) - counts) * points
        return torch.cat(
            [self.ends[s].long() + first for s, first in zip(shapes.tolist(), before.tolist(), strict=True)]
        )


def zero_shares(values: Tensor) -> Tensor:
    """What part of each end's value the value at the zero between them is.

    Args:
        values: float (m, 2), of different signs.

    Returns:
        (m, 2), each row sums to 1.
    """
    size = values.abs()
    return size.flip(1) / size.sum(1, keepdim=True)


def ends_of_sign_changes(tsdf: NDArray[np.int16], occupied: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The ends (m, 2) of the edges of one shape that change sign, as in `SignChanges`.

    Args:
        tsdf: codes (K, K, K).
        occupied: bool (G, G, G), the blocks that count.
    """
    number = np.cumsum(occupied).reshape(occupied.shape) - 1
    edge = len(tsdf) // len(occupied)
    ends = []
    for low, high in _neighbours(tsdf < 0):
        block, point = np.divmod(np.stack([low, high], axis=1), edge)
        local = (point * (edge * edge, edge, 1)).sum(axis=2)
        ends.append(number[tuple(np.moveaxis(block, 2, 0))] * edge**3 + local)
    return np.concatenate(ends).astype(np.int32)


def _neighbours(inside: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each axis the grid points (m, 3) on different sides, the lower first."""
    for axis in range(3):
        ahead = np.moveaxis(inside, axis, 0)
        differ = np.moveaxis(ahead[:-1] != ahead[1:], 0, axis)
        low = np.argwhere(differ)
        yield low, low + np.eye(3, dtype=np.int64)[axis]
