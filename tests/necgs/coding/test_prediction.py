import numpy as np
import pytest

from necgs.coding.prediction import Predictor, neighbour_features, reconstruct, residuals
from necgs.decoder.blocks import FACES, BlockSet
from tests.necgs.dense_blocks import block_states
from tests.necgs.training.test_dense import spheres

BLOCKS = BlockSet.of(block_states(spheres(K=32, channels=1)[:, 0], 8))


def smooth_codes(channels=3):
    rng = np.random.default_rng(0)
    return np.cumsum(rng.integers(-2, 3, (len(BLOCKS), channels)), axis=0).astype(np.int32)


def test_reconstruction_is_exact_shape_by_shape():
    codes = smooth_codes()
    predictor = Predictor.fit(np.split(codes, BLOCKS.starts[1:-1]), BLOCKS.states, 3)
    left = residuals(codes, BLOCKS, predictor)
    for shape in range(3):
        rows = slice(BLOCKS.starts[shape], BLOCKS.starts[shape + 1])
        alone = BlockSet.of(BLOCKS.states[shape : shape + 1])
        assert np.array_equal(reconstruct(left[rows], alone, predictor), codes[rows])


def test_prediction_is_the_sum_it_claims_to_be():
    codes, weights = smooth_codes(1), np.zeros((1, 16), np.int32)
    weights[0, 1] = 64
    left = residuals(codes, BLOCKS, Predictor(weights))
    before = BLOCKS.neighbours[:, FACES[1]]
    expected = codes[:, 0] - np.append(codes[:, 0], 0)[before]
    assert np.array_equal(left[:, 0], expected)


def test_codes_that_follow_from_their_neighbours_cost_nothing():
    x, y, z = np.argwhere(BLOCKS.states[0] == 1).T
    alone = BlockSet.of(BLOCKS.states[:1])
    codes = np.stack([3 * x + 5 * y - 2 * z], axis=1).astype(np.int32)
    left = residuals(codes, alone, Predictor.fit([codes], alone.states, 1))
    assert np.abs(left).mean() < 0.5 * np.abs(codes).mean()


def test_features_name_the_sides():
    sides = BLOCKS.sides[:, FACES]
    assert np.array_equal(neighbour_features(BLOCKS.sides)[:, :6], sides == 1)
    assert np.array_equal(neighbour_features(BLOCKS.sides)[:, 6:12], sides == -1)
    assert (neighbour_features(BLOCKS.sides)[:, 12] == 1).all()


@pytest.mark.parametrize("extreme", [2**31 - 1, -(2**31)])
def test_hostile_numbers_stay_bounded(extreme):
    alone = BlockSet.of(BLOCKS.states[:1])
    left = np.full((len(alone), 2), extreme, np.int32)
    codes = reconstruct(left, alone, Predictor(np.full((2, 19), extreme, np.int32)))
    assert np.abs(codes.astype(np.int64)).max() <= 1 << 20


def test_shapes_without_blocks():
    none = BlockSet.of(np.zeros((2, 2, 2, 2), np.int8))
    codes = np.zeros((0, 3), np.int32)
    predictor = Predictor.fit([codes, codes], none.states, 3)
    assert predictor.weights.shape == (3, 22)
    for change in (residuals, reconstruct):
        assert change(codes, none, predictor).shape == (0, 3)
        assert change(codes, none, predictor).dtype == np.int32


def test_a_set_is_fitted_as_least_squares_of_all_its_rows_at_once():
    codes = smooth_codes()
    padded = np.concatenate([codes, np.zeros((1, 3), np.int32)])
    near = padded[BLOCKS.neighbours[:, FACES[:3]]].reshape(len(codes), 9)
    inputs = np.concatenate([near, neighbour_features(BLOCKS.sides)], axis=1).astype(np.float64)
    ridge = np.concatenate([inputs, np.eye(22)])
    expected, *_ = np.linalg.lstsq(ridge, np.concatenate([codes, np.zeros((22, 3))]))
    fitted = Predictor.fit(np.split(codes, BLOCKS.starts[1:-1]), BLOCKS.states, 3)
    assert np.abs(fitted.weights - 64 * expected.T).max() <= 0.5 + 1e-6
