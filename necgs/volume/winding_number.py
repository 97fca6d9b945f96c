"""On which side of a triangle mesh grid points lie, by the generalised winding number.

Only its rounding is used: the magnitude of a fast winding number is an approximation (Barill et al., Fast Winding
Numbers for Soups and Clouds, 2018). The rounded number changes by one across a surface, so that sides which alternate
keep every surface, also those inside a solid: eyes in a head, parts that overlap, limbs that pass through each other.
A mesh, or one of its parts, may be turned inside out.
"""

from __future__ import annotations

import numpy as np

from necgs.volume.grid_regions import GridRegions
from necgs.volume.ray_winding import ray_winding

_CHUNK = 1 << 20
_STRIDE = 4
_LIMIT = 127


def inside_grid(vertices: np.ndarray, faces: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Give every point of a grid over [-1, 1]^3 a side, such that the sides differ across the mesh.

    Args:
        vertices: float64 (n, 3).
        faces: int64 (m, 3).
        distance: float32 (K, K, K), unsigned distance to the mesh, exact up to two cells and larger beyond.

    Returns:
        bool (K, K, K).
    """
    winding = _winding_grid(vertices, faces, distance)
    return winding != 0 if _distinct(winding) <= 2 else _alternating_sides(winding)


def _distinct(winding: np.ndarray) -> int:
    """How many numbers there are, slice by slice to stay small."""
    there = np.zeros(256, bool)
    for plane in winding.view(np.uint8):
        there[plane.reshape(-1)] = True
    return int(there.sum())


def _winding_grid(vertices: np.ndarray, faces: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Rounded winding number of every grid point, int8 (K, K, K).

    Neighbours that are both more than half a cell away from the surface have no surface between them. Where the mesh
    bounds a volume (its faces' edges cancel), they have one winding number: each connected region of such points is
    asked once. Elsewhere the number may change in the open: every point within two cells is asked, and a region beyond
    is filled at once only if every fourth point of it along each axis agrees.
    """
    K = len(distance)
    h = 2.0 / (K - 1)
    closed = is_closed(vertices, faces)
    far = distance > h * (0.51 if closed else 2.0)
    regions = GridRegions.of(far)
    probes = regions.last[regions.values]
    if not closed:
        lattice = np.arange(K**3, dtype=np.int64).reshape(K, K, K)[::_STRIDE, ::_STRIDE, ::_STRIDE]
        probes = np.concatenate([probes, lattice[far[::_STRIDE, ::_STRIDE, ::_STRIDE]]])
    found = rounded_winding(vertices, faces, grid_positions(probes, K), closed)
    lowest, highest = np.full(len(regions.last), _LIMIT, np.int8), np.full(len(regions.last), -_LIMIT, np.int8)
    region = regions.at(probes)
    np.minimum.at(lowest, region, found)
    np.maximum.at(highest, region, found)
    winding: np.ndarray = regions.filled(lowest)
    asked = np.flatnonzero(~far)
    if (lowest < highest).any():
        asked = np.union1d(asked, np.flatnonzero(regions.filled(lowest < highest)))
    winding.reshape(-1)[asked] = rounded_winding(vertices, faces, grid_positions(asked, K), closed)
    return winding


def _alternating_sides(winding: np.ndarray) -> np.ndarray:
    """Bool sides of a grid of winding numbers: regions of one number that touch much of each other differ.

    Parity would lose a surface that is there twice, or a wall between two surfaces that is thinner than a cell: there
    the number changes by two from one grid point to the next. So the sides alternate along a maximum spanning tree of
    the regions, from the outside, where a link weighs as many edges of the grid as it crosses.
    """
    from scipy.sparse import coo_array, csgraph

    regions = GridRegions.of(np.pad(winding, 1))
    pairs, edges = regions.links()
    links = coo_array((1.0 / edges, (pairs[:, 0], pairs[:, 1])), shape=(len(regions.last),) * 2).tocsr()
    tree = csgraph.minimum_spanning_tree(links)
    outside = regions.at(np.zeros(1, np.int64))[0]
    depth = csgraph.shortest_path(tree, directed=False, unweighted=True, indices=outside)
    sides: np.ndarray = regions.filled(depth % 2 == 1)[1:-1, 1:-1, 1:-1]
    return sides


def grid_positions(index: np.ndarray, resolution: int) -> np.ndarray:
    """Positions float32 (n, 3) of grid points of [-1, 1]^3 given by flat index (x slowest)."""
    points = np.stack(np.unravel_index(index, (resolution,) * 3), axis=1)
    return (points * (2.0 / (resolution - 1)) - 1.0).astype(np.float32)


def is_closed(vertices: np.ndarray, faces: np.ndarray) -> bool:
    """Whether each edge is passed equally often in both directions, so that winding numbers are whole numbers."""
    _, welded = np.unique(vertices, axis=0, return_inverse=True)
    start = welded.reshape(-1)[faces].astype(np.int64)
    end = np.roll(start, -1, axis=1)
    low, high = np.minimum(start, end).reshape(-1), np.maximum(start, end).reshape(-1)
    _, edge = np.unique(low * len(vertices) + high, return_inverse=True)
    direction = np.sign(end - start).reshape(-1)
    return not np.bincount(edge.reshape(-1), weights=direction).any()


def rounded_winding(
    vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, closed: bool | None = None
) -> np.ndarray:
    """Winding number at each of points (n, 3), rounded; int8 (n,).

    Exact where the mesh is closed (found out unless given), the fast approximation elsewhere.
    """
    if is_closed(vertices, faces) if closed is None else closed:
        return ray_winding(vertices, faces, points)
    import igl

    rounded = np.zeros(len(points), np.int8)
    for start in range(0, len(points), _CHUNK):
        chunk = points[start : start + _CHUNK].astype(np.float64)
        number = np.rint(igl.fast_winding_number(vertices, faces, chunk))
        rounded[start : start + _CHUNK] = np.clip(number, -_LIMIT, _LIMIT)
    return rounded
