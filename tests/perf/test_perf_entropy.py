"""Entropy coding: the published decoder's weights, and the parts of one shape of each decoder."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from necgs.coding import entropy
from necgs.coding.bitstream import decode_shape, encode_shape, encode_shared
from necgs.coding.entropy import CODERS, RANGE, Table
from necgs.coding.mask import decode_states, encode_states
from necgs.decoder.blocks import BlockSet
from necgs.decoder.spec import block_sparse_spec, parameter_shapes
from necgs.decoder.trained_set import TrainedSet

WEIGHTS = 1_468_548
GRID = 24


def weights() -> np.ndarray:
    codes = np.random.default_rng(0).laplace(0, 15, WEIGHTS).round().clip(-128, 128)
    return codes.astype(np.int32)


def encoded(coder: str, values: np.ndarray) -> tuple[Table, bytes]:
    table = entropy.fit(coder, values)
    stream = entropy.encoder(coder)
    stream.numbers(values, table)
    return table, stream.getvalue()


def sphere() -> np.ndarray:
    """Block states of a sphere on a grid of 24^3 blocks."""
    distance = np.sqrt(((np.indices((GRID,) * 3) - (GRID - 1) / 2) ** 2).sum(axis=0))
    return np.where(distance > 9.5, 0, np.where(distance > 8, 1, 2)).astype(np.int8)


def block_set() -> TrainedSet:
    spec = block_sparse_spec(96)
    rng = np.random.default_rng(0)
    states = sphere()
    blocks = BlockSet.of(states[None])
    names = parameter_shapes(spec)
    all_weights = {n: rng.laplace(0, 5, s).round().astype(np.int32) for n, s in names.items()}
    codes = rng.normal(0, 4, (len(blocks), spec.latent_channels)).round().astype(np.int32)
    return TrainedSet(spec, all_weights, dict.fromkeys(names, -40), (codes,), (-20,) * spec.latent_channels, (states,))


@pytest.mark.parametrize("coder", CODERS)
def test_encode_weights(benchmark: BenchmarkFixture, coder: str) -> None:
    _, data = benchmark(encoded, coder, weights())
    assert len(data) < WEIGHTS


@pytest.mark.parametrize("coder", CODERS)
def test_decode_weights(benchmark: BenchmarkFixture, coder: str) -> None:
    table, data = encoded(coder, weights())
    decoded = benchmark(lambda: entropy.decoder(coder, data).numbers(WEIGHTS, table))
    assert np.array_equal(decoded, weights())


def test_encode_block_states(benchmark: BenchmarkFixture) -> None:
    def run() -> bytes:
        stream = entropy.encoder(RANGE)
        encode_states(stream, sphere())
        return stream.getvalue()

    assert benchmark(run)


def test_decode_block_states(benchmark: BenchmarkFixture) -> None:
    stream = entropy.encoder(RANGE)
    encode_states(stream, sphere())
    data = stream.getvalue()
    assert np.array_equal(benchmark(lambda: decode_states(entropy.decoder(RANGE, data), GRID)), sphere())


def test_encode_a_block_sparse_shape(benchmark: BenchmarkFixture) -> None:
    trained = block_set()
    shared, _ = encode_shared(trained, RANGE)
    assert benchmark(encode_shape, shared, trained.latents[0], trained.blocks[0]).data


def test_decode_a_block_sparse_shape(benchmark: BenchmarkFixture) -> None:
    trained = block_set()
    shared, _ = encode_shared(trained, RANGE)
    data = encode_shape(shared, trained.latents[0], trained.blocks[0]).data
    assert np.array_equal(benchmark(decode_shape, shared, data).latents[0], trained.latents[0])
