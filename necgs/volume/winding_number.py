"""On which side of a triangle mesh grid points lie, by the generalised winding number.

Only its rounding is used: the magnitude of a fast winding number is an approximation (Barill et al., Fast Winding
Numbers for Soups and Clouds, 2018). The rounded number changes by one across a surface, so that sides which alternate
keep every surface, also those inside a solid: eyes in a head, parts that overlap, limbs that pass through each other.
A mesh, or one of its parts, may be turned inside out.
"""

from __future__ import annotations

import numpy as np

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
    return winding != 0 if len(np.unique(winding)) <= 2 else _alternating_sides(winding)


def _winding_grid(vertices: np.ndarray, faces: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Rounded winding number of every grid point, int8 (K, K, K).

    Neighbours that are both more than half a cell away from the surface have no surface between them. Where the mesh
    bounds a volume (its faces' edges cancel), they have one winding number: each connected region of such points is
    asked once. Elsewhere the number may change in the open: every point within two cells is asked, and a region beyond
    is filled at once only if every fourth point of it along each axis agrees.
    """
    from scipy import ndimage

    K = len(distance)
    h = 2.0 / (K - 1)
    closed = is_closed(vertices, faces)
    far = distance > h * (0.51 if closed else 2.0)
    winding = np.zeros(distance.shape, np.int8)
    winding[~far] = rounded_winding(vertices, faces, grid_positions(np.flatnonzero(~far), K), closed)
    labels, regions = ndimage.label(far)
    probes = _one_point_each(labels, regions)
    if not closed:
        lattice = np.arange(K**3, dtype=np.int64).reshape(K, K, K)[::_STRIDE, ::_STRIDE, ::_STRIDE]
        probes = np.concatenate([probes, lattice[far[::_STRIDE, ::_STRIDE, ::_STRIDE]]])
    found = rounded_winding(vertices, faces, grid_positions(probes, K), closed)
    lowest, highest = np.full(regions + 1, _LIMIT, np.int8), np.full(regions + 1, -_LIMIT, np.int8)
    region = labels.reshape(-1)[probes]
    np.minimum.at(lowest, region, found)
    np.maximum.at(highest, region, found)
    np.copyto(winding, lowest[labels], where=far)
    mixed = (lowest < highest)[labels] & far
    winding[mixed] = rounded_winding(vertices, faces, grid_positions(np.flatnonzero(mixed), K), closed)
    return winding


def _alternating_sides(winding: np.ndarray) -> np.ndarray:
    """Bool sides of a grid of winding numbers: regions of one number that touch much of each other differ.

    Parity would lose a surface that is there twice, or a wall between two surfaces that is thinner than a cell: there
    the number changes by two from one grid point to the next. So the sides alternate along a maximum spanning tree of
    the regions, from the outside, where a link weighs as many edges of the grid as it crosses.
    """
    from scipy import ndimage
    from scipy.sparse import coo_array, csgraph

    padded = np.pad(winding, 1)
    labels, count = np.zeros(padded.shape, np.int32), 0
    for number in np.unique(padded):
        found, regions = ndimage.label(padded == number)
        labels += np.where(found, found + count - 1, 0)
        count += regions
    pairs, edges = np.unique(np.concatenate([_changes(labels, axis) for axis in range(3)]), axis=0, return_counts=True)
    links = coo_array((1.0 / edges, (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    tree = csgraph.minimum_spanning_tree(links)
    depth = csgraph.shortest_path(tree, directed=False, unweighted=True, indices=labels[0, 0, 0])
    sides: np.ndarray = (depth % 2 == 1)[labels[1:-1, 1:-1, 1:-1]]
    return sides


def _changes(labels: np.ndarray, axis: int) -> np.ndarray:
    """Labels (n, 2), the smaller first, at the ends of each edge along an axis that joins two regions."""
    ahead = np.moveaxis(labels, axis, 0)
    one, other = ahead[:-1], ahead[1:]
    differ = one != other
    return np.sort(np.stack([one[differ], other[differ]], axis=1), axis=1)


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


def _one_point_each(labels: np.ndarray, regions: int) -> np.ndarray:
    """Flat index of one point of each region 1..n, slice by slice to stay small."""
    point = np.zeros(regions + 1, np.int64)
    size = labels[0].size
    for x, plane in enumerate(labels):
        point[plane.reshape(-1)] = np.arange(x * size, (x + 1) * size)
    return point[1:]
