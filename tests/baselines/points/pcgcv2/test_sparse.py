"""Sparse convolutions against PyTorch's dense ones."""

import pytest
import torch
from torch.nn.functional import conv3d, conv_transpose3d

from baselines.points.pcgcv2 import sparse
from baselines.points.pcgcv2.sparse import GenerativeUpsampling, SparseConvolution

SIZE = 8


@pytest.fixture
def cloud():
    """Sorted keys, coordinates and features of a random set, and the same as a dense volume (1, c, x, y, z)."""
    generator = torch.Generator().manual_seed(0)
    occupied = torch.rand(SIZE, SIZE, SIZE, generator=generator) < 0.3
    coordinates = occupied.nonzero()
    features = torch.randn(len(coordinates), 4, generator=generator)
    dense = torch.zeros(1, 4, SIZE, SIZE, SIZE)
    dense[0, :, coordinates[:, 0], coordinates[:, 1], coordinates[:, 2]] = features.T
    return sparse.pack_keys(coordinates), coordinates, features, dense


def dense_kernel(kernel, size):
    """(taps, in, out) with x fastest -> (out, in, x, y, z)."""
    return kernel.reshape(size, size, size, *kernel.shape[1:]).permute(4, 3, 2, 1, 0)


def test_keys_come_back_and_are_sorted(cloud):
    keys, coordinates, _, _ = cloud
    assert torch.equal(sparse.unpack_keys(keys), coordinates)
    assert torch.equal(keys, keys.sort().values)


@pytest.mark.parametrize("chunk", [1 << 25, 500])
def test_convolution(cloud, chunk, monkeypatch):
    monkeypatch.setattr(sparse, "CHUNK_FLOATS", chunk)
    keys, at, features, dense = cloud
    layer = SparseConvolution(27, 4, 5)
    expected = conv3d(dense, dense_kernel(layer.kernel, 3), layer.bias[0], padding=1)[0][
        :, at[:, 0], at[:, 1], at[:, 2]
    ].T
    assert torch.allclose(layer(features, sparse.neighbour_table(keys)), expected, atol=1e-5)


def test_strided_convolution(cloud):
    keys, _, features, dense = cloud
    layer = SparseConvolution(8, 4, 5)
    coarse, table = sparse.parents(keys)
    at = sparse.unpack_keys(coarse)
    expected = conv3d(dense, dense_kernel(layer.kernel, 2), layer.bias[0], stride=2)[0]
    assert torch.allclose(layer(features, table), expected[:, at[:, 0], at[:, 1], at[:, 2]].T, atol=1e-5)
    assert torch.equal(coarse, coarse.sort().values)


def test_generative_upsampling(cloud):
    keys, _, features, dense = cloud
    layer = GenerativeUpsampling(4, 5)
    fine, order = sparse.children(keys)
    at = sparse.unpack_keys(fine)
    kernel = dense_kernel(layer.kernel, 2).transpose(0, 1)
    expected = conv_transpose3d(dense, kernel, layer.bias[0], stride=2)[0][:, at[:, 0], at[:, 1], at[:, 2]].T
    assert torch.allclose(layer(features, order), expected, atol=1e-5)
    assert torch.equal(fine, fine.sort().values)
    assert torch.equal(sparse.parents(fine)[0], keys)


def test_neighbours_do_not_wrap_around_the_grid():
    keys = sparse.pack_keys(torch.tensor([[0, 0, 0], [0, 0, (1 << 16) - 1], [0, 1, 0], [5, 0, 0]]))
    table = sparse.neighbour_table(keys)
    assert (table != 4).sum() == 4 + 2  # each is its own neighbour; only (0, 0, 0) and (0, 1, 0) touch
