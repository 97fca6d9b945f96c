"""Depth of the visible surface, differentiable in the vertices."""

from __future__ import annotations

import torch
from torch import Tensor


def depth_of(xy: Tensor, z: Tensor, faces: Tensor, ids: Tensor) -> Tensor:
    """Depth at each pixel centre, computed from the three vertices of the face that it sees.

    Inverse depth is linear on the screen; its weights are ratios of areas around the pixel centre, so the gradient of
    the intersection of the pixel's ray with the face's plane is exact.

    Args:
        xy: float (B, V, 2), projected vertices in pixels.
        z: float (B, V), depth of the vertices.
        faces: int64 (F, 3).
        ids: int64 (B, H, W), visible faces, -1 for none.

    Returns:
        float (B, H, W), zero where nothing is seen; differentiable in ``xy`` and ``z``.
    """
    V = xy.shape[1]
    view, row, column = torch.nonzero(ids >= 0, as_tuple=True)
    corner = (faces[ids[view, row, column]] + (view * V)[:, None]).T  # (3, n)
    flat_xy, flat_z = xy.reshape(-1, 2), z.reshape(-1)
    centre = torch.stack([column, row], dim=1).to(xy.dtype) + 0.5
    a, b, c = (flat_xy.index_select(0, index) - centre for index in corner)
    weights = [_cross(b, c), _cross(c, a), _cross(a, b)]
    depths = [flat_z.index_select(0, index) for index in corner]
    inverse = sum(w / one for w, one in zip(weights, depths, strict=True))
    depth = _near((weights[0] + weights[1] + weights[2]) / inverse, depths)
    return torch.zeros(ids.shape, dtype=xy.dtype, device=xy.device).index_put((view, row, column), depth)


def _near(depth: Tensor, depths: list[Tensor]) -> Tensor:
    """``depth`` kept near the range of the face's three: rasterisers snap vertices to fractions of a pixel.

    So a pixel can see a face that it just misses, whose plane, prolonged, may be anywhere; it then has no gradient.
    """
    low = torch.minimum(torch.minimum(depths[0], depths[1]), depths[2]).detach()
    high = torch.maximum(torch.maximum(depths[0], depths[1]), depths[2]).detach()
    slack = 0.1 * (high - low) + 1e-3 * high
    return torch.clamp(depth, low - slack, high + slack)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
