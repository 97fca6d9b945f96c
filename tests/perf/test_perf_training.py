"""Speed of one training step, literal, dense and block-sparse, and of decoding a shape."""

import numpy as np
import pytest
import torch

from necgs.block_training import BlockSettings, BlockTraining
from necgs.decoder import decode_volume
from necgs.decoder_spec import block_sparse_spec, paper_spec
from necgs.dense_training import DenseSettings, DenseTraining
from tests.necgs import literal_paper

SHAPES = 4


def volumes(K, channels):
    """Bumpy spheres; deformation zero."""
    axis = np.linspace(-1, 1, K)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    out = np.zeros((SHAPES, channels, K, K, K), np.int16)
    for i in range(SHAPES):
        distance = np.sqrt(x * x + y * y + z * z) - 0.6 + 0.03 * np.sin((9 + i) * x) * np.sin(11 * y)
        out[i, 0] = np.rint(128 * (distance * (K - 1) / 4).clip(-1, 1))
    return out


def literal_step(K):
    """One step of the paper's loop as written: dense SSIM windows, volumes loaded as float."""
    codes, spec = volumes(K, 4), paper_spec(K)
    net = literal_paper.Decoder(spec.widths, 4)
    latents = torch.nn.Parameter(torch.randn(SHAPES, 16, 4, 4, 4) / 3)
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
    return lambda: training.step(torch.arange(SHAPES))


def block_step(K):
    training = BlockTraining(volumes(K, 1), block_sparse_spec(K), BlockSettings(), "cpu", 0)
    return lambda: training.step(np.arange(SHAPES), 0.5)


@pytest.mark.parametrize("K", [64, 128])
@pytest.mark.parametrize("step", [literal_step, dense_step, block_step])
def test_training_step_of_four_shapes(benchmark, step, K):
    if step is not block_step and K > 64:
        pytest.skip("minutes a step")
    benchmark.pedantic(step(K), rounds=2, warmup_rounds=1)


@pytest.mark.parametrize("K", [64, 128])
@pytest.mark.parametrize("variant", ["dense", "block-sparse"])
def test_decode_volume(benchmark, variant, K):
    if variant == "dense":
        trained = DenseTraining(volumes(K, 4), paper_spec(K), DenseSettings(), "cpu", 0).result()
    else:
        trained = BlockTraining(volumes(K, 1), block_sparse_spec(K), BlockSettings(), "cpu", 0).result()
    benchmark.pedantic(decode_volume, (trained, 0), rounds=3, warmup_rounds=1)
