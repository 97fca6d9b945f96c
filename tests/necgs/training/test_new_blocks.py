"""A shape that is added to a coded set pays for its bits what the set paid."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import pytest
from mesh_datasets.normalization import normalize
from mesh_datasets.sample import unpack

from bench.codec import Context
from necgs.coding.bitstream import SharedPart, decode_shape, decode_shared, encode_set, encode_shape
from necgs.decoder.dense import decode_volume
from necgs.decoder.spec import block_sparse_spec
from necgs.decoder.trained_set import TrainedSet
from necgs.stages import shape_volume
from necgs.training import new_blocks
from necgs.training.block_settings import BlockSettings
from necgs.training.latent_descent import AppendSettings
from necgs.training.new_shapes import fit_latents
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.training.train import train
from necgs.volume.tsdf_def import TsdfDef
from tests.conftest import Device

K = 32
SPEC = block_sparse_spec(K, (8,), latent_channels=8)
STEPS = AppendSettings(steps=150)


@cache
def volumes() -> list[TsdfDef]:
    """Of three bodies."""
    return [shape_volume(normalize(unpack(place), str(place))[0], K, 1, "direct", Context()) for place in (0, 4, 8)]


@cache
def trained(lambda_: float) -> TrainedSet:
    """Two bodies at this price."""
    settings = BlockSettings(lambda_=lambda_, epochs=500, batch=2)
    return train([SurfaceBlocks.of(volume, SPEC) for volume in volumes()[:2]], SPEC, settings)


def coded(lambda_: float, coder: str = "range") -> SharedPart:
    """What they share."""
    return decode_shared(encode_set(trained(lambda_), coder).shared.data)


def fit_of(shared: SharedPart) -> new_blocks._Fit:
    return new_blocks._Fit.of(shared, SurfaceBlocks.of(volumes()[2], SPEC), "cpu")


def test_the_slope_is_that_of_growing_steps() -> None:
    fit = fit_of(coded(16e-3))
    noise, latents, decoder = fit._noise(), fit.latents.detach() * fit.unit, fit.decoder

    def total(growth: float, price: float) -> float:
        steps = decoder.steps * math.exp(growth)
        found = latents / steps + noise
        return float(fit._cost(price)(dataclasses.replace(decoder, steps=steps), found, found).double().sum())

    for price in (0.0, 1.0):
        expected = (total(0.01, price) - total(-0.01, price)) / 0.02
        assert fit._slope(price, noise) == pytest.approx(expected, rel=0.05)


def test_a_file_that_paid_more_for_bits_has_the_higher_price() -> None:
    prices = []
    for lambda_ in (1e-3, 16e-3):
        fit = fit_of(coded(lambda_))
        fit.codes(STEPS, None)
        prices.append(1000 * fit.price)
    assert prices[0] < prices[1] / 2
    assert 1e-3 / 4 < prices[0] < 4e-3
    assert 16e-3 / 4 < prices[1] < 64e-3


def error(shared: SharedPart, data: bytes) -> float:
    """Mean absolute error of the TSDF near the surface."""
    exact = volumes()[2].dense(1)[0] / 128
    found = decode_volume(decode_shape(shared, data), 0)[0]
    return float(np.abs(found - exact)[np.abs(exact) < 1].mean())


@pytest.mark.parametrize("coder", ["range", "huffman"])
def test_bits_that_cost_are_saved(coder: str, monkeypatch) -> None:
    shared, sizes, errors = coded(16e-3, coder), [], []
    monkeypatch.setattr(new_blocks._Fit, "_take_price", lambda _: None)
    for price in (0.0, 5e-5):
        monkeypatch.setattr(new_blocks, "FIRST_LAMBDA", 1000 * price)
        [(codes, states)] = fit_latents(shared, volumes()[2:], STEPS)
        part = encode_shape(shared, codes, states)
        sizes.append(len(part))
        errors.append(error(shared, part.data))
    assert sizes[1] < 0.85 * sizes[0]
    assert errors[0] < errors[1] < 1.5 * errors[0]


def test_the_same_on_a_device(device: Device) -> None:
    [here], [there] = (
        fit_latents(coded(16e-3), volumes()[2:], AppendSettings(20), where) for where in ("cpu", device.name)
    )
    assert here[0].shape == there[0].shape
    if device.exact:  # operators and compiled kernels round differently: a code may differ here and there
        assert np.mean(here[0] != there[0]) < 0.05


def test_an_empty_volume_has_no_codes() -> None:
    shared = coded(16e-3)
    [(codes, states)] = fit_latents(shared, [TsdfDef.of_codes(np.full((1, K, K, K), 128, np.int16))], STEPS)
    assert codes.shape == (0, 8)
    assert states is not None
    assert not states.any()
