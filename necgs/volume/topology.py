"""Which grid edges an isosurface crosses and how the crossings are joined: marching cubes without any coordinate.

The index half of deformable marching cubes. It depends on the signs alone, so nothing here is differentiated. Two
back ends give the same arrays in the same order: a compiled loop on the CPU, torch operations on any device.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.volume.grid_bits import SLAB, GridBits
from necgs.volume.marching_cubes_tables import CORNERS, EDGE_AXIS, EDGE_CORNER, TRIANGLE_COUNT, TRIANGLES

Slab = Callable[[int, int], NDArray[np.bool_]]
"""Slices of a grid along x from the first to the last, exclusive: bool (last - first, K, K)."""


@dataclass(frozen=True)
class Topology:
    """The crossed grid edges, ordered by lower end (x, y, z), then axis, and the triangles over them.

    Args:
        lower: int64 (n, 3), grid indices of each edge's lower end; -1 is the layer of outside points around the grid.
        upper: int64 (n, 3), grid indices of the upper end; K is the layer of outside points on the other side.
        faces: int64 (m, 3), rows of ``lower``; counter-clockwise seen from outside.
    """

    lower: Tensor
    upper: Tensor
    faces: Tensor


def topology(inside: Tensor | GridBits, backend: str = "auto") -> Topology:
    """Join the sign changes of a grid into a closed triangle mesh.

    The grid is surrounded by one layer of outside points, so the mesh is closed whatever the volume holds.

    Args:
        inside: bool (K, K, K), axes x, y, z, or the bits of such a grid, which are read some slices at a time.
        backend: ``numba``, ``torch``, or ``auto``: numba where ``inside`` is on the CPU. Bits are read by numba.
    """
    if isinstance(inside, GridBits):
        return _topology_numba(inside.slab, inside.resolution)
    if inside.ndim != 3 or inside.dtype != torch.bool or len(set(inside.shape)) != 1:
        raise ValueError(f"inside must be a bool cube (K, K, K), not {inside.dtype} {tuple(inside.shape)}")
    if backend == "torch" or (backend == "auto" and inside.device.type != "cpu"):
        return _topology_torch(torch.nn.functional.pad(inside, (1, 1, 1, 1, 1, 1)))
    grid = inside.numpy()
    return _topology_numba(lambda first, last: grid[first:last], len(grid))


def topology_of_blocks(inside: Tensor, blocks: Tensor, elsewhere: Tensor) -> Topology:
    """`topology` of a grid that is given in blocks.

    Args:
        inside: bool (n, b, b, b), of the points of some blocks.
        blocks: int64 (n, 3), where they lie among all blocks.
        elsewhere: bool (G, G, G), of all other blocks.
    """
    G, b = len(elsewhere), inside.shape[1]
    if inside.device.type == "cpu":
        return _topology_numba(_slabs_of_blocks(inside, blocks, elsewhere), G * b)
    whole = elsewhere[:, None, :, None, :, None].repeat(1, b, 1, b, 1, b)
    x, y, z = blocks.unbind(1)
    whole[x, :, y, :, z, :] = inside
    return topology(whole.view(G * b, G * b, G * b))


def _slabs_of_blocks(inside: Tensor, blocks: Tensor, elsewhere: Tensor) -> Slab:
    own, places, coarse = inside.numpy(), blocks.numpy(), elsewhere.numpy()
    order = np.argsort(places[:, 0], kind="stable")
    G, b = len(coarse), own.shape[1]
    ends = np.searchsorted(places[order, 0], np.arange(G + 1))

    def slab(first: int, last: int) -> NDArray[np.bool_]:
        low, high = first // b, -(-last // b)
        layers = coarse[low:high, None, :, None, :, None].repeat(b, 1).repeat(b, 3).repeat(b, 5)
        rows = order[ends[low] : ends[high]]
        x, y, z = places[rows].T
        layers[x - low, :, y, :, z, :] = own[rows]
        return layers.reshape(-1, G * b, G * b)[first - low * b : last - low * b]

    return slab


def _topology_numba(slab: Slab, K: int) -> Topology:
    lower, axis, faces = _join(K + 2, *_cells(slab, K))
    start = torch.from_numpy(lower)
    return Topology(start, start + torch.eye(3, dtype=torch.int64)[torch.from_numpy(axis)], torch.from_numpy(faces))


def _cells(slab: Slab, K: int) -> tuple[np.ndarray, np.ndarray]:
    """`_active_cells` of a grid with a layer of outside points around it, of which ``slab`` gives slices."""
    cells, cases = [], []
    for first in range(0, K + 1, SLAB):  # slices of the padded grid, which are one further
        last = min(first + SLAB, K + 1)
        padded = np.zeros((last + 1 - first, K + 2, K + 2), np.uint8)
        low, high = max(first - 1, 0), min(last, K)
        padded[low + 1 - first : high + 1 - first, 1:-1, 1:-1] = slab(low, high)
        found = _active_cells(padded)
        found[0][:, 0] += first
        cells.append(found[0])
        cases.append(found[1])
    return np.concatenate(cells), np.concatenate(cases)


def _topology_torch(padded: Tensor) -> Topology:
    """The same as `_active_cells` and `_join`, as whole-volume operations: what a GPU wants."""
    device, size = padded.device, padded.shape[0]
    bits = padded.to(torch.uint8)
    case = torch.zeros([size - 1] * 3, dtype=torch.uint8, device=device)
    for corner, (x, y, z) in enumerate(CORNERS.tolist()):
        case |= bits[x : x + size - 1, y : y + size - 1, z : z + size - 1] << corner
    cells = torch.nonzero((case > 0) & (case < 255))
    case = case[cells[:, 0], cells[:, 1], cells[:, 2]].long()

    crossed = torch.stack([(case & 1) != (case >> (1 << axis) & 1) for axis in range(3)], dim=1)
    keys = ((cells[:, 0] * size + cells[:, 1]) * size + cells[:, 2])[:, None] * 3 + torch.arange(3, device=device)
    owner, axis = torch.nonzero(crossed, as_tuple=True)
    lower = cells[owner] - 1

    tables = _tables(device)
    triangles = tables.triangles[case]
    cell, triangle = torch.nonzero(triangles[:, :, 0] >= 0, as_tuple=True)
    edges, first = triangles[cell, triangle], keys[:, 0][cell]
    x, y, z = tables.corners.unbind(1)
    shift = ((x * size + y) * size + z) * 3 + tables.axes
    faces = torch.searchsorted(keys[owner, axis], first[:, None] + shift[edges])
    return Topology(lower, lower + tables.steps[axis], faces)


@dataclass(frozen=True)
class _Tables:
    """Marching cubes' tables on a device: triangles of each case, lower corner and axis of each edge, unit steps."""

    triangles: Tensor
    corners: Tensor
    axes: Tensor
    steps: Tensor


