import heapq

import numpy as np
import pytest
from scipy.spatial import cKDTree

from baselines.points.oriented_planes import _carry_orientation


def carried_one_by_one(normals, neighbours, sure, points):
    """Prim's algorithm from all sure points at once; parts without one from their highest points."""
    normals, done = normals.copy(), sure.copy()
    links = {at: set() for at in range(len(normals))}
    for a, row in enumerate(neighbours):
        for b in row:
            if a != b and not (sure[a] and sure[b]):
                links[a].add(int(b))
                links[int(b)].add(a)
    heap = []

    def reached(at):
        for other in links[at]:
            heapq.heappush(heap, (1 - abs(normals[at] @ normals[other]), other, at))

    for at in np.flatnonzero(sure):
        reached(int(at))
    for seed in [None, *np.argsort(-points[:, 2], kind="stable").tolist()]:
        if seed is not None and not done[seed]:
            normals[seed] *= 1 if normals[seed, 2] >= 0 else -1
            done[seed] = True
            reached(seed)
        while heap:
            _, at, source = heapq.heappop(heap)
            if not done[at]:
                normals[at] *= 1 if normals[at] @ normals[source] >= 0 else -1
                done[at] = True
                reached(at)
    return normals


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_orientation_is_carried_along_the_minimum_spanning_tree(share, seed):
    random = np.random.default_rng(seed)
    # Two clouds that are no neighbours of each other: where nothing is sure, each has a seed of its own.
    points = random.uniform(0, 10, (400, 3)) + np.where(np.arange(400)[:, None] < 150, 100.0, 0.0)
    normals = random.normal(size=(400, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    neighbours = cKDTree(points).query(points, k=6)[1]
    sure = random.random(400) < share
    expected = carried_one_by_one(normals, neighbours, sure, points)
    assert share == 1 or not np.array_equal(expected, normals)
    _carry_orientation(normals, np.arange(401) * 6, neighbours.ravel().astype(np.int32), sure, points)
    assert np.array_equal(normals, expected)
