"""Moves of codes, against the training's own loss of them."""

import dataclasses

import numpy as np
import pytest
import torch

from necgs.decoder.spec import block_sparse_spec
from necgs.training.block_cost import predicted_codes
from necgs.training.block_loss import block_loss
from necgs.training.block_settings import BlockSettings
from necgs.training.block_sparse import BlockTraining
from necgs.training.checkpoint import Checkpoint
from necgs.training.code_refinement import CostOf, refined_codes
from necgs.training.rate_model import laplace_bits
from necgs.training.surface_blocks import SurfaceBlocks
from tests.necgs.training.test_dense import spheres

SPEC = block_sparse_spec(24, (8,), latent_channels=8)
VOLUMES = np.concatenate([spheres(K=24, channels=1), np.full((1, 1, 24, 24, 24), 128, np.int16)])
ALL = np.arange(len(VOLUMES))


def trained(refinement: int, adaptation: float = 0) -> BlockTraining:
    settings = BlockSettings(epochs=12, refinement=refinement, adaptation=adaptation, batch=len(VOLUMES))
    training = BlockTraining([SurfaceBlocks.of_codes(volume, SPEC) for volume in VOLUMES], SPEC, settings, "cpu", 0)
    training.run(Checkpoint(None, ""))
    return training


@pytest.fixture(scope="module")
def training() -> BlockTraining:
    return trained(0)


def rounded(training: BlockTraining) -> torch.Tensor:
    return (training.latents.rows(ALL).detach() / training.log_steps.exp()).round().detach()


def test_the_loss_is_the_mean_of_the_shapes_whatever_their_size(training: BlockTraining) -> None:
    """Each shape alone, and all of a batch: spheres of three sizes and a shape without a surface."""
    noise = torch.Generator().manual_seed(0)

    def loss(shapes: np.ndarray) -> tuple[torch.Tensor, list[int]]:
        target = training.targets.batch(shapes, training.resident.batch(shapes).neighbours)
        noise.manual_seed(int(shapes[0]))
        each = [0.3 * torch.randn((n, 1, 4, 4, 4), generator=noise) for n in counts(shapes)]
        return block_loss(target.values + torch.cat(each), target, 3.0), counts(shapes)

    def counts(shapes: np.ndarray) -> list[int]:
        return (training.targets.starts[shapes + 1] - training.targets.starts[shapes]).tolist()

    parts, sizes = loss(ALL)
    assert len(parts) == sum(sizes)
    by_shape = [part.sum().item() for part in torch.split(parts, sizes)]
    assert by_shape[0] == pytest.approx(loss(ALL[:1])[0].sum().item(), rel=1e-5)
    assert by_shape[2] == pytest.approx(by_shape[0], rel=0.15)  # the same noise on another surface
    assert sizes[2] > 1.4 * sizes[0]
    assert by_shape[3] == 0


def costs_of(training: BlockTraining, shapes: np.ndarray = ALL) -> tuple[CostOf, torch.Tensor]:
    """What codes of some shapes cost, and the neighbours of their blocks."""
    cost, decoder = training.costs.among(shapes), training._settled()
    return lambda codes: cost(decoder, codes, codes), training.resident.batch(shapes).neighbours


def test_the_cost_of_codes_is_their_loss_and_their_bits(
    training: BlockTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, decoder = rounded(training), training._settled()
    cost = training.costs.among(ALL)(decoder, codes, codes).sum().item()
    monkeypatch.setattr(training, "costs", dataclasses.replace(training.costs, bit_price=0.0))
    monkeypatch.setattr(training, "bit_price", 0.0)
    free = training.costs.among(ALL)(decoder, codes, codes).sum().item()
    assert free / len(ALL) == pytest.approx(training.loss(ALL, noisy=False).item(), rel=1e-5)
    predicted = predicted_codes(codes, training.predictor, training.resident.batch(ALL))
    bits = laplace_bits(codes - predicted, training.log_scales).sum().item()
    assert cost - free == pytest.approx(BlockSettings.lambda_ / 1000 * bits, rel=1e-4)


def test_sweeps_lower_the_cost_and_keep_whole_numbers(training: BlockTraining) -> None:
    codes, (cost, neighbours) = rounded(training), costs_of(training)
    costs = [cost(codes).sum().item()]
    for sweeps in (1, 10, 40):
        found = refined_codes(codes, cost, neighbours, sweeps, 0)
        assert torch.equal(found, found.round())
        costs.append(cost(found).sum().item())
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.97 * costs[0]


def test_few_single_moves_are_left_that_lower_the_cost(training: BlockTraining) -> None:
    codes, (cost, neighbours) = rounded(training), costs_of(training)

    def improving(codes: torch.Tensor) -> int:
        before = cost(codes).sum().item()
        random, better = np.random.default_rng(0), 0
        for block, channel in zip(random.integers(len(codes), size=150), random.integers(8, size=150), strict=True):
            for step in (-1, 1):
                moved = codes.clone()
                moved[block, channel] += step
                better += cost(moved).sum().item() < before - 1e-7
        return better

    found = refined_codes(codes, cost, neighbours, 150, 0)
    assert improving(found) < 0.7 * improving(codes)


def test_what_is_stored_are_the_refined_codes(training: BlockTraining) -> None:
    plain, better = training.result(), trained(40).result()
    assert all(np.array_equal(plain.weights[name], better.weights[name]) for name in plain.weights)
    assert np.array_equal(np.concatenate(plain.latents), rounded(training))
    moves = np.concatenate(better.latents) - np.concatenate(plain.latents)
    assert 0 < np.count_nonzero(moves) < moves.size / 2
    assert len(better.latents[-1]) == 0


def test_weights_adapt_to_the_codes_and_the_codes_to_them() -> None:
    """The loss that training descends, of what is stored with and without."""
    plain, adapted = trained(20), trained(20, adaptation=1.0)
    assert adapted.weight_rate.exponents == plain.weight_rate.exponents
    losses = []
    for training in (plain, adapted):
        assert training.codes is not None
        training.latents.settle(torch.from_numpy(codes) * training.log_steps.exp() for codes in training.codes)
        losses.append(training.loss(ALL, noisy=False).item())
    assert losses[1] < 0.97 * losses[0]


def test_no_blocks_no_moves(training: BlockTraining) -> None:
    codes = torch.zeros(0, 8)
    assert refined_codes(codes, *costs_of(training, ALL[-1:]), 5, 0) is codes
