import numpy as np
import pytest
import torch

from necgs.decoder.dense import decode_volume
from necgs.decoder.encoder import encode_volumes, encoder_shapes, initial_encoder, stages
from necgs.decoder.spec import DENSE, DecoderSpec, paper_spec
from necgs.paper_settings import PaperRate
from necgs.training.dense import DenseSettings
from necgs.training.train import train
from tests.necgs.training.test_dense import spheres

SPEC = DecoderSpec(DENSE, 32, 1, 4, 4, (4, 3, 2))


def test_published_strides_and_channels():
    assert stages(paper_spec(128)) == ((4, 64), (2, 64), (2, 64), (2, 16))
    assert [np.prod([s for s, _ in stages(paper_spec(K))]) for K in (64, 128, 256)] == [16, 32, 64]
    with pytest.raises(ValueError, match="no encoder"):
        stages(DecoderSpec(DENSE, 16, 1, 4, 4, (4, 4)))


def test_latents_have_the_decoder_s_shape_and_depend_on_all_weights():
    weights = {n: w.requires_grad_() for n, w in initial_encoder(SPEC, torch.Generator().manual_seed(0)).items()}
    assert {n: tuple(w.shape) for n, w in weights.items()} == encoder_shapes(SPEC)
    latents = encode_volumes(SPEC, weights, torch.randn(2, 1, 32, 32, 32))
    assert latents.shape == (2, 64, 4)
    latents.square().sum().backward()
    assert all(w.grad.abs().sum() > 0 for w in weights.values())


def test_rows_are_latent_cells_in_c_order():
    weights = initial_encoder(SPEC, torch.Generator().manual_seed(0))
    for name in weights:
        if "project" in name:
            weights[name].zero_()
    volume = torch.zeros(1, 1, 32, 32, 32)
    still = encode_volumes(SPEC, weights, volume)
    volume[0, 0, 8, 16, 24] = 1
    moved = encode_volumes(SPEC, weights, volume)
    assert (moved != still)[0].any(1).nonzero().flatten().tolist() == [(1 * 4 + 2) * 4 + 3]


def test_an_auto_encoder_codes_the_same_things_and_depends_on_the_volume():
    volumes = spheres(n=2, K=32, channels=1)
    settings = DenseSettings(epochs=2, encoder=True)
    a, b = (train(volumes, SPEC, settings) for _ in range(2))
    assert a.latents[0].shape == (64, 4)
    assert all(np.array_equal(x, y) for x, y in zip(a.latents, b.latents, strict=True))
    assert not np.array_equal(a.latents[0], a.latents[1])
    assert decode_volume(a, 1).shape == (1, 32, 32, 32)


def test_the_codec_s_setting_reaches_the_training():
    assert PaperRate(resolution=64, architecture="auto-encoder").training().encoder
    assert not PaperRate(resolution=64).training().encoder
