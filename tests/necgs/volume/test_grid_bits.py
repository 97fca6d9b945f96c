"""Packed truth values, against the grid that they were packed from."""

import numpy as np
import pytest

from necgs.volume.grid_bits import GridBits


@pytest.fixture(params=[5, 8, 19])
def grid(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(0).random([request.param] * 3) < 0.4


def test_slabs_are_the_grid_s(grid: np.ndarray) -> None:
    bits, K = GridBits.of(grid), len(grid)
    assert np.array_equal(bits.whole(), grid)
    assert np.array_equal(bits.slab(3, 5), grid[3:5])
    again = GridBits.of_slabs(lambda first, last: grid[first:last], K)
    assert np.array_equal(again.packed, bits.packed)
    assert bits.packed.nbytes == -(-(K**3) // 8)


def test_points_are_looked_up_and_changed(grid: np.ndarray) -> None:
    points = np.random.default_rng(1).permutation(grid.size)[:60]
    values = np.arange(60) % 2 == 0
    assert np.array_equal(GridBits.of(grid).at(points.reshape(3, 20)), grid.reshape(-1)[points].reshape(3, 20))
    expected = grid.copy()
    expected.reshape(-1)[points] = values
    assert np.array_equal(GridBits.of(grid).changed(points, values).whole(), expected)


def test_bits_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="5\\^3"):
        GridBits(5, np.zeros(10, np.uint8))
