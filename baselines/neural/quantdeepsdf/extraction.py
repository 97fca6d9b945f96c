"""From a field to its surface, evaluating it only where the surface can be.

The grid is cut into blocks of 4^3 points. First the field is probed at the corners and the centre of every block: every
point of a block then has a probe within 2.24 cells, and a distance field changes by 1/2 a cell (TSDF units). A block is
evaluated completely where its probes have different signs, or where the smallest magnitude among them is below a
*reach*.

A network only resembles a distance field, so no fixed reach is right for all. The encoder measures the smallest one
with which no crossing is missed (`smallest_reach`, on a full evaluation) and stores it: one byte a shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from baselines.neural.quantdeepsdf.network import Field
from necgs.volume.dmc import extract_blocks
from necgs.volume.surface_memory import surface_bytes

if TYPE_CHECKING:
    from trimesh import Trimesh

BLOCK = 4
GROUP = 1 << 14
"""Blocks whose points are listed at a time."""

REACH_UNITS = 64
"""A stored reach counts in 1/64."""

EVERYWHERE = 255
"""The reach that evaluates every block."""


@dataclass(frozen=True)
class Blocks:
    """A volume of which only some blocks are known.

    Args:
        values: float (n, channels, 4, 4, 4).
        where: int64 (n, 3), block coordinates.
        inside: bool (G, G, G), the side of each block that is not among them.
        resolution: K.
    """

    values: Tensor
    where: Tensor
    inside: Tensor
    resolution: int

    @property
    def finite(self) -> bool:
        """Whether all values are."""
        return bool(torch.isfinite(self.values).all())

    @property
    def surface_bytes(self) -> int:
        """About the memory that `mesh` takes: by the grid edges within blocks that the surface crosses."""
        return surface_bytes(self.values[:, 0].cpu().numpy())

    def mesh(self) -> Trimesh:
        """The surface, by deformable marching cubes."""
        import trimesh

        with torch.no_grad():
            vertices, faces = extract_blocks(self.values, self.where, self.resolution, self.inside)
        return trimesh.Trimesh(vertices.cpu().numpy(), faces.cpu().numpy(), process=False)


def evaluated(field: Field, reach: int) -> Blocks:
    """Evaluate a field wherever its surface can be.

    Args:
        field: of one shape.
        reach: 0..255.
    """
    probes = probe(field)
    where = torch.nonzero(active_blocks(probes, reach))
    return Blocks(evaluate(field, where), where, probes[0] < 0, field.resolution)


def probe(field: Field) -> Tensor:
    """TSDF at the probes of each block: float (9, G, G, G), G = K/4; the first is the block's own first point."""
    K, side = field.resolution, field.resolution // BLOCK
    corners = (torch.arange(side + 1, device=field.device) * BLOCK).clamp(max=K - 1)
    at_corners = _tsdf(field, corners)
    shifted = [
        at_corners[x : x + side, y : y + side, z : z + side] for x in range(2) for y in range(2) for z in range(2)
    ]
    return torch.stack([*shifted, _tsdf(field, torch.arange(side, device=field.device) * BLOCK + BLOCK // 2)])


def active_blocks(probes: Tensor, reach: int) -> Tensor:
    """Bool (G, G, G): the blocks to evaluate, given their probes (9, G, G, G)."""
    if reach >= EVERYWHERE:
        return torch.ones_like(probes[0], dtype=torch.bool)
    return _mixed(probes) | (probes.abs().amin(0) < reach / REACH_UNITS)


def evaluate(field: Field, blocks: Tensor) -> Tensor:
    """Values float (n, channels, 4, 4, 4) of blocks int64 (n, 3)."""
    axis = torch.arange(BLOCK, device=field.device)
    within = torch.cartesian_prod(axis, axis, axis)
    values = torch.empty((len(blocks), field.channels, BLOCK**3), device=field.device)
    for start in range(0, len(blocks), GROUP):
        points = blocks[start : start + GROUP, None] * BLOCK + within
        part = field(points.reshape(-1, 3)).reshape(-1, BLOCK**3, field.channels)
        values[start : start + GROUP] = part.transpose(1, 2)
    return values.reshape(-1, field.channels, BLOCK, BLOCK, BLOCK)


def smallest_reach(field: Field) -> int:
    """The least reach with which `evaluated` misses nothing that a full evaluation finds."""
    side = field.resolution // BLOCK
    probes = probe(field)
    grid = torch.arange(side, device=field.device)
    values = evaluate(field, torch.cartesian_prod(grid, grid, grid))[:, 0]
    dense = values.reshape(side, side, side, BLOCK, BLOCK, BLOCK).permute(0, 3, 1, 4, 2, 5)
    needed = crossed_blocks(dense.reshape([field.resolution] * 3) < 0) & ~_mixed(probes)
    if not bool(needed.any()):
        return 0
    return min(EVERYWHERE, int(probes.abs().amin(0)[needed].max() * REACH_UNITS) + 1)


def crossed_blocks(inside: Tensor) -> Tensor:
    """Bool (G, G, G): blocks with a point that has a neighbour on the other side; beyond the grid all is outside.

    Args:
        inside: bool (K, K, K).
    """
    padded = torch.nn.functional.pad(inside, (1, 1, 1, 1, 1, 1))
    beside = torch.zeros_like(padded)
    for axis in range(3):
        low, high = padded.narrow(axis, 0, padded.shape[axis] - 1), padded.narrow(axis, 1, padded.shape[axis] - 1)
        beside.narrow(axis, 0, padded.shape[axis] - 1).logical_or_(low != high)
        beside.narrow(axis, 1, padded.shape[axis] - 1).logical_or_(low != high)
    side = inside.shape[0] // BLOCK
    points = beside[1:-1, 1:-1, 1:-1].reshape(side, BLOCK, side, BLOCK, side, BLOCK)
    return points.permute(0, 2, 4, 1, 3, 5).flatten(3).any(3)


def _tsdf(field: Field, axis: Tensor) -> Tensor:
    """TSDF on the grid of all triples of indices from ``axis``."""
    return field(torch.cartesian_prod(axis, axis, axis))[:, 0].reshape([len(axis)] * 3)


def _mixed(probes: Tensor) -> Tensor:
    inside = probes < 0
    return inside.any(0) & ~inside.all(0)
