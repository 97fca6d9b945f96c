"""On which side of a triangle mesh grid points lie, by the generalised winding number.

Only its rounding is used: the magnitude of a fast winding number is an approximation (Barill et al., Fast Winding
Numbers for Soups and Clouds, 2018). The rounded number changes by one across a surface, so that sides which alternate
keep every surface, also those inside a solid: eyes in a head, parts that overlap, limbs that pass through each other.
A mesh, or one of its parts, may be turned inside out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.volume.distance_band import DistanceBand
from necgs.volume.grid_bits import GridBits
from necgs.volume.grid_regions import GridRegions
from necgs.volume.grid_runs import GridRuns
from necgs.volume.ray_winding import ray_winding

_CHUNK = 1 << 20
_STRIDE = 4
_LIMIT = 127

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]
Numbers = NDArray[np.int8]


def inside_grid(vertices: np.ndarray, faces: np.ndarray, band: DistanceBand) -> GridBits:
    """Give every point of a grid over [-1, 1]^3 a side, such that the sides differ across the mesh.

    Args:
        vertices: float64 (n, 3).
        faces: int64 (m, 3).
        band: distances up to two cells from the mesh, or farther.
    """
    winding = _winding_runs(_Mesh(vertices, faces, is_closed(vertices, faces), band.resolution), band)
    if len(np.unique(winding.values)) > 2:
        return _alternating_sides(winding)
    return GridBits.of_slabs(lambda first, last: winding.slab(first, last) != 0, band.resolution)


@dataclass(frozen=True)
class _Mesh:
    """A mesh that is asked for winding numbers at the points of a grid over [-1, 1]^3.

    Args:
        vertices: float64 (n, 3).
        faces: int64 (m, 3).
        closed: whether its faces' edges cancel.
        resolution: K.
    """

    vertices: np.ndarray
    faces: np.ndarray
    closed: bool
    resolution: int

    def rounded_winding(self, points: Indices) -> Numbers:
        """Those at points given by flat index (m,)."""
        found = np.empty(len(points), np.int8)
        for start in range(0, len(points), _CHUNK):
            positions = grid_positions(points[start : start + _CHUNK], self.resolution)
            found[start : start + _CHUNK] = rounded_winding(self.vertices, self.faces, positions, self.closed)
        return found


def _winding_runs(mesh: _Mesh, band: DistanceBand) -> GridRuns:
    """Rounded winding number of every grid point, int8 (K, K, K).

    Neighbours that are both more than half a cell away from the surface have no surface between them. Where the mesh
    bounds a volume (its faces' edges cancel), they have one winding number: each connected region of such points is
    asked once. Elsewhere the number may change in the open: every point within two cells is asked, and a region beyond
    is filled at once only if every fourth point of it along each axis agrees.
    """
    K = mesh.resolution
    near = band.points[~(band.distance > 2.0 / (K - 1) * (0.51 if mesh.closed else 2.0))]
    regions = GridRegions.of(GridRuns.of_slabs(lambda first, last: _far(near, K, first, last), (K, K, K)))
    lowest, highest = _range_of_regions(mesh, near, regions)
    agreed, unsure = regions.filled(lowest), regions.filled(lowest < highest)
    found = mesh.rounded_winding(near)

    def slab(first: int, last: int) -> NDArray[np.generic]:
        filled = agreed.slab(first, last)
        _put(filled, first, near, found)
        if unsure.values.any():
            asked = np.flatnonzero(unsure.slab(first, last))
            filled.reshape(-1)[asked] = mesh.rounded_winding(asked + first * K * K)
        return filled

    return GridRuns.of_slabs(slab, (K, K, K))


def _far(near: Indices, K: int, first: int, last: int) -> Bools:
    """Slices of a grid, true but at the points near the mesh; bool (last - first, K, K)."""
    far = np.ones((last - first, K, K), bool)
    _put(far, first, near, np.zeros(len(near), bool))
    return far


def _put(slab: NDArray[np.generic], first: int, points: Indices, values: NDArray[np.generic]) -> None:
    """Write values (n,) of grid points, given by ascending flat index, into the slices of a grid from ``first`` on."""
    area = slab.shape[1] * slab.shape[2]
    start, end = np.searchsorted(points, [first * area, (first + len(slab)) * area])
    slab.reshape(-1)[points[start:end] - first * area] = values[start:end]


def _range_of_regions(mesh: _Mesh, near: Indices, regions: GridRegions) -> tuple[Numbers, Numbers]:
    """The lowest and the highest winding number found at points of each far region; int8 (n,), reversed of others."""
    probes = regions.last[regions.values.astype(bool)]
    if not mesh.closed:
        probes = np.concatenate([probes, _far_lattice(near, mesh.resolution)])
    found, region = mesh.rounded_winding(probes), regions.at(probes)
    lowest, highest = np.full(len(regions.last), _LIMIT, np.int8), np.full(len(regions.last), -_LIMIT, np.int8)
    np.minimum.at(lowest, region, found)
    np.maximum.at(highest, region, found)
    return lowest, highest


def _far_lattice(near: Indices, K: int) -> Indices:
    """Every fourth grid point along each axis, of those that are not near the mesh; flat indices."""
    axis = np.arange(0, K, _STRIDE)
    plane = axis[:, None] * K + axis
    return np.concatenate([x * K * K + plane[_far(near, K, x, x + 1)[0, ::_STRIDE, ::_STRIDE]] for x in axis.tolist()])


def _alternating_sides(winding: GridRuns) -> GridBits:
    """Sides of a grid of winding numbers: regions of one number that touch much of each other differ.

    Parity would lose a surface that is there twice, or a wall between two surfaces that is thinner than a cell: there
    the number changes by two from one grid point to the next. So the sides alternate along a maximum spanning tree of
    the regions, from the outside, where a link weighs as many edges of the grid as it crosses.
    """
    from scipy.sparse import coo_array, csgraph

    K = winding.shape[0]
    regions = GridRegions.of(GridRuns.of_slabs(lambda first, last: _surrounded(winding, first, last), (K + 2,) * 3))
    pairs, edges = regions.links()
    links = coo_array((1.0 / edges, (pairs[:, 0], pairs[:, 1])), shape=(len(regions.last),) * 2).tocsr()
    tree = csgraph.minimum_spanning_tree(links)
    outside = regions.at(np.zeros(1, np.int64))[0]
    depth = csgraph.shortest_path(tree, directed=False, unweighted=True, indices=outside)
    sides = regions.filled(depth % 2 == 1)
    return GridBits.of_slabs(lambda first, last: sides.slab(first + 1, last + 1)[:, 1:-1, 1:-1] != 0, K)


def _surrounded(grid: GridRuns, first: int, last: int) -> NDArray[np.generic]:
    """Slices of a grid (K, K, K) with a layer of zeros around it; (last - first, K + 2, K + 2)."""
    K = grid.shape[0]
    start, end = max(first - 1, 0), min(last - 1, K)
    around = (start + 1 - first, last - 1 - end), (1, 1), (1, 1)
    return np.pad(grid.slab(start, end), around)


def grid_positions(index: np.ndarray, resolution: int) -> np.ndarray:
    """Positions float32 (n, 3) of grid points of [-1, 1]^3 given by flat index (x slowest)."""
    positions = np.empty((len(index), 3), np.float32)
    for axis in range(3):
        positions[:, axis] = index // resolution ** (2 - axis) % resolution * (2.0 / (resolution - 1)) - 1.0
    return positions


def is_closed(vertices: np.ndarray, faces: np.ndarray) -> bool:
    """Whether each edge is passed equally often in both directions, so that winding numbers are whole numbers."""
    if _edges_cancel(faces):  # then so do those between welded vertices, and welding takes longer
        return True
    _, welded = np.unique(vertices, axis=0, return_inverse=True)
    return _edges_cancel(welded.reshape(-1)[faces])


def _edges_cancel(faces: np.ndarray) -> bool:
    start = faces.astype(np.int64)
    end = np.roll(start, -1, axis=1)
    low, high = np.minimum(start, end).reshape(-1), np.maximum(start, end).reshape(-1)
    _, edge = np.unique(low * (int(faces.max(initial=0)) + 1) + high, return_inverse=True)
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
