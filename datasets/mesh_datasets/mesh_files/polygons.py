"""Polygons in space into triangles that stay inside of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

_ROUNDING = 1e-9
"""Share of a polygon's area by which rounding may turn a triangle inside out."""


def triangulate(vertices: NDArray[np.float64], corners: Indices, sizes: Indices) -> Indices:
    """The triangles (f, 3) of polygons, in their order; n corners give n - 2 triangles, fewer than 3 give none.

    A polygon is cut into the fan about its first corner where the fan stays inside, as it does in every convex
    polygon. Else ears are clipped (manifold3d) in the axis-parallel plane that shows most of it. A polygon that crosses
    itself has no inside and keeps its fan.

    Args:
        vertices: (v, 3).
        corners: indices of vertices, polygon after polygon.
        sizes: number of corners of each polygon; they add up to ``len(corners)``.

    Raises:
        ValueError: an index out of range.
    """
    starts = np.cumsum(sizes) - sizes
    if len(corners) and not 0 <= corners.min() <= corners.max() < len(vertices):
        low, high = corners.min(), corners.max()
        raise ValueError(f"face indices run from {low} to {high}, but there are {len(vertices)} vertices")
    triangles = np.maximum(sizes - 2, 0)
    first = np.cumsum(triangles) - triangles
    faces = np.empty((int(triangles.sum()), 3), dtype=np.int64)
    for size in np.unique(sizes[sizes > 2]):
        chosen = np.flatnonzero(sizes == size)
        polygons = corners[starts[chosen, None] + np.arange(size)]
        local = _local_triangles(vertices, polygons)
        rows = first[chosen, None] + np.arange(size - 2)
        faces[rows] = np.take_along_axis(polygons[:, None, :], local, axis=2)
    return faces


def strips(runs: Indices, restart: int = -1) -> Indices:
    """The triangles (f, 3) of triangle strips, which the index ``restart`` separates.

    Every second triangle of a strip is turned; those with a repeated corner, which only join strips, are left out.
    """
    ends = np.flatnonzero(np.append(runs, restart) == restart)
    faces = [np.zeros((0, 3), dtype=np.int64)]
    for start, end in zip(np.append(0, ends[:-1] + 1), ends, strict=True):
        if end - start >= 3:
            strip = np.lib.stride_tricks.sliding_window_view(runs[start:end], 3).copy()
            strip[1::2] = strip[1::2, [1, 0, 2]]
            faces.append(strip)
    joined = np.concatenate(faces)
    repeated = (joined == np.roll(joined, 1, axis=1)).any(axis=1)
    return np.asarray(joined[~repeated])


def _local_triangles(vertices: NDArray[np.float64], polygons: Indices) -> Indices:
    """(p, n - 2, 3) corner numbers of p polygons of n corners."""
    size = polygons.shape[1]
    fan = np.array([(0, i, i + 1) if size != 4 or i == 1 else (2, 3, 0) for i in range(1, size - 1)])
    local = np.broadcast_to(fan, (len(polygons), size - 2, 3))
    if size == 3:
        return local
    with np.errstate(all="ignore"):  # coordinates that are not finite are refused later
        flat = _flattened(vertices[polygons])
        leaves = ~_covers(flat, local)
    if not leaves.any():
        return local
    local = local.copy()
    for index in np.flatnonzero(leaves):
        local[index] = _clipped(flat[index], fan)
    return local


def _flattened(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(p, n, 3) polygons into (p, n, 2): the coordinates but one, such that each polygon turns to the left."""
    points = points - points[:, :1]
    normal = np.cross(points[:, 1:-1], points[:, 2:]).sum(axis=1)
    axis = np.abs(normal).argmax(axis=1)
    facing = np.take_along_axis(normal, axis[:, None], axis=1) >= 0
    ahead, behind = (axis[:, None] + 1) % 3, (axis[:, None] + 2) % 3
    kept = np.stack([np.where(facing, ahead, behind), np.where(facing, behind, ahead)], axis=2)
    return np.take_along_axis(points, kept, axis=2)


def _covers(flat: NDArray[np.float64], local: Indices) -> NDArray[np.bool_]:
    """bool (p,): no triangle is inside out. Their areas then add up to the polygon's, so they lie inside of it."""
    corner = [np.take_along_axis(flat, local[:, :, k, None], axis=1) for k in range(3)]
    along, across = corner[1] - corner[0], corner[2] - corner[0]
    doubled = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    return np.asarray((doubled >= -_ROUNDING * np.abs(doubled.sum(axis=1, keepdims=True))).all(axis=1))


def _clipped(flat: NDArray[np.float64], fan: Indices) -> Indices:
    """(n - 2, 3) corner numbers for one polygon (n, 2) whose fan leaves it."""
    from manifold3d import triangulate as clip_ears

    if not np.isfinite(flat).all():
        return fan
    ears = np.asarray(clip_ears([np.ascontiguousarray(flat)]), dtype=np.int64)
    return ears if ears.shape == fan.shape and _covers(flat[None], ears[None])[0] else fan
