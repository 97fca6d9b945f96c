import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bench.metrics.lattice import REACH, Lattice, is_lattice


def cloud(seed, count, low, high):
    return np.unique(np.random.default_rng(seed).integers(low, high, (count, 3)), axis=0).astype(float)


def by_definition(queries, points, most):
    """Pairs of each query with all that are nearest, where those are within reach and not too many."""
    squared = cdist(queries, points, "sqeuclidean")
    nearest = squared.min(axis=1)
    equal = squared == nearest[:, None]
    good = (nearest <= REACH**2) & (equal.sum(axis=1) <= most)
    return {tuple(pair) for pair in np.argwhere(equal & good[:, None])}, set(np.flatnonzero(~good))


@pytest.mark.parametrize("most", [1, 3, 16])
@pytest.mark.parametrize("spread", [8, 14, 90])
def test_nearest_points_are_those_of_all_distances(spread, most):
    points, queries = cloud(spread, 120, -spread, spread), cloud(1 + spread, 300, -spread - 9, spread + 9)
    query, target, left = Lattice.of(points).nearest(queries, most)
    pairs, missed = by_definition(queries, points, most)
    assert len(query) == len(pairs)
    assert set(zip(query, target, strict=True)) == pairs
    assert set(left) == missed
    assert (np.diff(query) >= 0).all()


def test_neighbours_over_the_end_of_a_row_are_none():
    """The last cell of a row and the first of the next follow each other in memory."""
    points = np.array([[0, 0, 20], [0, 1, 0]], float)
    query, target, left = Lattice.of(points).nearest(np.array([[0, 0, 19], [0, 0, 24], [0, 1, -4], [1e6, 0, 0]]), 16)
    assert (query.tolist(), target.tolist(), left.tolist()) == ([0], [0], [1, 2, 3])


def test_points_that_lie_too_far_apart_have_no_lattice():
    assert Lattice.of(np.array([[0, 0, 0], [1e6, 1e6, 1e6]])) is None


@pytest.mark.parametrize(("at", "expected"), [(3.0, True), (-4.0, True), (0.5, False), (2.0**20, False), (-3e9, False)])
def test_a_lattice_has_integers_of_moderate_size(at, expected):
    assert is_lattice(np.array([[1.0, 2, 3], [0, at, 0]])) == expected
