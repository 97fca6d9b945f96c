"""Speed of deformable marching cubes and of computing a TSDF."""

import pytest
import torch
import trimesh

from necgs.volume.banded_tsdf import banded_tsdf
from necgs.volume.dmc import extract, extract_blocks
from necgs.volume.resampled_extraction import extract_at


def volume(K):
    axis = torch.linspace(-1, 1, K)
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    field = (x * x + y * y + z * z).sqrt() - 0.7 + 0.05 * torch.sin(20 * x) * torch.sin(20 * y)
    return (field * (K - 1) / 4).clamp(-1, 1), torch.zeros(3, K, K, K)


@pytest.mark.parametrize("K", [64, 128])
def test_extract(benchmark, K):
    values = volume(K)
    with torch.no_grad():
        benchmark(extract, *values)


@pytest.mark.parametrize("K", [64, 128])
def test_extract_and_backward(benchmark, K):
    values = [v.requires_grad_() for v in volume(K)]

    def step():
        vertices, _ = extract(*values)
        vertices.square().sum().backward()

    benchmark(step)


@pytest.mark.parametrize("K", [64, 128])
def test_extract_blocks(benchmark, K):
    """Of 8^3 points, those that the surface enters."""
    tsdf = volume(K)[0]
    cut = tsdf.view(K // 8, 8, K // 8, 8, K // 8, 8).permute(0, 2, 4, 1, 3, 5)
    low, high = cut.amin((3, 4, 5)), cut.amax((3, 4, 5))
    near = (low < 0.5) & (high > -0.5)
    with torch.no_grad():
        vertices, _ = benchmark(extract_blocks, cut[near][:, None], torch.nonzero(near), K, high < 0)
    assert len(vertices) == len(extract(tsdf)[0])


@pytest.mark.parametrize("R", [64, 128, 255])
def test_extract_on_another_grid_than_128(benchmark, R):
    values = torch.cat([volume(128)[0][None], volume(128)[1]])
    benchmark(extract_at, values, R)


@pytest.mark.parametrize("K", [64, 128])
def test_tsdf(benchmark, K):
    mesh = trimesh.creation.icosphere(5, 0.8)
    benchmark.pedantic(banded_tsdf, (mesh, K), rounds=3, warmup_rounds=1)
