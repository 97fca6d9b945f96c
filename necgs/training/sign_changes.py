"""Edges of the grid along which the TSDF changes sign, and which points of occupied blocks are their ends.

Marching cubes puts a vertex where the value between the ends of such an edge is zero. So the value that a decoder gives
there is how far its surface has moved, in units of the TSDF, whatever becomes of the two ends by themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.decoder.blocks import FACES

_AXES = 4  # an edge's number is that of its lower end times this, plus its axis


@dataclass(frozen=True)
class SignChanges:
    """The edges of a set of shapes that change sign.

    Args:
        edges: of each shape int32 (m,), as `edges_that_change_sign` gives them; on the training's device.
        block_edge: b, points of a block per axis.
    """

    edges: tuple[Tensor, ...]
    block_edge: int

    def batch(self, shapes: NDArray[np.int64], blocks: NDArray[np.int64], neighbours: Tensor) -> Tensor:
        """Ends int64 (m, 2) of the edges of some shapes among the points of a batch of their blocks, the lower first.

        Args:
            shapes: int64 (s,), in the order of the batch.
            blocks: int64 (all shapes + 1,), index of each shape's first block.
            neighbours: int64 (n, 27), of the batch's blocks, as indices into these.
        """
        counts = blocks[shapes + 1] - blocks[shapes]
        before = (np.cumsum(counts) - counts) * self.block_edge**3 * _AXES
        batch = zip(shapes.tolist(), before.tolist(), strict=True)
        return ends_of(torch.cat([self.edges[s].long() + first for s, first in batch]), neighbours, self.block_edge)


def ends_of(edges: Tensor, neighbours: Tensor, block_edge: int) -> Tensor:
    """The points (m, 2) at the ends of edges int64 (m,): block * b^3 + point in C order, the lower first."""
    strides, following = _steps(block_edge, edges.device)
    low, axis = edges // _AXES, edges % _AXES
    block, point = low // block_edge**3, low % block_edge**3
    stride = strides[axis]
    beyond = point // stride % block_edge == block_edge - 1
    across = neighbours[block, following[axis]] * block_edge**3 + point - (block_edge - 1) * stride
    return torch.stack([low, torch.where(beyond, across, low + stride)], dim=1)


@functools.cache
def _steps(block_edge: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each axis: from a point of a block to the next, and which of the 27 neighbours comes next."""
    strides = torch.tensor([block_edge**2, block_edge, 1], device=device)
    return strides, torch.tensor(FACES[3:], device=device)


def zero_shares(values: Tensor) -> Tensor:
    """What part of each end's value the value at the zero between them is.

    Args:
        values: float (m, 2), of different signs.

    Returns:
        (m, 2), each row sums to 1.
    """
    size = values.abs()
    return size.flip(1) / size.sum(1, keepdim=True)


def edges_that_change_sign(
    lower: Sequence[NDArray[np.int64]], occupied: NDArray[np.bool_], block_edge: int
) -> NDArray[np.int32]:
    """Numbers (m,) of the edges of one shape that change sign: 4 * lower end + axis.

    An end is block * b^3 + point in C order, the shape's own blocks counted in the order of `BlockSet`.

    Args:
        lower: along each axis the lower ends (m, 3) of these edges, in C order.
        occupied: bool (G, G, G), the blocks that count; all ends lie in some of them.
        block_edge: b, points of a block per axis.
    """
    number = np.cumsum(occupied).reshape(occupied.shape) - 1
    edges = []
    for axis, ends in enumerate(lower):
        block, point = np.divmod(ends, block_edge)
        local = point @ [block_edge * block_edge, block_edge, 1]
        edges.append(_AXES * (number[tuple(block.T)] * block_edge**3 + local) + axis)
    return np.concatenate(edges).astype(np.int32)
