"""The compiled cost of blocks against torch's operators, which autograd differentiates; threads do not show."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from necgs.decoder.spec import DecoderSpec, block_sparse_spec
from necgs.training import block_kernels as kernels
from necgs.training.block_settings import BlockSettings
from necgs.training.block_sparse import BlockTraining
from necgs.training.compiled_cost import CHUNK
from necgs.training.priced_decoder import PricedDecoder
from necgs.training.rate_model import laplace_bits
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.training.train import train
from tests.necgs.training.test_dense import spheres

SPECS = {
    "default": block_sparse_spec(32),
    "odd numbers": block_sparse_spec(24, (7,), latent_channels=5),
    "deformed": block_sparse_spec(24, (8,), latent_channels=6, channels=4),
    "blocks of two": block_sparse_spec(24, (9,), latent_channels=4, block=2),
    "blocks of eight": block_sparse_spec(32, (16,), latent_channels=16, block=8),
}
PRICE = 5e-3


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def started(spec: DecoderSpec) -> BlockTraining:
    """A training of three spheres and a shape without a surface, whose weights are no longer those of the start."""
    K = spec.resolution
    volumes = np.concatenate(
        [spheres(K=K, channels=spec.channels), np.full((1, spec.channels, K, K, K), 128, np.int16)]
    )
    blocks = [SurfaceBlocks.of_codes(volume, spec) for volume in volumes]
    training = BlockTraining(blocks, spec, BlockSettings(lambda_=1000 * PRICE), "cpu", 0)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in training._parameters().values():
            value += 0.05 * torch.randn(value.shape, generator=noise)
    return training


def cost_and_gradients(
    training: BlockTraining, shapes: np.ndarray, *, compiled: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Of random codes, with a weight for each block; the reference in float64."""
    assert training.costs.shapes is not None
    costs = training.costs if compiled else dataclasses.replace(training.costs, shapes=None)
    noise = torch.Generator().manual_seed(2)
    count, channels = len(training.latents.rows(shapes)), training.spec.latent_channels
    coded = 3 * torch.randn(count, channels, generator=noise)
    rated = coded + torch.rand(coded.shape, generator=noise) - 0.5
    inputs = {"coded": coded, "rated": rated, "steps": training.log_steps.exp()}
    inputs |= {"predictor": training.predictor, "scales": training.log_scales, **training.weights}
    kind = torch.float32 if compiled else torch.float64
    inputs = {name: value.detach().to(kind).requires_grad_() for name, value in inputs.items()}
    decoder = PricedDecoder(inputs, inputs["steps"], inputs["predictor"], inputs["scales"])
    cost = costs.among(shapes)(decoder, inputs["coded"], inputs["rated"])
    weights = torch.rand(count, generator=noise).to(kind)
    found = torch.autograd.grad(cost, list(inputs.values()), weights)
    return cost.detach().float(), {n: g.float() for n, g in zip(inputs, found, strict=True)}


@pytest.mark.parametrize("name", SPECS)
def test_cost_and_gradients_are_those_of_autograd(name: str) -> None:
    training = started(SPECS[name])
    for shapes in ([0, 1, 2, 3], [2], [3, 1]):
        torch.set_num_threads(2)
        expected = cost_and_gradients(training, np.array(shapes), compiled=False)
        cost, gradients = cost_and_gradients(training, np.array(shapes), compiled=True)
        torch.testing.assert_close(cost, expected[0], rtol=1e-4, atol=1e-6)
        for of, gradient in gradients.items():
            size = expected[1][of].abs().max().item()
            torch.testing.assert_close(gradient, expected[1][of], rtol=1e-4, atol=1e-4 * size, msg=of)


def test_more_blocks_than_are_gathered_at_a_time() -> None:
    training = started(block_sparse_spec(128, (4,), latent_channels=4))
    shapes = np.array([2, 0])
    assert min(training.costs.among(shapes).counts) > CHUNK  # type: ignore[attr-defined]
    expected = cost_and_gradients(training, shapes, compiled=False)
    cost, gradients = cost_and_gradients(training, shapes, compiled=True)
    torch.testing.assert_close(cost, expected[0], rtol=1e-4, atol=1e-6)
    size = expected[1]["conv0.weight"].abs().max().item()
    torch.testing.assert_close(gradients["conv0.weight"], expected[1]["conv0.weight"], rtol=1e-4, atol=1e-4 * size)


def test_shapes_without_blocks_cost_nothing() -> None:
    cost, gradients = cost_and_gradients(started(SPECS["default"]), np.array([3]), compiled=True)
    assert len(cost) == 0
    assert not any(gradient.any() for gradient in gradients.values())


def test_gelu_and_its_slope() -> None:
    x = np.linspace(-12, 12, 5001).astype(np.float32)
    active, slopes = np.empty_like(x), np.empty_like(x)
    kernels.activate(x, active, slopes)
    exact = torch.from_numpy(x.astype(np.float64)).requires_grad_()
    expected = torch.nn.functional.gelu(exact)
    expected.sum().backward()
    assert np.abs(active - expected.detach().numpy()).max() < 1e-6
    assert np.abs(slopes - exact.grad.numpy()).max() < 1e-6


def test_bits_far_off_the_prediction() -> None:
    """The reference in float64: in float32 the difference of two distributions has lost its digits there."""
    off = np.linspace(-40, 40, 801).astype(np.float32)[:, None] * np.ones(3, np.float32)
    scales = np.array([0.05, 1.5, 30], np.float32)
    cost, slopes, of_scales = np.zeros(len(off), np.float32), np.empty_like(off), np.empty_like(off)
    kernels.code_bits(off, scales, np.float32(1), cost, slopes, of_scales)
    exact = torch.from_numpy(off.astype(np.float64)).requires_grad_()
    logs = torch.from_numpy(np.log(scales.astype(np.float64))).requires_grad_()
    bits = laplace_bits(exact, logs)
    bits.sum().backward()
    assert cost == pytest.approx(bits.detach().sum(1).numpy(), rel=1e-4)
    smooth = np.abs(np.abs(off) - 0.5) > 1e-3  # a corner of the first one's bits
    near = np.isclose(slopes, exact.grad.numpy(), rtol=1e-3, atol=1e-3)
    assert near[smooth].mean() > 0.999  # the bound of the least probability is met a rounding earlier or later
    assert of_scales.sum(0) == pytest.approx(logs.grad.numpy(), rel=1e-2)


def test_a_training_does_not_depend_on_the_threads() -> None:
    volumes = spheres(K=24, channels=1)
    spec = block_sparse_spec(24, (8,), latent_channels=8)
    each = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        each.append(train(volumes, spec, BlockSettings(epochs=4)))
        assert torch.get_num_threads() == threads
    for other in each[1:]:
        assert all(np.array_equal(each[0].weights[name], other.weights[name]) for name in other.weights)
        assert all(np.array_equal(a, b) for a, b in zip(each[0].latents, other.latents, strict=True))


@pytest.mark.parametrize("name", ["out.bias", "conv0.bias", "predictor", "log_scales"])
def test_what_is_not_finite_is_not_hidden(name: str) -> None:
    training = started(SPECS["default"])
    with torch.no_grad():
        value = training._parameters()[name]
        value[(0,) * value.dim()] = float("nan")
    cost, _ = cost_and_gradients(training, np.array([0]), compiled=True)
    assert cost.isnan().any()
    assert not training.loss(np.array([0]), noisy=True).isfinite()
