"""Coding of block latents: lossless, as small as its model says, smaller than residuals under one table a channel."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from bench.codec import CorruptArchive
from necgs.coding import frequency_table
from necgs.coding.entropy import RangeDecoder, RangeEncoder
from necgs.coding.frequency_table import TOTAL
from necgs.coding.latent_model import LatentModel, frequencies
from necgs.coding.prediction import Predictor, residuals
from necgs.decoder.blocks import BlockSet

GRID = 14


def ball(shift: float) -> np.ndarray:
    """Block states of a ball."""
    x, y, z = np.indices((GRID, GRID, GRID)) - (GRID - 1) / 2
    distance = np.sqrt((x - shift) ** 2 + y**2 + z**2)
    return np.where(distance > 6, 0, np.where(distance > 4.8, 1, 2)).astype(np.int8)


def smooth_codes(states: list[np.ndarray], spread: float) -> list[np.ndarray]:
    """Latents that vary slowly in space, rougher in one half of the shape than in the other."""
    rng = np.random.default_rng(5)
    shapes = []
    for state in states:
        at = np.argwhere(state == 1)
        trend = 6 * np.stack([np.sin(at @ w) for w in rng.normal(0, 0.3, (3, 3))], axis=1)
        noise = rng.normal(0, 1, trend.shape) * np.where(at[:, :1] < GRID / 2, 0.2, 1.5) * (3, 1.5, 0.7)
        shapes.append(np.rint(spread * (trend + noise)).astype(np.int32))
    return shapes


@pytest.fixture(scope="module")
def coded() -> tuple[list[np.ndarray], list[np.ndarray], LatentModel]:
    states = [ball(shift) for shift in (0.0, 0.3, -0.4)]
    codes = smooth_codes(states, 0.3)
    return codes, states, LatentModel.fit(codes, states, Predictor.fit(codes, states, 3))


Coded = tuple[list[np.ndarray], list[np.ndarray], LatentModel]


def test_codes_come_back_shape_by_shape(coded: Coded) -> None:
    shapes, states, model = coded
    for codes, state in zip(shapes, states, strict=True):
        encoder = RangeEncoder()
        np.testing.assert_array_equal(model.encode(encoder, codes, state), codes)
        data = encoder.getvalue()
        np.testing.assert_array_equal(model.decode(RangeDecoder(data), state), codes)
        assert len(data) <= encoder.ideal_bits / 8 + 1.5


def test_known_widths_and_fractions_save_bytes_against_one_table_a_channel(coded: Coded) -> None:
    shapes, states, model = coded
    left = residuals(np.concatenate(shapes), BlockSet.of(np.stack(states)), model.predictor)
    one_table = sum(_bits(channel) for channel in left.T)
    bits = 0.0
    for codes, state in zip(shapes, states, strict=True):
        encoder = RangeEncoder()
        model.encode(encoder, codes, state)
        bits += encoder.ideal_bits
    assert bits < 0.96 * one_table


def _bits(values: np.ndarray) -> float:
    table = frequency_table.fit(values)
    return table.bits(np.bincount(values - table.low, minlength=table.size))


def test_codes_out_of_reach_are_moved_and_decoded_as_moved(coded: Coded) -> None:
    shapes, states, model = coded
    later = shapes[0] * 90
    encoder = RangeEncoder()
    moved = model.encode(encoder, later, states[0])
    assert (moved != later).any()
    np.testing.assert_array_equal(model.decode(RangeDecoder(encoder.getvalue()), states[0]), moved)


def test_a_shape_without_occupied_blocks_takes_nothing(coded: Coded) -> None:
    _, _, model = coded
    nothing = np.zeros((4, 4, 4), dtype=np.int8)
    encoder = RangeEncoder()
    model.encode(encoder, np.zeros((0, 3), dtype=np.int32), nothing)
    assert encoder.getvalue() == b""
    assert model.decode(RangeDecoder(b""), nothing).shape == (0, 3)


def test_a_few_bytes_do_not_ask_for_millions_of_latents() -> None:
    everywhere = np.ones((64, 64, 64), dtype=np.int8)
    tracemalloc.start()
    with pytest.raises(CorruptArchive, match="more numbers than"):
        LatentModel(Predictor(np.zeros((100, 313), np.int32)), (0,) * 100, 1).decode(RangeDecoder(b"few"), everywhere)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("reach", [1, 7, 300, 1023])
def test_distributions_are_gaussians_about_the_quarters(reach: int) -> None:
    table = frequencies(reach)
    assert table.shape == (4, 128, 2 * reach + 1)
    assert table.min() >= 1
    assert (table.sum(axis=2) == TOTAL).all()
    at = np.arange(-reach, reach + 1)
    for phase in range(4):
        narrow = table[phase, 44] / TOTAL  # a standard deviation of about 2.8 quarters
        assert at @ narrow == pytest.approx(phase / 4, abs=0.03 + 0.5 * (reach == 1))


def test_the_width_of_a_distribution_doubles_every_eight_scales() -> None:
    at = np.arange(-100, 101)
    spreads = [np.sqrt(at**2 @ (frequencies(100)[0, scale] - 1) / TOTAL) for scale in (56, 64, 72)]
    np.testing.assert_allclose(np.divide(spreads[1:], spreads[:-1]), 2, rtol=0.03)


def test_codes_too_far_from_their_prediction_are_refused_with_a_remedy() -> None:
    states = [ball(0.0)]
    codes = [np.where(np.arange((states[0] == 1).sum())[:, None] % 2, 2000, -2000).astype(np.int32)]
    predictor = Predictor(np.zeros((1, 16), dtype=np.int32))
    with pytest.raises(ValueError, match="use larger steps"):
        LatentModel.fit(codes, states, predictor)
