"""The network against a literal multilayer perceptron, and its training on small fields."""

import numpy as np
import pytest
import torch

from baselines.neural.quantdeepsdf import network
from baselines.neural.quantdeepsdf.network import Field, forward, initial_latents, initial_layers
from baselines.neural.quantdeepsdf.points import ShapePoints, TrainingPoints
from baselines.neural.quantdeepsdf.settings import NetworkSpec, QuantDeepSdfRate
from baselines.neural.quantdeepsdf.training import QUANTIZER, field_loss, train
from necgs.volume.tsdf_def import TsdfDef

K = 16
SMALL = {"resolution": K, "latent": 4, "width": 16, "steps": 250, "batch": 2048, "learning_rate": 1e-2}


def sphere_codes(radius, channels=1):
    """The volume of a sphere; where there is a deformation, it is a function of the place."""
    axis = np.linspace(-1, 1, K)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    tsdf = (np.sqrt(x * x + y * y + z * z) - radius) * (K - 1) / 4
    return TsdfDef.of(np.clip(tsdf, -1, 1), np.stack([x, y, z]) / 2).codes[:channels]


def rate(**settings):
    return QuantDeepSdfRate.of({**SMALL, **settings})


@pytest.fixture(scope="module")
def spheres():
    return [ShapePoints.of(sphere_codes(radius), seed=0) for radius in (0.5, 0.75)]


def field(trained, index):
    layers = [tuple(torch.from_numpy(codes) / 128 for codes in layer) for layer in trained.layers]
    return Field(layers, torch.from_numpy(trained.latents[index]) / 128, trained.spec.resolution)


def test_equals_a_perceptron_on_position_and_latent_joined():
    spec = NetworkSpec(64, 4, 5, 7)
    generator = torch.Generator().manual_seed(1)
    layers = initial_layers(spec, generator)
    latents = initial_latents(3, spec, generator)
    positions = torch.rand((3, 11, 3), generator=generator) * 2 - 1
    modules = []
    for weight, bias in layers:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data, linear.bias.data = weight, bias
        modules += [linear, torch.nn.ReLU()]
    joined = torch.cat([positions, latents[:, None].expand(-1, 11, -1)], dim=-1)
    expected = torch.nn.Sequential(*modules[:-1])(joined)
    torch.testing.assert_close(forward(layers, positions, latents), expected, atol=1e-5, rtol=1e-5)
    assert len(layers) == 8
    assert sum(w.numel() + b.numel() for w, b in layers) == spec.parameter_count


def test_a_value_does_not_depend_on_the_other_points(monkeypatch):
    monkeypatch.setattr(network, "CPU_CHUNK", 256)
    spec = NetworkSpec(16, 4, 5, 24)
    generator = torch.Generator().manual_seed(0)
    some = Field(initial_layers(spec, generator), initial_latents(1, spec, generator)[0], 16)
    points = torch.cartesian_prod(*[torch.arange(16)] * 3)
    order = torch.randperm(len(points), generator=generator)[:777]
    assert torch.equal(some(points)[order], some(points[order]))
    assert some(points)[:, 1:].abs().max() <= 1


def test_loss_of_known_errors():
    target = torch.tensor([[[0.5], [1.0], [-1.0], [1.0]]])
    found = torch.tensor([[[0.25], [3.0], [-0.5], [-1.0]]])
    assert field_loss(found, target) == pytest.approx((0.25 + 0 + 0.5 + 2) / 4)


def test_loss_asks_for_the_deformation_near_the_surface_only():
    target = torch.tensor([[[0.5, 0.1, 0.2, 0.3], [1.0, 0.9, 0.9, 0.9]]])
    found = torch.tensor([[[0.5, 0.1, 0.2, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    assert field_loss(found, target) == pytest.approx(0.3 / 3 / 2)


def test_training_finds_the_shapes_again(spheres):
    trained = train(spheres, rate())
    grid = torch.cartesian_prod(*[torch.arange(K)] * 3)
    for index, radius in enumerate((0.5, 0.75)):
        expected = sphere_codes(radius).ravel() / 128
        found = field(trained, index)(grid)[:, 0].clamp(-1, 1).numpy()
        assert np.abs(found - expected).mean() < 0.1


def test_training_finds_the_deformation():
    trained = train([ShapePoints.of(codes := sphere_codes(0.6, 4), seed=0)], rate(deformation=True))
    band = np.abs(codes[0]) < 128
    found = field(trained, 0)(torch.from_numpy(np.argwhere(band))).numpy()
    assert np.abs(found[:, 1:].T - codes[1:, band] / 128).mean() < 0.1


def test_the_same_seed_gives_the_same_codes(spheres):
    first, again, other = (train(spheres, rate(steps=20), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.latents, again.latents)
    assert not np.array_equal(first.latents, other.latents)
    for (weight, bias), (same_weight, same_bias) in zip(first.layers, again.layers, strict=True):
        assert np.array_equal(weight, same_weight)
        assert np.array_equal(bias, same_bias)


def test_weights_and_latents_are_codes_of_the_published_quantiser(spheres):
    trained = train(spheres, rate(steps=20, learning_rate=0.5))
    arrays = [trained.latents, *(codes for layer in trained.layers for codes in layer)]
    assert QUANTIZER.step == 1 / 128
    assert all(codes.dtype == np.int32 and np.abs(codes).max() <= 128 for codes in arrays)
    assert max(np.abs(codes).max() for codes in arrays) == 128


def test_points_are_the_band_and_as_many_others():
    codes = sphere_codes(0.6, 4)
    points = ShapePoints.of(codes, seed=3)
    band = np.abs(codes[0]).ravel() < 128
    assert np.array_equal(points.near, np.flatnonzero(band))
    assert not band[points.far].any()
    assert len(np.unique(points.far)) == len(points.far) == min(band.sum(), (~band).sum())
    assert np.array_equal(points.near_codes, codes.reshape(4, -1)[:, points.near].T)
    assert np.array_equal(points.far_codes, codes.reshape(4, -1)[:, points.far].T)


@pytest.mark.parametrize("value", [128, 0])
def test_points_of_a_volume_that_is_all_of_a_kind(value):
    points = ShapePoints.of(np.full((1, K, K, K), value, np.int16), seed=0)
    assert len(points.near)
    assert len(points.far)


def test_batches_hold_places_and_their_values(spheres):
    points = TrainingPoints(spheres, K, 256, "cpu")
    shapes, positions, values = points.draw(torch.Generator().manual_seed(0))
    assert sorted(shapes.tolist()) == [0, 1]
    assert positions.shape == (2, 128, 3)
    index = ((positions + 1) * (K - 1) / 2).round().long()
    for shape, at, value in zip(shapes.tolist(), index, values, strict=True):
        codes = sphere_codes((0.5, 0.75)[shape])[0][tuple(at.T.numpy())]
        assert np.array_equal(codes / 128, value[:, 0].numpy())
        assert (np.abs(codes) < 128).sum() == round(0.8 * 128)


def test_large_sets_are_trained_some_shapes_at_a_time(spheres):
    points = TrainingPoints(spheres * 10, K, 256, "cpu")
    shapes, positions, _ = points.draw(torch.Generator().manual_seed(0))
    assert positions.shape == (4, 64, 3)
    assert len(set(shapes.tolist())) == 4
