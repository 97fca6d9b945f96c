"""Sparse convolutions of PCGCv2 on the voxels of a surface (about 80,000, ten neighbours each)."""

import numpy as np
import pytest
import torch
import trimesh

from baselines.points.pcgcv2.network import Encoder
from baselines.points.pcgcv2.sparse import SparseConvolution, neighbour_table, pack_keys
from bench.metrics.voxels import surface_voxels


@pytest.fixture(scope="module")
def keys():
    torch.set_num_threads(1)
    mesh = trimesh.creation.torus(0.6, 0.3, major_sections=160, minor_sections=80)
    return pack_keys(torch.from_numpy(surface_voxels(np.asarray(mesh.triangles), 8)[0]))


def test_neighbour_table(benchmark, keys):
    benchmark(neighbour_table, keys)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 16), (16, 16), (32, 32), (64, 64)])
def test_convolution(benchmark, keys, inputs, outputs):
    layer, table = SparseConvolution(27, inputs, outputs), neighbour_table(keys)
    features = torch.randn(len(keys), inputs)
    with torch.inference_mode():
        benchmark(layer, features, table)


def test_encoder(benchmark, keys):
    network = Encoder()
    with torch.inference_mode():
        benchmark.pedantic(network, (keys,), rounds=3, warmup_rounds=1)
