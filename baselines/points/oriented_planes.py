"""A plane around each point of a cloud, its normal to the outside: plane fits, a flood, and a minimum spanning tree.

What is outside can be seen without a normal: the voxels of a closed surface separate the empty voxels that a flood from
the corner reaches from those that it does not. A normal points to where it finds more of the outside. Where both sides
look alike (a sheet one voxel thin, an open surface) the orientation of the neighbours is carried on along the minimum
spanning tree (Hoppe et al., "Surface reconstruction from unorganized points", 1992).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

from baselines.points.plane_fits import fitted_planes

if TYPE_CHECKING:
    from baselines.points.cloud_search import CloudSearch

FLOOD_BITS = 8
# Votes on either side of a point: distance in voxels of the flood's grid, and weight.
PROBES = ((1.5, 1.0), (2.0, 1.0), (2.5, 0.7), (3.0, 0.5), (4.0, 0.3))
UNSURE = 0.25
LONE_SHEET = 0.5
PAD = 2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]


def oriented_planes(cloud: CloudSearch) -> tuple[Floats, Floats]:
    """The plane through the neighbourhood of each point of a cloud.

    Returns:
        Unit normals (n, 3), pointing outwards where there is an outside, and a point (n, 3) on each plane: its foot.
    """
    points, (starts, members) = cloud.points, cloud.neighbourhoods()
    normals, feet = fitted_planes(points, starts, members)
    lowest = points.min(axis=0)
    extent = int((points.max(axis=0) - lowest).max()) + 1
    coarsest = max(0, extent.bit_length() - FLOOD_BITS)
    votes, near_votes = np.zeros(len(points)), np.zeros(len(points))
    for cell in (1 << coarsest, 2 << coarsest):
        outside = _flood((points - lowest) / cell)
        votes += _votes(outside, (feet - lowest) / cell, normals)
        near_votes += _votes(outside, (points - lowest) / cell, normals)
    # In a closed surface, a part too thin to hold an inside still shows which of its sides a voxel is on. A lone
    # sheet shows the same, and must not: its two sides are one.
    unsure = np.abs(votes) < UNSURE
    if unsure.mean() < LONE_SHEET:
        votes[unsure] += near_votes[unsure]
    normals[votes < 0] *= -1
    _carry_orientation(normals, starts, members, np.abs(votes) >= UNSURE, points)
    return normals, feet


def _flood(points: Floats) -> NDArray[np.int8]:
    """Grid around points in cells of 1: 1 where a flood from the corner comes, 0 at points, -1 elsewhere."""
    from scipy.ndimage import label

    cells = np.floor(points + 0.5).astype(np.int64) + PAD
    grid = np.zeros(cells.max(axis=0) + 1 + PAD, np.int8)
    grid[tuple(cells.T)] = 1
    regions = label(grid == 0)[0]
    state = np.where(regions == regions[0, 0, 0], np.int8(1), np.int8(-1))
    state[grid == 1] = 0
    return state


@numba.njit(cache=True)
def _votes(outside: NDArray[np.int8], origins: Floats, normals: Floats) -> Floats:  # pragma: no cover - compiled
    """Positive where there is more of the outside in the normal's direction than behind."""
    votes = np.zeros(len(origins))
    probe = np.empty(3, np.int64)
    for i in range(len(origins)):
        for distance, weight in PROBES:
            for side in (1, -1):
                for axis in range(3):
                    at = int(np.floor(origins[i, axis] + 0.5 + side * distance * normals[i, axis])) + PAD
                    probe[axis] = min(max(at, 0), outside.shape[axis] - 1)
                votes[i] += side * weight * outside[probe[0], probe[1], probe[2]]
    return votes


def _carry_orientation(
    normals: Floats, starts: Ints, members: Numbers, sure: NDArray[np.bool_], points: Floats
) -> None:
    """Flip the unsure normals in place so that they agree with their neighbours, nearest in direction first.

    The tree spans all links with an unsure end. Its root stands behind the sure points and, in parts that have none,
    behind the highest point, which looks up.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

    if sure.all():
        return
    count = len(normals)
    a, b, turn = _links(normals, starts, members, sure)
    parts, part = connected_components(coo_matrix((turn, (a, b)), (count, count)), directed=False)
    known, rooted = np.zeros(parts, bool), sure.copy()
    known[part[sure]] = True
    rooted[_highest(np.flatnonzero(~known[part]), part, points)] = True
    seeds = np.flatnonzero(rooted)
    normals[seeds[~sure[seeds] & (normals[seeds, 2] < 0)]] *= -1
    ends = np.concatenate([a, np.full(len(seeds), count)]), np.concatenate([b, seeds])
    graph = coo_matrix((np.concatenate([turn, np.full(len(seeds), 0.5)]), ends), (count + 1, count + 1))
    order, parents = breadth_first_order(minimum_spanning_tree(graph), count, directed=False)
    _follow(normals, order.astype(np.int64), parents.astype(np.int64), count)


@numba.njit(cache=True)
def _links(
    normals: Floats, starts: Ints, members: Numbers, sure: NDArray[np.bool_]
) -> tuple[Numbers, Numbers, Floats]:  # pragma: no cover - compiled
    """Both ends of each link with an unsure end, once, and its weight: 1 where the normals agree, 2 at right angles.

    A weight of 0 would not be seen, and a link that is there twice would count with the sum of its weights.
    """
    first, second, turn = np.empty(len(members), np.int32), np.empty(len(members), np.int32), np.empty(len(members))
    used = 0
    for i in range(len(normals)):
        for j in members[starts[i] : starts[i + 1]]:
            if i == j or (sure[i] and sure[j]) or (j < i and (members[starts[j] : starts[j + 1]] == i).any()):
                continue
            agreement = 0.0
            for axis in range(3):
                agreement += normals[i, axis] * normals[j, axis]
            first[used], second[used], turn[used] = i, j, 2.0 - abs(agreement)
            used += 1
    return first[:used], second[:used], turn[:used]


def _highest(indices: Ints, part: Numbers, points: Floats) -> Ints:
    """Of each part's points among ``indices``, the first of the highest."""
    order = indices[np.lexsort((indices, -points[indices, 2], part[indices]))]
    return order[np.unique(part[order], return_index=True)[1]]


@numba.njit(cache=True)
def _follow(normals: Floats, order: Ints, parents: Ints, root: int) -> None:  # pragma: no cover - compiled
    """Turn each normal to its parent's side, parents first."""
    for at in order[1:]:
        parent = parents[at]
        if parent != root:
            agreement = 0.0
            for axis in range(3):
                agreement += normals[at, axis] * normals[parent, axis]
            if agreement < 0:
                for axis in range(3):
                    normals[at, axis] = -normals[at, axis]
