"""Decoding one shape, from its part to a mesh: entropy decoder, network, extraction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.codec import Context, Part
from necgs.coding.bitstream import SharedPart, encode_shape, encode_shared
from necgs.coding.entropy import RANGE
from necgs.decoder.spec import paper_spec, parameter_shapes
from necgs.decoder.trained_set import TrainedSet
from necgs.quantize import PAPER_EXPONENT
from necgs.stages import decode_mesh
from tests.perf.test_perf_entropy import block_set


def dense_set(resolution: int) -> TrainedSet:
    """The published decoder with random weights: as much work as a trained one."""
    rng = np.random.default_rng(0)
    spec = paper_spec(resolution)
    shapes = parameter_shapes(spec)
    weights = {name: rng.normal(0, 9, shape).round().astype(np.int32) for name, shape in shapes.items()}
    latent = rng.normal(0, 40, (64, 16)).round().astype(np.int32)
    return TrainedSet(spec, weights, dict.fromkeys(shapes, PAPER_EXPONENT), (latent,), (PAPER_EXPONENT,) * 16)


def coded(trained: TrainedSet) -> tuple[SharedPart, Part]:
    shared, _ = encode_shared(trained, RANGE)
    return shared, encode_shape(shared, trained.latents[0], trained.blocks[0] if trained.blocks else None)


@pytest.mark.parametrize("resolution", [64, 128])
def test_decode_dense(benchmark: BenchmarkFixture, resolution: int) -> None:
    torch.set_num_threads(1)
    shared, part = coded(dense_set(resolution))
    benchmark.pedantic(decode_mesh, args=(shared, part.data, Context()), rounds=3, warmup_rounds=1)


def test_decode_block_sparse(benchmark: BenchmarkFixture) -> None:
    torch.set_num_threads(1)
    shared, part = coded(block_set())
    mesh = benchmark.pedantic(decode_mesh, args=(shared, part.data, Context()), rounds=5, warmup_rounds=1)
    assert mesh.vertices.shape[1] == 3
