"""The surface of a decoded volume on another grid than the coded one, coarser or finer.

The volume, with the layer of outside points around it (+1, unmoved; `necgs.volume.dmc`), is read as a trilinear
function: T, the TSDF, and u, the displacement. The surface is {x + u(x) : T(x) = 0}. Marching cubes joins it on R^3
points; each vertex lies at a zero of T itself on its grid edge, found by bisection, not at that of a line between the
edge's ends: so vertices are exact on every grid, though the TSDF is truncated at two coded cells, and though a
block-sparse decoder knows nothing but signs away from the surface. For R = K this is what deformable marching cubes
gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from necgs.volume import MAX_RESOLUTION
from necgs.volume.topology import topology

if TYPE_CHECKING:
    from trimesh import Trimesh

FINEST = 4
"""Largest R / K: beyond it triangles only sample the trilinear function more densely."""

BISECTIONS = 10
"""A thousandth of a grid edge; what is left is interpolated."""

PLANES = 16
"""Planes of the grid that are sampled at once, to stay small."""


def check_extraction(coded: int, wanted: int) -> None:
    """Whether a volume of ``coded`` points per axis may be extracted on ``wanted`` ones.

    Raises:
        ValueError: coarser than half the coded grid, four times finer, or beyond `MAX_RESOLUTION` where that is finer.
    """
    low, high = max(4, -(-coded // 2)), max(coded, min(FINEST * coded, MAX_RESOLUTION))
    if not low <= wanted <= high:
        raise ValueError(f"a surface coded on {coded}^3 points can be extracted on {low}^3 to {high}^3, not {wanted}^3")


def extract_at(volume: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Extract the surface of a dense volume on another grid.

    Beside some copies of the volume it needs two bytes for each of the R^3 points.

    Args:
        volume: float (4, K, K, K) or, without deformation, (1, K, K, K): TSDF, then deformation in half cells.
        resolution: R, within the bounds of `check_extraction`.

    Returns:
        vertices (n, 3) and faces int64 (m, 3), as `necgs.volume.dmc.extract`; not differentiable.
    """
    K, R = volume.shape[1], resolution
    check_extraction(K, R)
    volume = volume.detach()
    inside = _inside(volume[0], R)
    mesh = topology(inside)
    within = (mesh.lower >= 0).all(1)
    x, y, z = mesh.lower.clamp(min=0).unbind(1)
    first = (within & inside[x, y, z])[:, None]
    lower, upper = (ends.to(volume.dtype) * (2 / (R - 1)) - 1 for ends in (mesh.lower, mesh.upper))
    tsdf = F.pad(volume[:1], (1,) * 6, value=1.0)
    vertices = _zeros(tsdf, torch.where(first, lower, upper), torch.where(first, upper, lower))
    if len(volume) > 1:
        vertices = vertices + _sampled(F.pad(volume[1:], (1,) * 6), vertices) / (K - 1)
    return vertices, mesh.faces


def mesh_at(volume: Tensor, resolution: int) -> Trimesh:
    """`extract_at` as a ``trimesh.Trimesh``."""
    import trimesh

    vertices, faces = extract_at(volume, resolution)
    return trimesh.Trimesh(vertices.cpu().numpy(), faces.cpu().numpy(), process=False)


def _inside(tsdf: Tensor, R: int) -> Tensor:
    """Bool (R, R, R): where the trilinear function of (K, K, K) points is negative."""
    inside = torch.empty((R, R, R), dtype=torch.bool, device=tsdf.device)
    index = torch.arange(R, device=tsdf.device)
    for start in range(0, R, PLANES):
        planes = _along(tsdf, 0, index[start : start + PLANES], R)
        inside[start : start + PLANES] = _along(_along(planes, 1, index, R), 2, index, R) < 0
    return inside


def _along(values: Tensor, axis: int, index: Tensor, R: int) -> Tensor:
    """Linear interpolation of K points along an axis at some of R points; exact where the two grids meet."""
    K = values.shape[axis]
    low = (index * (K - 1) // (R - 1)).clamp(max=K - 2)
    part = (index * (K - 1) - low * (R - 1)).to(values.dtype) / (R - 1)
    part = part.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return values.index_select(axis, low) * (1 - part) + values.index_select(axis, low + 1) * part


def _zeros(tsdf: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
    """Points (n, 3) where the padded TSDF is zero, between points inside and outside (n, 3)."""
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        negative = _sampled(tsdf, middle) < 0
        inside, outside = torch.where(negative, middle, inside), torch.where(negative, outside, middle)
    near, far = _sampled(tsdf, inside), _sampled(tsdf, outside)
    # Ends whose signs rounding has changed, and the layer of points that are outside by decree, have no zero between.
    t = (near / (near - far)).nan_to_num(0.0, 1.0, 0.0).clamp(0, 1)
    return inside + t * (outside - inside)


def _sampled(padded: Tensor, points: Tensor) -> Tensor:
    """Values (n, c) at points (n, 3) of a volume (c, K + 2, K + 2, K + 2) with a layer around the cube."""
    K = padded.shape[1] - 2
    grid = (points * ((K - 1) / (K + 1))).flip(1)[None, None, None]  # 1 is the outer layer, at 1 + 2 / (K - 1)
    found = F.grid_sample(padded[None], grid, mode="bilinear", padding_mode="border", align_corners=True)
    return found[0, :, 0, 0].T
