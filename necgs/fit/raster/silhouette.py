"""Antialiased silhouette, differentiable in the vertices.

The silhouette's edges drive the antialiasing, not the faces that the pixels see: a rule that looks only at the edges of
the visible face gives almost no gradient where triangles are about as small as pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Edges:
    """Edges of a mesh with the faces on either side. An edge of more than two faces stands once per adjacent pair.

    Args:
        ends: int64 (E, 2), vertices.
        faces: int64 (E, 2), faces; the second is -1 on a boundary.
    """

    ends: Tensor
    faces: Tensor


def edges_of(faces: Tensor) -> Edges:
    """Pair the faces of a mesh over their edges. Depends on the topology alone: compute it once for all views."""
    sides = torch.stack([faces, faces.roll(-1, dims=1)], dim=2).reshape(-1, 2)
    low, high = sides.amin(1), sides.amax(1)
    span = int(faces.max()) + 1 if len(faces) else 1
    key, order = torch.sort(low * span + high, stable=True)
    owner = order // 3
    starts = torch.ones(len(key), dtype=torch.bool, device=key.device)
    starts[1:] = key[1:] != key[:-1]
    joined = torch.nonzero(~starts)[:, 0]  # with its predecessor
    ends_here = torch.ones_like(starts)
    ends_here[:-1] = starts[1:]
    alone = torch.nonzero(starts & ends_here)[:, 0]
    position = torch.cat([joined, alone])
    pairs = torch.cat(
        [
            torch.stack([owner[joined - 1], owner[joined]], dim=1),
            torch.stack([owner[alone], torch.full_like(alone, -1)], dim=1),
        ]
    )
    return Edges(torch.stack([key[position] // span, key[position] % span], dim=1), pairs)


def silhouette_of(xy: Tensor, faces: Tensor, ids: Tensor, edges: Edges) -> Tensor:
    """Coverage of each pixel, antialiased along the silhouette.

    A silhouette edge lies between a face that is seen from its front and one that is seen from its back, or on a
    boundary. A steep edge is followed over the rows, a flat one over the columns whose pixel centres it passes
    (following both ways would count it twice). Where it passes between a covered pixel and an empty neighbour, at the
    fraction t of the way from the covered centre, ``t - 1/2`` is added to the pixel in which it passes. Of several
    such edges the outermost counts.

    Args:
        xy: float (B, V, 2), projected vertices in pixels.
        faces: int64 (F, 3).
        ids: int64 (B, H, H), visible faces, -1 for none.
        edges: of ``faces``.

    Returns:
        float (B, H, H): 1 inside, 0 outside, in between along the silhouette (at corners it may exceed 1 a little);
        differentiable in ``xy``.
    """
    covered = ids >= 0
    view, ends = _silhouette_edges(xy.detach(), faces, edges)
    flat = xy.reshape(-1, 2)
    a, b = (flat.index_select(0, view * xy.shape[1] + ends[:, i]) for i in range(2))
    width, height = (b - a).detach().abs().unbind(1)
    steep = height > width
    image = covered.to(xy.dtype)
    for along, chosen in ((1, torch.nonzero(steep)[:, 0]), (0, torch.nonzero(~steep)[:, 0])):
        image = image + _crossings(a[chosen], b[chosen], view[chosen], covered, along)
    return image


def _silhouette_edges(xy: Tensor, faces: Tensor, edges: Edges) -> tuple[Tensor, Tensor]:
    """View (n,) and vertices (n, 2) of the silhouette edges of all views."""
    a, b, c = (xy.index_select(1, faces[:, i]) for i in range(3))
    u, v = b - a, c - a
    front = u[..., 0] * v[..., 1] > u[..., 1] * v[..., 0]  # a face without area counts as a back face
    first, second = front[:, edges.faces[:, 0]], front[:, edges.faces[:, 1]]
    view, edge = torch.nonzero((first != second) | (edges.faces[:, 1] < 0), as_tuple=True)
    return view, edges.ends[edge]


def _crossings(a: Tensor, b: Tensor, view: Tensor, covered: Tensor, along: int) -> Tensor:
    """What edges a-b (n, 2) add to the image where they pass the centres of rows (``along`` 1) or columns (0)."""
    size = covered.shape[-1]
    low, high = torch.minimum(a, b)[:, along].detach(), torch.maximum(a, b)[:, along].detach()
    first = torch.ceil(low - 0.5).clamp(0, size).long()
    count = (torch.ceil(high - 0.5).clamp(0, size).long() - first).clamp(min=0)
    edge = torch.repeat_interleave(torch.arange(len(a), device=a.device), count)
    line = first[edge] + torch.arange(len(edge), device=a.device) - (count.cumsum(0) - count)[edge]
    start, step = a[edge], (b - a)[edge]
    across = 1 - along
    position = start[:, across] + (line + 0.5 - start[:, along]) / step[:, along] * step[:, across]

    before = torch.floor(position.detach() - 0.5).long()
    kept = torch.nonzero((before >= 0) & (before < size - 1))[:, 0]
    edge, line, position, before, view = edge[kept], line[kept], position[kept], before[kept], view[edge[kept]]
    pixel, stride = _pixels(view, line, before, size, along)
    flat = covered.reshape(-1)
    near_covered, far_covered = flat[pixel], flat[pixel + stride]
    kept = torch.nonzero(near_covered != far_covered)[:, 0]
    position, before, pixel, near_covered = position[kept], before[kept], pixel[kept], near_covered[kept]
    t = position - (before.to(position.dtype) + 0.5)
    t = torch.where(near_covered, t, 1 - t)
    chosen = _last_of_each(pixel, t.detach())
    t, pixel, near_covered = t[chosen], pixel[chosen], near_covered[chosen]
    target = torch.where((t.detach() > 0.5) == near_covered, pixel + stride, pixel)
    added = torch.zeros(covered.numel(), dtype=a.dtype, device=a.device).index_add(0, target, t - 0.5)
    return added.reshape(covered.shape)


def _pixels(view: Tensor, line: Tensor, before: Tensor, size: int, along: int) -> tuple[Tensor, int]:
    """Flat index of the pixel before each crossing, and the step to its neighbour behind the crossing."""
    if along == 1:
        return (view * size + line) * size + before, 1
    return (view * size + before) * size + line, size


def _last_of_each(key: Tensor, value: Tensor) -> Tensor:
    """Index of the entry with the largest value of each key."""
    order = torch.argsort(value, stable=True)
    order = order[torch.argsort(key[order], stable=True)]
    last = torch.ones(len(order), dtype=torch.bool, device=key.device)
    last[:-1] = key[order][1:] != key[order][:-1]
    return order[last]
