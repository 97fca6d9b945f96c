"""Blocks of whole volumes, by operations on whole grids: what sparse volumes are held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from necgs.decoder.blocks import States
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE


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
