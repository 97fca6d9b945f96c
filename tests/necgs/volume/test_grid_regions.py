"""Regions of a grid against scipy's labels and a count edge by edge."""

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from necgs.volume.grid_regions import GridRegions
from necgs.volume.grid_runs import GridRuns

SHAPES = [(7, 9, 11), (1, 1, 5), (4, 1, 6), (1, 6, 1), (12, 12, 12)]


def grids():
    draw = np.random.default_rng(0)
    for shape in SHAPES:
        for values in (1, 2, 3):
            yield draw.integers(-1, values - 1, shape).astype(np.int8)
        yield draw.random(shape) < 0.7
    yield np.kron(draw.integers(0, 3, (3, 3, 3)), np.ones((4, 4, 4), int)).astype(np.int8)


def regions_of(grid):
    return GridRegions.of(GridRuns.of_slabs(lambda first, last: grid[first:last], grid.shape))


def whole(runs):
    return runs.slab(0, runs.shape[0])


def labels_of(grid):
    """Labels by value, then in the order of scipy."""
    labels, count = np.zeros(grid.shape, int), 0
    for value in np.unique(grid):
        found, regions = ndimage.label(grid == value)
        labels[found > 0] = found[found > 0] + count - 1
        count += regions
    return labels, count


@pytest.mark.parametrize("grid", grids(), ids=lambda grid: f"{grid.shape}-{len(np.unique(grid))}")
def test_regions_are_those_of_scipy_and_touch_where_edges_of_the_grid_cross(grid):
    regions = regions_of(grid)
    labels, count = labels_of(grid)
    assert len(regions.last) == count
    np.testing.assert_array_equal(whole(regions.filled(np.arange(count))), labels)
    np.testing.assert_array_equal(whole(regions.filled(regions.values)), grid)
    np.testing.assert_array_equal(regions.at(np.arange(grid.size)), labels.ravel())
    np.testing.assert_array_equal(regions.last, [np.flatnonzero(labels.ravel() == i)[-1] for i in range(count)])
    crossed: Counter[tuple[int, int]] = Counter()
    for index in np.ndindex(grid.shape):
        for axis in range(3):
            ahead = tuple(np.add(index, np.eye(3, dtype=int)[axis]))
            if ahead[axis] < grid.shape[axis] and labels[index] != labels[ahead]:
                crossed[tuple(sorted((int(labels[index]), int(labels[ahead]))))] += 1
    pairs, edges = regions.links()
    assert [(tuple(pair), edge) for pair, edge in zip(pairs.tolist(), edges.tolist(), strict=True)] == sorted(
        crossed.items()
    )


def test_a_grid_that_is_not_contiguous_is_read_in_its_own_order():
    grid = np.random.default_rng(1).integers(0, 2, (5, 6, 7)).transpose(2, 0, 1)
    np.testing.assert_array_equal(whole(regions_of(grid).filled(np.arange(1000))), labels_of(grid)[0])


def test_slices_are_read_once_each_and_given_back_from_anywhere():
    grid = np.random.default_rng(2).integers(-1, 2, (21, 5, 6)).astype(np.int8)
    read = []

    def slab(first, last):
        read.extend(range(first, last))
        return grid[first:last]

    runs = GridRuns.of_slabs(slab, grid.shape)
    assert read == list(range(21))
    assert len(runs.values) == len(runs.starts) == runs.rows[-1]
    for first, last in [(0, 21), (3, 4), (7, 18), (20, 21)]:
        np.testing.assert_array_equal(runs.slab(first, last), grid[first:last])
        assert runs.slab(first, last).dtype == np.int8
