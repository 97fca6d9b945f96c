"""Speed of one training step, literal, dense and block-sparse, and of decoding a shape.

A literal or dense step above K = 64 takes a CPU minutes; it is timed where BENCH_PERF_LARGE is set.
"""

import os

import numpy as np
import pytest
import torch

from necgs.decoder.dense import decode_volume
from necgs.decoder.spec import block_sparse_spec, paper_spec
from necgs.training.block_settings import BlockSettings
from necgs.training.block_sparse import BlockTraining
from necgs.training.code_refinement import refined_codes
from necgs.training.dense import DenseSettings, DenseTraining
from necgs.training.surface_blocks import SurfaceBlocks
from tests.necgs import literal_paper

SHAPES = {64: 4, 128: 4, 256: 1}
"""Of a batch, by K: four do not fit into memory at 256."""


def volumes(K, channels):
    """Bumpy spheres; deformation zero."""
    axis = np.linspace(-1, 1, K)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    out = np.zeros((SHAPES[K], channels, K, K, K), np.int16)
    for i in range(SHAPES[K]):
        distance = np.sqrt(x * x + y * y + z * z) - 0.6 + 0.03 * np.sin((9 + i) * x) * np.sin(11 * y)
        out[i, 0] = np.rint(128 * (distance * (K - 1) / 4).clip(-1, 1))
    return out


def literal_step(K):
    """One step of the paper's loop as written: dense SSIM windows, volumes loaded as float."""
    codes, spec = volumes(K, 4), paper_spec(K)
    net = literal_paper.Decoder(spec.widths, 4)
    latents = torch.nn.Parameter(torch.randn(SHAPES[K], 16, 4, 4, 4) / 3)
    optimizer = torch.optim.Adam([*net.parameters(), latents], lr=1e-3)

    def step():
        quantised = literal_paper.Quantise.apply(latents)
        loss = literal_paper.loss(net(quantised), torch.from_numpy(codes).float() / 128, quantised)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def dense_step(K):
    training = DenseTraining(volumes(K, 4), paper_spec(K), DenseSettings(), "cpu", 0)
    return lambda: training.step(torch.arange(SHAPES[K]))


def block_training(codes):
    spec = block_sparse_spec(codes.shape[-1])
    return BlockTraining([SurfaceBlocks.of_codes(volume, spec) for volume in codes], spec, BlockSettings(), "cpu", 0)


def block_step(K):
    training = block_training(volumes(K, 1))
    return lambda: training.step(np.arange(SHAPES[K]), 0.5)


@pytest.mark.parametrize("K", [64, 128, 256])
@pytest.mark.parametrize("step", [literal_step, dense_step, block_step])
def test_training_step(benchmark, step, K):
    if step is block_step or K == 64:
        benchmark.pedantic(step(K), rounds=2, warmup_rounds=1)
    elif "BENCH_PERF_LARGE" in os.environ:
        benchmark.pedantic(step(K), rounds=1)
    else:
        pytest.skip("minutes a step; BENCH_PERF_LARGE=1 times it")


@pytest.mark.parametrize("shapes", [20, 200, 800])
def test_block_sparse_step_by_size_of_the_set(benchmark, shapes):
    """A step of four shapes costs the same however many others there are."""
    torch.set_num_threads(1)
    codes = volumes(64, 1)[np.arange(shapes) % 4]
    training = block_training(codes)
    random = np.random.default_rng(0)
    benchmark.pedantic(lambda: training.step(random.permutation(shapes)[:4], 0.5), rounds=20, warmup_rounds=5)


@pytest.mark.parametrize("K", [64, 128])
def test_sweep_over_the_codes(benchmark, K):
    """Four shapes, one sweep; a training has forty."""
    training = block_training(volumes(K, 1))
    shapes, decoder = np.arange(4), training._settled()
    codes = (training.latents.rows(shapes).detach() / decoder.steps).round()
    cost, neighbours = training.costs.among(shapes), training.resident.batch(shapes).neighbours
    arguments = codes, lambda tried: cost(decoder, tried, tried), neighbours, 1, 0
    benchmark.pedantic(refined_codes, arguments, rounds=10, warmup_rounds=2)


@pytest.mark.parametrize("K", [64, 128, 256])
@pytest.mark.parametrize("variant", ["dense", "block-sparse"])
def test_decode_volume(benchmark, variant, K):
    if variant == "dense":
        trained = DenseTraining(volumes(K, 4), paper_spec(K), DenseSettings(), "cpu", 0).result()
    else:
        trained = BlockTraining(volumes(K, 1), block_sparse_spec(K), BlockSettings(), "cpu", 0).result()
    benchmark.pedantic(decode_volume, (trained, 0), rounds=3, warmup_rounds=1)
