"""Deformable marching cubes: from a TSDF-Def volume to a closed triangle mesh, differentiable in all four channels.

Grid point (i, j, k) of a K^3 grid rests at ``-1 + h (i, j, k)`` with ``h = 2 / (K - 1)`` and is moved by
``deformation * h / 2`` per axis, at most half a cell, so that cells never fold. A vertex lies on each grid edge whose
ends have different signs, at the zero of the linear interpolation between the moved ends (Ren et al., Neural
Compression for 3D Geometry Sets, stage 1). A TSDF below zero is inside; zero is outside.

What lies beyond the grid, or in no block, counts as truncated (+1 outside, -1 inside) and unmoved. So the mesh is
closed even where the surface touches the border of the cube, and shapes fill [-1, 1]^3 without a margin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from necgs.volume.topology import Topology, topology, topology_of_blocks

if TYPE_CHECKING:
    from trimesh import Trimesh


def extract(tsdf: Tensor, deformation: Tensor | None = None, *, level: int = 1) -> tuple[Tensor, Tensor]:
    """Extract the zero level set of a dense volume.

    Args:
        tsdf: float or integer (K, K, K), axes x, y, z; positive outside. Any device.
        deformation: of the same type (3, K, K, K) in units of half a cell, normally within [-1, 1]; None is zero.
        level: what stands for 1 in both, where they are a volume's integer codes.

    Returns:
        vertices (n, 3) of ``tsdf``'s dtype, float32 of integers, welded, in the cube's coordinates, differentiable in
        both arguments; faces int64 (m, 3), counter-clockwise seen from outside. Both empty where no point is inside.
    """
    if deformation is not None and deformation.shape != (3, *tsdf.shape):
        raise ValueError(f"a TSDF of {tuple(tsdf.shape)} needs (3, K, K, K), not {tuple(deformation.shape)}")
    mesh = topology(tsdf.detach() < 0)
    K, kind = tsdf.shape[0], tsdf.dtype if tsdf.is_floating_point() else torch.float32
    ends = []
    for points, fill in ((mesh.lower, 1.0), (mesh.upper, 1.0)):
        within = ((points >= 0) & (points < K)).all(1)
        index = _flat(points.clamp(0, K - 1), K)
        distance = torch.where(within, tsdf.reshape(-1).index_select(0, index).to(kind) / level, fill)
        move = None
        if deformation is not None:
            there = deformation.reshape(3, -1).index_select(1, index).T.to(kind) / level
            move = torch.where(within[:, None], there, 0.0)
        ends.append((distance, move))
    return interpolate(mesh, *ends[0], *ends[1], resolution=K), mesh.faces


def extract_blocks(
    values: Tensor, blocks: Tensor, resolution: int, inside_elsewhere: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Extract the zero level set of a volume of which only some blocks of b^3 points are given.

    Equal to `extract` on the dense volume when each point beside a sign change lies in a given block. Beside the
    blocks themselves it needs some slices of the grid on a CPU, some bytes a grid point on a GPU.

    Args:
        values: float (n, 4, b, b, b) or, without deformation, (n, 1, b, b, b): TSDF, then deformation.
        blocks: int64 (n, 3), block coordinates (x, y, z): block (i, j, k) starts at grid point (i b, j b, k b).
        resolution: K, points per axis; a multiple of b.
        inside_elsewhere: bool (K/b, K/b, K/b), whether a block that is not given is inside; None: all are outside.

    Returns:
        vertices (n, 3), differentiable in ``values``, and faces int64 (m, 3), as `extract`.
    """
    n, channels, b = values.shape[0], values.shape[1], values.shape[2]
    K, side = resolution, resolution // values.shape[2]
    if values.shape[2:] != (b, b, b) or channels not in (1, 4) or K % b or blocks.shape != (n, 3):
        raise ValueError(f"blocks {tuple(values.shape)} at {tuple(blocks.shape)} do not tile a grid of {K}^3 points")
    if n and (int(blocks.min()) < 0 or int(blocks.max()) >= side):
        raise ValueError(f"block coordinates must lie in 0..{side - 1}")
    coarse = torch.zeros([side] * 3, dtype=torch.bool, device=values.device)
    coarse = coarse if inside_elsewhere is None else inside_elsewhere
    mesh = topology_of_blocks(values.detach()[:, 0] < 0, blocks, coarse)
    x, y, z = blocks.unbind(1)
    row = torch.full([side] * 3, -1, dtype=torch.int64, device=values.device)
    row[x, y, z] = torch.arange(n, device=values.device)
    ends = [_gather_from_blocks(values, row, coarse, points, K) for points in (mesh.lower, mesh.upper)]
    return interpolate(mesh, *ends[0], *ends[1], resolution=K), mesh.faces


def interpolate(
    mesh: Topology,
    distance_lower: Tensor,
    move_lower: Tensor | None,
    distance_upper: Tensor,
    move_upper: Tensor | None,
    *,
    resolution: int,
) -> Tensor:
    """Place a vertex on each crossed edge, given the values at the edges' two ends.

    Args:
        mesh: n crossed edges.
        distance_lower: (n,), TSDF at the lower ends; of the other sign than ``distance_upper``, or zero.
        move_lower: (n, 3), deformation of the lower ends in half cells, or None.
        distance_upper: (n,), TSDF at the upper ends.
        move_upper: (n, 3), deformation of the upper ends, or None.
        resolution: K.

    Returns:
        vertices (n, 3), differentiable in the four values.
    """
    h = 2.0 / (resolution - 1)
    start = mesh.lower.to(distance_lower.dtype) * h - 1
    end = mesh.upper.to(distance_lower.dtype) * h - 1
    if move_lower is not None and move_upper is not None:
        start = start + move_lower * (h / 2)
        end = end + move_upper * (h / 2)
    t = distance_lower / (distance_lower - distance_upper)
    return start + t[:, None] * (end - start)


def mesh_of(tsdf: Tensor, deformation: Tensor | None = None, *, level: int = 1) -> Trimesh:
    """`extract` as a ``trimesh.Trimesh`` (vertices as extracted: nothing is merged or dropped)."""
    import trimesh

    with torch.no_grad():
        vertices, faces = extract(tsdf, deformation, level=level)
    return trimesh.Trimesh(vertices.cpu().numpy(), faces.cpu().numpy(), process=False)


def _flat(points: Tensor, K: int) -> Tensor:
    return (points[:, 0] * K + points[:, 1]) * K + points[:, 2]


def _gather_from_blocks(
    values: Tensor, row: Tensor, coarse: Tensor, points: Tensor, K: int
) -> tuple[Tensor, Tensor | None]:
    """TSDF (n,) and deformation (n, 3) at grid points, some of which lie in no block."""
    channels, b = values.shape[1], values.shape[2]
    clamped = points.clamp(0, K - 1)
    block = _flat(clamped // b, K // b)
    given = (points == clamped).all(1) & (row.reshape(-1)[block] >= 0)
    index = (row.reshape(-1)[block].clamp(min=0) * channels * b**3) + _flat(clamped % b, b)
    flat = values.reshape(-1)
    fill = torch.where((points == clamped).all(1) & coarse.reshape(-1)[block], -1.0, 1.0).to(values.dtype)
    if not len(flat):
        return fill, None
    distance = torch.where(given, flat.index_select(0, index), fill)
    if channels == 1:
        return distance, None
    moves = [torch.where(given, flat.index_select(0, index + c * b**3), 0.0) for c in (1, 2, 3)]
    return distance, torch.stack(moves, dim=1)
