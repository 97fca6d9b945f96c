import itertools

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from baselines.points.cloud_search import NEIGHBOURS, REACH, CloudSearch


def voxels(seed, count=400, high=9):
    return np.unique(np.random.default_rng(seed).integers(0, high, (count, 3)), axis=0).astype(float)


def neighbourhoods(points):
    starts, members = CloudSearch(points).neighbourhoods()
    return [set(members[a:b].tolist()) for a, b in itertools.pairwise(starts)]


@pytest.mark.parametrize("high", [7, 9, 11])
def test_neighbourhoods_of_voxels_are_whole_shells(high):
    points = voxels(high, high=high)
    for row, found in zip(cdist(points, points), neighbourhoods(points), strict=True):
        assert found == set(np.flatnonzero(row <= np.sort(row)[NEIGHBOURS - 1] + 1e-9).tolist())


def test_points_far_from_others_have_the_nearest_all_the_same():
    points = np.concatenate([voxels(0), [[9.0 + REACH, 4, 4], [60, 60, 60]]])
    distances, found = cdist(points, points), neighbourhoods(points)
    for at in (-2, -1):
        nearest = np.sort(distances[at])[:NEIGHBOURS]
        np.testing.assert_allclose(np.sort(distances[at, list(found[at])]), nearest)
    assert all(at in near for at, near in enumerate(found))


def test_neighbourhoods_of_points_between_voxels():
    points = np.random.default_rng(1).uniform(0, 9, (300, 3))
    nearest = cKDTree(points).query(points, k=NEIGHBOURS)[1]
    assert neighbourhoods(points) == [set(row.tolist()) for row in nearest]


@pytest.mark.parametrize("count", [4, NEIGHBOURS - 1])
def test_of_few_points_all_are_neighbours(count):
    points = np.stack([np.arange(count), np.zeros(count), np.zeros(count)], axis=1)
    assert neighbourhoods(points) == [set(range(count))] * count


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize("distance", [0.4, 1.5, 2.9])
def test_what_is_near_is_what_the_tree_finds_near(distance, shift):
    points = voxels(3, 60, 12) + shift
    positions = np.random.default_rng(4).uniform(-9, 21, (4000, 3))
    expected = cKDTree(points).query(positions)[0] <= distance
    assert 0 < expected.sum() < len(positions)
    np.testing.assert_array_equal(CloudSearch(points).near(positions, distance), expected)
