import pytest
import torch

from necgs.decoder.dense import dense_decoder, initial_weights, pixel_shuffle_3d
from necgs.decoder.spec import BLOCK_SPARSE, DENSE, DecoderSpec, latent_shape, paper_spec, parameter_shapes
from tests.necgs import literal_paper


def test_published_decoder_has_the_published_number_of_parameters():
    spec = paper_spec()
    assert spec.parameter_count == 1_468_548
    assert latent_shape(spec) == (64, 16)
    assert [paper_spec(K).widths for K in (64, 256)] == [(64, 48, 32, 24), (64, 48, 32, 24, 16, 16)]


def test_numbers_round_trip():
    for spec in (paper_spec(), paper_spec(64, channels=1)):
        assert DecoderSpec.of(spec.variant, spec.numbers()) == spec


@pytest.mark.parametrize(
    "numbers",
    [
        (128, 4, 4, 16),
        (1 << 20, 4, 4, 16, 8),
        (128, 3, 4, 16, 1, 1, 1, 1, 1),
        (128, 4, 4, 1 << 30, 1, 1, 1, 1, 1),
        (128, 4, 4, 16, 0, 1, 1, 1, 1),
        (128, 4, 4, 16, 1, 1, 1, 1),
        (128, 4, 4, 1024, 1024, 1024, 1024, 1024, 1024),
        (128, 4, 0, 16, 1, 1, 1, 1, 1),
    ],
)
def test_hostile_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match=r"\d"):
        DecoderSpec.of(DENSE, numbers)


@pytest.mark.parametrize(
    ("variant", "numbers", "reason"),
    [
        (DENSE, (512, 4, 4, 1, 1, 1, 1, 1, 1, 1, 64), "level of"),  # 64 GB between two levels
        (DENSE, (512, 1, 256, 64, 1), "latent numbers"),
        (BLOCK_SPARSE, (512, 1, 256, 1, 8), "blocks per axis"),
    ],
)
def test_small_numbers_that_ask_for_too_much_memory_are_refused(variant, numbers, reason):
    with pytest.raises(ValueError, match=reason):
        DecoderSpec.of(variant, numbers)


def test_the_largest_published_decoder_is_allowed():
    assert paper_spec(512).resolution == 512


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="sparse-ish"):
        DecoderSpec("sparse-ish", 64, 4, 4, 16, (8, 8, 8, 8))


def test_pixel_shuffle_agrees_with_the_literal_one():
    x = torch.randn(2, 24, 3, 4, 5)
    assert torch.equal(pixel_shuffle_3d(x), literal_paper.shuffle(x))


def test_output_has_the_shape_that_the_spec_names():
    spec = DecoderSpec(DENSE, 32, 4, 4, 8, (4, 3, 2))
    weights = initial_weights(spec, torch.Generator().manual_seed(0), kaiming=True)
    assert {n: tuple(w.shape) for n, w in weights.items()} == parameter_shapes(spec)
    assert dense_decoder(spec, weights, torch.randn(2, 64, 8)).shape == (2, 4, 32, 32, 32)
