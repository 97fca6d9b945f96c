"""The quantisers against the published formula, closed forms and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from necgs.quantize import EIGHTHS, NotFinite, Quantizer, codes, step_exponent, step_size, straight_through, values


def test_the_published_quantiser_has_257_levels_and_zero_is_one_of_them() -> None:
    x = torch.linspace(-1.5, 1.5, 100_001, dtype=torch.float64)
    levels = Quantizer()(x).unique()
    assert len(levels) == 257
    assert 0.0 in levels
    assert levels.min() == -1
    assert levels.max() == 1


def test_the_published_quantiser_rounds_to_the_nearest_level() -> None:
    x = torch.rand(10_000, dtype=torch.float64) * 2.4 - 1.2
    assert (Quantizer()(x) - x.clamp(-1, 1)).abs().max() <= 1 / 256


def test_its_gradient_is_that_of_the_clamp() -> None:
    x = torch.tensor([-1.5, -0.3, 0.004, 0.9, 1.2], requires_grad=True)
    Quantizer()(x).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("bits", [2, 8, 10])
def test_codes_times_the_step_are_the_quantised_values(bits: int) -> None:
    quantizer = Quantizer(bits=bits)
    x = torch.randn(5000)
    integers = quantizer.codes(x)
    assert integers.dtype == np.int32
    assert np.abs(integers).max() == 2 ** (bits - 1)
    np.testing.assert_array_equal(integers.astype(np.float32) * np.float32(quantizer.step), quantizer(x).numpy())


def test_codes_need_a_symmetric_quantiser() -> None:
    with pytest.raises(ValueError, match="symmetric"):
        Quantizer(low=0.0).codes(torch.zeros(1))
    with pytest.raises(ValueError, match="low < high"):
        Quantizer(low=1.0, high=1.0)


def test_steps_are_the_float32_nearest_to_eighths_of_an_octave() -> None:
    for exponent in range(-128, 128):
        assert step_size(exponent) == float(np.float32(2.0 ** (exponent / 8)))
    assert step_size(-56) == Quantizer().step
    assert EIGHTHS[0] == 1 << 23


@settings(deadline=None)
@given(st.integers(-127, 127))
def test_the_exponent_of_a_step_is_found_again(exponent: int) -> None:
    assert step_exponent(step_size(exponent)) == exponent


def test_an_exponent_is_a_signed_byte() -> None:
    assert step_exponent(1e-30) == -127
    assert step_exponent(1e30) == 127
    with pytest.raises(ValueError, match="exponent 128"):
        step_size(128)


def test_the_uniform_quantiser_passes_gradients_and_rounds_to_its_codes() -> None:
    x = (torch.randn(100, 3) * 3).requires_grad_()
    step = torch.tensor([0.1, 0.5, 2.0])
    rounded = straight_through(x, step)
    rounded.sum().backward()
    assert (x.grad == 1).all()
    np.testing.assert_allclose(codes(x, step) * step.numpy(), rounded.detach().numpy(), rtol=1e-6)


def test_codes_that_float32_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="use a larger step"):
        codes(torch.tensor([1e9]), 1e-3)
    with pytest.raises(NotFinite):
        codes(torch.tensor([float("nan")]), 1.0)
    for step in (0.0, float("nan"), float("inf")):
        with pytest.raises(NotFinite):
            step_exponent(step)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**24) + 1, 2**24 - 1), min_size=1, max_size=20), st.integers(-128, 127))
def test_values_are_correctly_rounded_products(integers: list[int], exponent: int) -> None:
    exact = [Fraction(i) * Fraction(step_size(exponent)) for i in integers]
    rebuilt = values(np.array(integers, dtype=np.int32), exponent)
    assert rebuilt.dtype == np.float32
    assert rebuilt.tolist() == [float(np.float32(float(e))) for e in exact]


def test_values_take_one_step_per_channel() -> None:
    integers = np.array([[1, 1], [2, -3]], dtype=np.int32)
    assert values(integers, (0, 8)).tolist() == [[1, 2], [2, -6]]
