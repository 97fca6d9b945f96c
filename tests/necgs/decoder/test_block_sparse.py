import numpy as np
import pytest
import torch
import torch.nn.functional as F

from necgs.decoder.block_sparse import block_decoder, pixel_shuffle, with_halo
from necgs.decoder.blocks import BlockSet, scatter_blocks
from necgs.decoder.spec import BLOCK_SPARSE, DecoderSpec, block_sparse_spec, latent_shape, parameter_shapes
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE

STATES = np.random.default_rng(1).choice(
    np.array([OUTSIDE, OCCUPIED, INSIDE], np.int8), (1, 3, 3, 3), p=[0.3, 0.5, 0.2]
)
BLOCKS = BlockSet.of(STATES)


def dense(x, channels_last):
    """(n, s, s, s, c) features of the occupied blocks -> (1, c, 3 s, ...), zeros elsewhere."""
    blocks = channels_last.permute(0, 4, 1, 2, 3)
    out = torch.zeros(3, 3, 3, *blocks.shape[1:])
    out[torch.from_numpy(STATES[0] == OCCUPIED)] = blocks
    s = blocks.shape[2]
    return out.permute(3, 0, 4, 1, 5, 2, 6).reshape(1, -1, 3 * s, 3 * s, 3 * s)


@pytest.mark.parametrize("edge", [1, 2, 4])
def test_convolution_with_halo_equals_the_dense_one(edge):
    x, kernel = torch.randn(len(BLOCKS), edge, edge, edge, 3), torch.randn(5, 3, 3, 3, 3)
    padded = with_halo(x, torch.from_numpy(BLOCKS.neighbours)).permute(0, 4, 1, 2, 3)
    mine = dense(x, F.conv3d(padded, kernel).permute(0, 2, 3, 4, 1))
    everywhere = F.conv3d(dense(x, x), kernel, padding=1)
    occupied = dense(x, torch.ones(len(BLOCKS), edge, edge, edge, 1)).bool()
    torch.testing.assert_close(mine, everywhere * occupied, atol=1e-5, rtol=1e-5)


def test_first_convolution_is_that_of_latents_and_sides_together():
    spec = block_sparse_spec(24, (6,), latent_channels=4, block=8)
    weights = {name: torch.randn(shape) for name, shape in parameter_shapes(spec).items()}
    weights["out.bias"] = torch.zeros_like(weights["out.bias"])
    latents = torch.randn(len(BLOCKS), 4)
    sides, neighbours = torch.from_numpy(BLOCKS.sides), torch.from_numpy(BLOCKS.neighbours)
    near = torch.cat([with_halo(latents.view(-1, 1, 1, 1, 4), neighbours), sides.view(-1, 3, 3, 3, 1)], dim=-1)
    hidden = F.gelu(F.conv3d(near.permute(0, 4, 1, 2, 3), weights["conv0.weight"], weights["conv0.bias"]))
    of_network = pixel_shuffle(F.linear(hidden.permute(0, 2, 3, 4, 1), weights["out.weight"]), 8)
    linear = F.linear(latents, weights["synthesis.weight"], weights["synthesis.bias"]).view(-1, 1, 8, 8, 8)
    values = block_decoder(spec, weights, latents, neighbours, sides)
    torch.testing.assert_close(values, linear + of_network.permute(0, 4, 1, 2, 3), atol=1e-5, rtol=1e-5)


def test_gradient_of_the_halo():
    x = torch.randn(len(BLOCKS), 2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: with_halo(t, torch.from_numpy(BLOCKS.neighbours)), x)


def test_spread_puts_channels_at_their_places():
    x = torch.arange(2 * 8 * 3.0).view(1, 1, 1, 2, 24)[:, :, :, :1]
    out = pixel_shuffle(x, 2)
    for a, b, e, c in np.ndindex(2, 2, 2, 3):
        assert out[0, a, b, e, c] == (4 * a + 2 * b + e) * 3 + c


@pytest.mark.parametrize(("widths", "channels"), [((6,), 1), ((6, 4, 5), 1), ((6, 4, 5, 3, 4), 4)])
def test_output_has_the_shape_that_the_spec_names(widths, channels):
    spec = block_sparse_spec(24, widths, latent_channels=4, block=8, channels=channels)
    weights = {n: torch.randn(s) for n, s in parameter_shapes(spec).items()}
    latents = torch.randn(latent_shape(spec, len(BLOCKS)))
    sides, neighbours = torch.from_numpy(BLOCKS.sides), torch.from_numpy(BLOCKS.neighbours)
    values = block_decoder(spec, weights, latents, neighbours, sides)
    assert values.shape == (len(BLOCKS), channels, 8, 8, 8)
    assert scatter_blocks(values.numpy(), STATES[0]).shape == (channels, 24, 24, 24)


@pytest.mark.parametrize("numbers", [(24, 1, 3, 4, 8, 8), (24, 1, 5, 4, 8), (24, 1, 24, 4, 8, 8, 8), (24, 1, 3, 4)])
def test_impossible_decoders_are_refused(numbers):
    with pytest.raises(ValueError, match=r"\d"):
        DecoderSpec.of(BLOCK_SPARSE, numbers)


def test_numbers_round_trip():
    spec = block_sparse_spec(96, (32,))
    assert DecoderSpec.of(spec.variant, spec.numbers()) == spec
    assert spec.latent_grid == 24
