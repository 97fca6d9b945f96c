import numpy as np
import pytest
import torch

from baselines.points.pcgcv2.features import decode_features, encode_features
from baselines.points.pcgcv2.network import EntropyBottleneck
from bench.codec import CorruptArchive


@pytest.fixture
def model():
    torch.manual_seed(0)
    return EntropyBottleneck()


def test_latents_come_back_at_the_models_cost(model):
    latents = np.random.default_rng(0).integers(-6, 7, (500, 8)).astype(np.int32)
    data = encode_features(latents, -6, 6, model)
    assert np.array_equal(decode_features(data, 500, -6, 6, model), latents)
    with torch.no_grad():
        weight = model.likelihood(torch.arange(-6.0, 7.0)[:, None].expand(-1, 8))
        share = weight / weight.sum(dim=0)
    bits = -np.log2(share.numpy()[latents + 6, np.arange(8)]).sum()
    assert bits / 8 - 1 <= len(data) <= bits / 8 * 1.01 + 8


def test_equal_latents_cost_nothing(model):
    latents = np.full((10, 8), -2, np.int32)
    assert encode_features(latents, -2, -2, model) == b""
    assert np.array_equal(decode_features(b"", 10, -2, -2, model), latents)


def test_cut_streams_are_refused(model):
    with pytest.raises(CorruptArchive):
        decode_features(b"abc", 10, -1, 1, model)
