"""Where the blocks of a batch lie, against the index of the same shapes by themselves."""

import numpy as np
import pytest
import torch

from necgs.coding.prediction import CAUSAL, neighbour_features
from necgs.decoder.blocks import BlockSet
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE
from necgs.training.shape_rows import ResidentBlocks


def random_states(shapes: int, grid: int, occupied: float) -> np.ndarray:
    random = np.random.default_rng(grid)
    states = random.choice([INSIDE, OUTSIDE], (shapes, grid, grid, grid))
    return np.where(random.random(states.shape) < occupied, OCCUPIED, states).astype(np.int8)


@pytest.mark.parametrize("occupied", [0.1, 0.6, 1.0])
def test_a_batch_is_the_index_of_its_shapes(occupied: float) -> None:
    states = random_states(4, 7, occupied)
    states[1] = OUTSIDE
    resident = ResidentBlocks.of(tuple(states), "cpu")
    for chosen in ([0], [3, 1, 0], [1], [2, 3]):
        batch, alone = resident.batch(np.array(chosen)), BlockSet.of(states[chosen])
        assert np.array_equal(batch.neighbours, alone.neighbours)
        assert np.array_equal(batch.causal, alone.neighbours[:, CAUSAL])
        assert np.array_equal(batch.sides, alone.sides)
        assert np.array_equal(batch.features, neighbour_features(alone.sides))


def test_distances_in_a_grid_too_large_for_16_bits() -> None:
    states = np.full((1, 184, 184, 184), OUTSIDE, np.int8)
    states[0, 90:92] = OCCUPIED
    assert ResidentBlocks.of((states[0, :8, :8, :8],), "cpu").ahead.dtype == torch.int16
    resident = ResidentBlocks.of(tuple(states), "cpu")
    assert resident.ahead.dtype == torch.int32
    assert np.array_equal(resident.batch(np.array([0])).neighbours, BlockSet.of(states).neighbours)


def test_no_distance_stands_for_a_side() -> None:
    """Numbers that are sides among those of 16 bits are distances among those of 32."""
    ahead = np.zeros((40_000, 27), np.int32)
    ahead[39_000] = -32768
    ahead[39_001] = -32767
    resident = ResidentBlocks(np.array([0, 40_000]), torch.from_numpy(ahead))
    batch = resident.batch(np.array([0]))
    assert (batch.neighbours[39_000] == 39_000 - 32768).all()
    assert (batch.neighbours[39_001] == 39_001 - 32767).all()
    assert not batch.sides.any()
