import numpy as np

from baselines.points.merging import distinct, merged


def test_distinct_points_are_those_of_numpy():
    points = np.random.default_rng(0).integers(-3, 4, (500, 3)).astype(float)
    assert np.array_equal(distinct(points), np.unique(points, axis=0))
    assert distinct(points[:0]).shape == (0, 3)


def test_merged_points_are_the_means_of_their_cells():
    points = np.random.default_rng(0).integers(-9, 30, (400, 3)).astype(float)
    cells = {}
    for point in points:
        cells.setdefault(tuple(point // 4), []).append(point)
    expected = [np.mean(cells[cell], axis=0) for cell in sorted(cells)]
    np.testing.assert_allclose(merged(points, 4), expected, atol=1e-12)
    assert merged(points, 1) is points