@functools.cache
def _tables(device: torch.device) -> _Tables:
    tables = (TRIANGLES, CORNERS[EDGE_CORNER], EDGE_AXIS, np.eye(3, dtype=np.int64))
    return _Tables(*(torch.from_numpy(table).to(device) for table in tables))


@numba.njit(cache=True)
def _active_cells(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells with corners on both sides: lower corner int32 (c, 3) and case uint8 (c,).

    Args:
        inside: uint8 (slices, S, S), 0 or 1.
    """
    size = inside.shape[1]
    count = 0
    cells = np.empty((1 << 12, 3), np.int32)
    cases = np.empty(1 << 12, np.uint8)
    for x in range(len(inside) - 1):
        for y in range(size - 1):
            if count + size > len(cases):
                cells = np.concatenate((cells, np.empty_like(cells)))
                cases = np.concatenate((cases, np.empty_like(cases)))
            near, far = inside[x, y], inside[x + 1, y]
            near_up, far_up = inside[x, y + 1], inside[x + 1, y + 1]
            above = near[0] | far[0] << 1 | near_up[0] << 2 | far_up[0] << 3
            for z in range(size - 1):
                below = above
                above = near[z + 1] | far[z + 1] << 1 | near_up[z + 1] << 2 | far_up[z + 1] << 3
                case = below | above << 4
                if case != 0 and case != 255:
                    cells[count, 0], cells[count, 1], cells[count, 2] = x, y, z
                    cases[count] = case
                    count += 1
    return cells[:count], cases[:count]


@numba.njit(cache=True)
def _join(size: int, cells: np.ndarray, cases: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the crossings and look up the triangles; memory O(cells + K^2).

    The tables are compiled in and the code is cached by this file's date: touch it when they change.
    """
    first = np.empty(len(cells) + 1, np.int64)  # a cell owns the crossings of the three edges at its lower corner
    triangles = 0
    first[0] = 0
    for i in range(len(cells)):
        case = cases[i]
        first[i + 1] = first[i] + _crossed(case, 0) + _crossed(case, 1) + _crossed(case, 2)
        triangles += TRIANGLE_COUNT[case]

    lower = np.empty((first[-1], 3), np.int64)
    axes = np.empty(first[-1], np.int64)
    faces = np.empty((triangles, 3), np.int64)
    at = np.empty((2, size, size), np.int32)  # cell number by position, for two slices at a time
    seen, face = 0, 0
    for i in range(len(cells)):
        x, y, z = cells[i]
        while seen < len(cells) and cells[seen, 0] <= x + 1:
            at[cells[seen, 0] & 1, cells[seen, 1], cells[seen, 2]] = seen
            seen += 1
        vertex = first[i]
        for axis in range(3):
            if _crossed(cases[i], axis):
                lower[vertex, 0], lower[vertex, 1], lower[vertex, 2] = x - 1, y - 1, z - 1
                axes[vertex] = axis
                vertex += 1
        for triangle in range(TRIANGLE_COUNT[cases[i]]):
            for k in range(3):
                edge = TRIANGLES[cases[i], triangle, k]
                corner, axis = EDGE_CORNER[edge], EDGE_AXIS[edge]
                owner = at[(x + (corner & 1)) & 1, y + (corner >> 1 & 1), z + (corner >> 2 & 1)]
                before = 0
                for other in range(axis):
                    before += _crossed(cases[owner], other)
                faces[face, k] = first[owner] + before
            face += 1
    return lower, axes, faces


@numba.njit(cache=True, inline="always")
def _crossed(case: int, axis: int) -> int:
    """1 when the edge from the cell's lower corner along ``axis`` changes sides, else 0."""
    return (case ^ (case >> (1 << axis))) & 1
