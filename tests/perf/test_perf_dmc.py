"""Speed of deformable marching cubes and of computing a TSDF."""

import pytest
import torch
import trimesh

from necgs.dmc import extract
from necgs.tsdf_def import tsdf


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
def test_tsdf(benchmark, K):
    mesh = trimesh.creation.icosphere(5, 0.8)
    benchmark.pedantic(tsdf, (mesh, K), rounds=3, warmup_rounds=1)
