"""What weights cost and the steps that they settle on, against the bytes that they take in the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from necgs.coding.bitstream import encode_set
from necgs.coding.entropy import RANGE
from necgs.coding.weight_model import MAX_REACH, TensorModel
from necgs.decoder.spec import block_sparse_spec
from necgs.quantize import NotFinite, step_size
from necgs.training.block_settings import BlockSettings
from necgs.training.train import train
from necgs.training.weight_rate import ROOM, WeightRate
from tests.necgs.training.test_dense import spheres

WEIGHTS = {"out.weight": torch.linspace(-0.3, 0.3, 200).view(10, 20), "out.bias": torch.zeros(10)}


def test_noise_is_as_wide_as_the_step_and_rounding_keeps_to_it() -> None:
    rate = WeightRate(WEIGHTS, 0.1)
    noise = (rate.noisy(WEIGHTS, torch.Generator().manual_seed(0))["out.weight"] - WEIGHTS["out.weight"]).detach()
    step = float(rate.log_steps.detach().exp()[0])
    assert step == pytest.approx(0.1 * float(WEIGHTS["out.weight"].square().mean().sqrt()), rel=1e-5)
    assert float(noise.abs().max()) == pytest.approx(step / 2, rel=0.02)
    rate.freeze(WEIGHTS)
    settled = step_size(rate.exponents["out.weight"])
    assert settled == pytest.approx(step, rel=2 ** (1 / 16) - 1)
    codes = rate.rounded(WEIGHTS)["out.weight"] / settled
    torch.testing.assert_close(codes, codes.round())
    assert float((codes - WEIGHTS["out.weight"] / settled).abs().max()) <= 0.5 + 1e-5
    assert not rate.log_steps.requires_grad


def test_no_step_is_too_small_for_what_a_file_holds() -> None:
    """Bits shared by many shapes count so little that steps would shrink without end."""
    rate = WeightRate(WEIGHTS, 1e-6)
    rate.freeze(WEIGHTS)
    codes = rate.codes(WEIGHTS)["out.weight"]
    assert 0.6 * MAX_REACH < np.abs(codes).max() <= ROOM * MAX_REACH
    grown = {name: 10 * weight for name, weight in WEIGHTS.items()}  # it trains on
    codes = rate.codes(grown)["out.weight"]
    assert np.abs(codes).max() == MAX_REACH
    assert TensorModel.fit("out.weight", codes).reach == MAX_REACH
    step = step_size(rate.exponents["out.weight"])
    assert np.array_equal((rate.rounded(grown)["out.weight"] / step).round().numpy(), codes)


def test_weights_that_overflowed_have_no_step() -> None:
    rate = WeightRate(WEIGHTS, 0.1)
    with pytest.raises(NotFinite, match=r"out\.bias"):
        rate.freeze({**WEIGHTS, "out.bias": torch.full((10,), torch.inf)})


def test_bits_fall_with_smaller_weights_and_larger_steps() -> None:
    rate = WeightRate(WEIGHTS, 0.1)
    whole = rate.bits(WEIGHTS).item()
    assert rate.bits({name: weight / 4 for name, weight in WEIGHTS.items()}).item() < whole
    with torch.no_grad():
        rate.log_steps += 1
    assert rate.bits(WEIGHTS).item() < whole


def test_the_model_of_training_foretells_the_bytes() -> None:
    """Widths fitted to weights of known widths, as training does it: what it counts is what the file takes."""
    random = torch.Generator().manual_seed(0)
    weight = torch.randn((64, 32), generator=random) * 0.2
    rate = WeightRate({"out.weight": weight}, 0.1)
    optimizer = torch.optim.Adam([rate.log_scales], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        rate.bits({"out.weight": weight}).backward()
        optimizer.step()
    rate.freeze({"out.weight": weight})
    codes = (rate.rounded({"out.weight": weight})["out.weight"] / step_size(rate.exponents["out.weight"])).round()
    counts = np.unique(codes.numpy(), return_counts=True)[1]
    entropy = -float((counts * np.log2(counts / counts.sum())).sum())
    assert float(rate.bits({"out.weight": weight}).detach()) == pytest.approx(entropy, rel=0.05)


def test_few_shapes_pay_for_few_weights() -> None:
    """Three spheres share their weights' bits: at a high price of bits hardly any are left."""
    volumes, spec = spheres(K=24, channels=1), block_sparse_spec(24, (8,), latent_channels=8)
    spent = []
    for price in (1e-4, 0.05):
        trained = train(volumes, spec, BlockSettings(epochs=40, batch=2, lambda_=price, refinement=0))
        spent.append(encode_set(trained, RANGE).ledger["weights"])
    assert spent[1] < 0.6 * spent[0]
