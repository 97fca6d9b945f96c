"""The quantisers of weights and latents, and the exact way back from codes to numbers.

Two of them: the published one (`Quantizer`: 2^N + 1 levels over [a, b], zero is one of them) and a uniform one with a
step of its own for every tensor. A code is an integer, a value is ``code * step``. Steps are eighths of an octave,
2^(e/8) with e in one signed byte, built from a table of eight integers: the same float32 on every machine.

Tensors are used through their methods only, so that importing this module does not import torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Codes = NDArray[np.int32]

EIGHTHS = (8388608, 9147842, 9975792, 10878679, 11863283, 12937002, 14107901, 15384775)
"""2^23 * 2^(i/8), rounded: the float32 mantissas of the steps inside one octave."""

MAX_EXPONENT = 127
PAPER_EXPONENT = -56
"""The published step 2^-7."""

EXACT_CODES = 1 << 24
"""Codes of smaller magnitude are exact in float32."""


class NotFinite(ValueError):
    """Numbers that are to be coded have overflowed, or are none."""


def step_size(exponent: int) -> float:
    """The step 2^(exponent/8), rounded to float32.

    Raises:
        ValueError: the exponent is not a signed byte.
    """
    if not -MAX_EXPONENT - 1 <= exponent <= MAX_EXPONENT:
        raise ValueError(f"step exponent {exponent} does not lie in -128..127")
    octave, eighth = divmod(exponent, 8)
    return math.ldexp(EIGHTHS[eighth], octave - 23)


def step_exponent(step: float) -> int:
    """The exponent whose step is nearest (in ratio) to ``step`` > 0. Raises `NotFinite`."""
    if not 0 < step < math.inf:
        raise NotFinite(f"{step} is no step")
    return max(-MAX_EXPONENT, min(MAX_EXPONENT, round(8 * math.log2(step))))


@dataclass(frozen=True)
class Quantizer:
    """The published quantiser, Q(x) = round((clamp(x, a, b) - a)/s) * s + a with s = (b - a)/2^N.

    Args:
        low: a.
        high: b.
        bits: N.
    """

    low: float = -1.0
    high: float = 1.0
    bits: int = 8

    def __post_init__(self) -> None:
        if not self.low < self.high or not 1 <= self.bits <= 16:
            raise ValueError(f"a quantiser needs low < high and 1..16 bits, not {self}")

    @property
    def step(self) -> float:
        """s."""
        return (self.high - self.low) / 2.0**self.bits

    def __call__(self, x: Tensor) -> Tensor:
        """Q(x), with the gradient of the clamp: rounding passes it on (straight-through)."""
        clamped = x.clamp(self.low, self.high)
        rounded = ((clamped - self.low) / self.step).round() * self.step + self.low
        return clamped + (rounded - clamped).detach()

    def codes(self, x: Tensor) -> Codes:
        """The integers Q(x) / s of a symmetric quantiser: -2^(N-1)..2^(N-1), shaped as ``x``."""
        if self.low != -self.high:
            raise ValueError("only a quantiser that is symmetric about zero has codes with value = code * step")
        levels = ((x.detach().clamp(self.low, self.high) - self.low) / self.step).round().contiguous().cpu().numpy()
        return levels.astype(np.int32) - np.int32(2 ** (self.bits - 1))


def straight_through(x: Tensor, step: float | Tensor) -> Tensor:
    """``x`` rounded to multiples of ``step`` (broadcast), without bounds; the gradient of the identity."""
    return x + ((x / step).round() * step - x).detach()


def codes(x: Tensor, step: float | Tensor) -> Codes:
    """The integers that `straight_through` rounds to, shaped as ``x``.

    Raises:
        NotFinite: a number has no code.
        ValueError: a code would not be exact in float32.
    """
    rounded = (x.detach() / step).round().contiguous().cpu().numpy()
    if not np.isfinite(rounded).all():
        raise NotFinite("weights or latents are not finite")
    if not (np.abs(rounded) < EXACT_CODES).all():
        raise ValueError(f"codes must be smaller than {EXACT_CODES}: use a larger step")
    return rounded.astype(np.int32)


def values(codes: Codes, exponents: int | tuple[int, ...]) -> NDArray[np.float32]:
    """The numbers that codes stand for: one float32 product each, so equal on every machine.

    Args:
        codes: int32, smaller than 2^24 in magnitude.
        exponents: of the one step, or of one step for every entry of the last axis.
    """
    steps = [exponents] if isinstance(exponents, int) else list(exponents)
    table = np.array([step_size(e) for e in steps], dtype=np.float32)
    return codes.astype(np.float32) * table
