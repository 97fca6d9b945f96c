"""Which grid points lie inside a triangle mesh, by the generalised winding number.

Only its rounding is used: the magnitude of a fast winding number is an approximation (Barill et al., Fast Winding
Numbers for Soups and Clouds, 2018). A point counts as inside where |w| > 1/2, so a mesh, or one of its parts, may be
turned inside out.
"""

from __future__ import annotations

import numpy as np

_CHUNK = 1 << 20
_STRIDE = 4


def inside_grid(vertices: np.ndarray, faces: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Classify every point of a grid over [-1, 1]^3.

    Neighbours that are both more than half a cell away from the surface have no surface between them. Where the mesh
    bounds a volume (its faces' edges cancel), they lie on one side: each connected region of such points is asked once.
    Elsewhere the winding number may pass 1/2 in the open: every point within two cells is asked, and a region beyond
    is filled at once only if every fourth point of it along each axis agrees.

    Args:
        vertices: float64 (n, 3).
        faces: int64 (m, 3).
        distance: float32 (K, K, K), unsigned distance to the mesh, exact up to two cells and larger beyond.

    Returns:
        bool (K, K, K).
    """
    from scipy import ndimage

    K = len(distance)
    h = 2.0 / (K - 1)
    closed = _is_closed(vertices, faces)
    far = distance > h * (0.51 if closed else 2.0)
    inside = np.zeros(distance.shape, bool)
    inside[~far] = is_inside(vertices, faces, grid_positions(np.flatnonzero(~far), K))
    labels, regions = ndimage.label(far)
    probes = _one_point_each(labels, regions)
    if not closed:
        lattice = np.arange(K**3, dtype=np.int64).reshape(K, K, K)[::_STRIDE, ::_STRIDE, ::_STRIDE]
        probes = np.concatenate([probes, lattice[far[::_STRIDE, ::_STRIDE, ::_STRIDE]]])
    found = is_inside(vertices, faces, grid_positions(probes, K))
    region = labels.reshape(-1)[probes]
    hits = np.bincount(region, weights=found, minlength=regions + 1)
    asked = np.bincount(region, minlength=regions + 1)
    inside |= ((hits == asked) & (asked > 0))[labels]
    mixed = ((hits > 0) & (hits < asked))[labels]
    inside[mixed] = is_inside(vertices, faces, grid_positions(np.flatnonzero(mixed), K))
    return inside


def grid_positions(index: np.ndarray, resolution: int) -> np.ndarray:
    """Positions float32 (n, 3) of grid points of [-1, 1]^3 given by flat index (x slowest)."""
    points = np.stack(np.unravel_index(index, (resolution,) * 3), axis=1)
    return (points * (2.0 / (resolution - 1)) - 1.0).astype(np.float32)


def _is_closed(vertices: np.ndarray, faces: np.ndarray) -> bool:
    """Whether each edge is passed equally often in both directions, so that winding numbers are whole numbers."""
    _, welded = np.unique(vertices, axis=0, return_inverse=True)
    start = welded.reshape(-1)[faces].astype(np.int64)
    end = np.roll(start, -1, axis=1)
    low, high = np.minimum(start, end).reshape(-1), np.maximum(start, end).reshape(-1)
    _, edge = np.unique(low * len(vertices) + high, return_inverse=True)
    direction = np.sign(end - start).reshape(-1)
    return not np.bincount(edge.reshape(-1), weights=direction).any()


def is_inside(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether each of points (n, 3) lies inside; bool (n,)."""
    import igl

    inside = np.zeros(len(points), bool)
    for start in range(0, len(points), _CHUNK):
        chunk = points[start : start + _CHUNK].astype(np.float64)
        inside[start : start + _CHUNK] = np.abs(igl.fast_winding_number(vertices, faces, chunk)) > 0.5
    return inside


def _one_point_each(labels: np.ndarray, regions: int) -> np.ndarray:
    """Flat index of one point of each region 1..n, slice by slice to stay small."""
    point = np.zeros(regions + 1, np.int64)
    size = labels[0].size
    for x, plane in enumerate(labels):
        point[plane.reshape(-1)] = np.arange(x * size, (x + 1) * size)
    return point[1:]
