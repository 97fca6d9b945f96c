"""How residuals of predicted vertices are distributed, and their coding.

A residual's scale is a product of powers of the four features of its prediction (a linear function of logarithms),
separately along the normal and along the tangents. The scale over the step, in half octaves, is its class. Each class
has the chance of a zero and the ratio of a two-sided geometric distribution, a byte each; the coder starts from these
and adapts within a shape.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.mesh.binary_coder import Coder, Integers, code_bit, code_even
from necgs.mesh.bit_models import code_adaptive, models
from necgs.mesh.compiled import inner
from necgs.mesh.fixed_point import log16
from necgs.mesh.prediction import FEATURES, FLOOR

CLASSES = 14
KINDS = 2
"""Along the normal, along the two tangents."""

UNARY = 12
ROWS = UNARY + 1
"""Models of a class: zero or not, then one more or not, the last for all that follow."""

CONFIDENCE = 12
LIMIT = 80
MOST = 1 << 20
COEFFICIENT_BITS = 6
MIDDLE = CLASSES // 2 + 2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ResidualModel:
    """The distribution's parameters, as they lie in the stream.

    Args:
        coefficients: (2, 5) int64, -128..127: exponents of the features in 2^-6, and 16 times a factor's logarithm.
        zeros: (2, 14) int64, 1..255: chance of a zero in each class, in 2^-8.
        ratios: (2, 14) int64, 1..255: chance that a residual of at least k is larger, in 2^-8.
    """

    coefficients: Integers
    zeros: Integers
    ratios: Integers

    def classes(self, features: Integers, steps: Integers) -> Integers:
        """Classes (m, 2) of features (m, 5) at the steps (3,)."""
        found: Integers = _classes(features, self.coefficients, steps)
        return found

    def fresh(self) -> Integers:
        """Adaptive models of a shape: (2 * 14 * 13, 2)."""
        table = models(KINDS * CLASSES * ROWS)
        rows = table.reshape(KINDS, CLASSES, ROWS, 2)
        rows[:, :, 0, 0] = self.zeros << 8
        rows[:, :, 1:, 0] = self.ratios[:, :, None] << 8
        rows[..., 1] = CONFIDENCE
        return table

    def bits(self) -> Floats:
        """Cost (2, 14, 3) of a zero, of a one with its sign, and of each one more (encoder only)."""
        zero, ratio = self.zeros / 256, self.ratios / 256
        return np.stack([-np.log2(zero), 1 - np.log2(1 - zero) - np.log2(1 - ratio), -np.log2(ratio)], axis=2)

    def write(self, out: FieldWriter) -> None:
        """Append the parameters: one byte each."""
        for value in self.coefficients.ravel():
            out.byte(int(value))
        out.raw(self.zeros.astype(np.uint8).tobytes() + self.ratios.astype(np.uint8).tobytes())

    @classmethod
    def read(cls, fields: FieldReader) -> ResidualModel:
        """Read them back; raises ``CorruptArchive``."""
        coefficients = [fields.byte("coefficient") for _ in range(KINDS * FEATURES)]
        count = KINDS * CLASSES
        table = np.frombuffer(fields.raw(2 * count, "table of residuals"), dtype=np.uint8).astype(np.int64)
        if table.min() < 1:
            raise fields.fault("a chance is zero")
        zeros, ratios = table.reshape(2, KINDS, CLASSES)
        return cls(np.array(coefficients, dtype=np.int64).reshape(KINDS, FEATURES), zeros, ratios)


def fitted(features: Integers, codes: Integers, steps: Integers, prior: ResidualModel) -> ResidualModel:
    """The model of codes (m, 3) at features (m, 5) and steps (m, 3); classes without codes stay as in ``prior``."""
    sizes = np.abs(codes) * steps
    scales = (sizes[:, 0], sizes[:, 1:].mean(axis=1))
    coefficients = np.empty((KINDS, FEATURES), dtype=np.int64)
    for kind, scale in enumerate(scales):
        logs = 16 * np.log2(scale + 0.15 * steps[:, kind] + FLOOR / 8)
        weights, *_ = np.linalg.lstsq(features.astype(np.float64), logs, rcond=None)
        coefficients[kind] = np.round(weights * (1 << COEFFICIENT_BITS)).clip(-128, 127)
    zeros, ratios = prior.zeros.copy(), prior.ratios.copy()
    half = ResidualModel(coefficients, zeros, ratios)
    classes = np.concatenate([half.classes(row[None], step) for row, step in zip(features, steps, strict=True)])
    for kind, columns in enumerate((slice(0, 1), slice(1, 3))):
        for group in np.unique(classes[:, kind]):
            sizes = np.abs(codes[classes[:, kind] == group, columns]).ravel()
            none, some, more = (sizes == 0).sum(), (sizes > 0).sum(), (sizes[sizes > 0] - 1).sum()
            prior_zero, prior_ratio = prior.zeros[kind, group] / 256, prior.ratios[kind, group] / 256
            zeros[kind, group] = np.clip(np.round(256 * (none + 4 * prior_zero) / (none + some + 4)), 1, 255)
            ratios[kind, group] = np.clip(np.round(256 * (more + 4 * prior_ratio) / (more + some + 4)), 1, 250)
    return ResidualModel(coefficients, zeros, ratios)


@numba.njit(cache=True)
def _classes(features: Integers, coefficients: Integers, steps: Integers) -> Integers:
    found = np.empty((len(features), KINDS), dtype=np.int64)
    for kind in range(KINDS):
        step = log16(steps[kind])
        for m in range(len(features)):
            scale = np.int64(0)
            for i in range(FEATURES):
                scale += features[m, i] * coefficients[kind, i]
            found[m, kind] = min(max((((scale >> COEFFICIENT_BITS) - step) >> 3) + MIDDLE, 0), CLASSES - 1)
    return found


@numba.njit(cache=True)
def code_residuals(coder: Coder, codes: Integers, classes: Integers, table: Integers) -> Integers:
    """Write or read a level's codes (m, 3) under their classes (m, 2); ``table`` is that of `ResidualModel.fresh`."""
    out = np.empty((len(classes), 3), dtype=np.int64)
    for m in range(len(classes)):
        for axis in range(3):
            kind = min(axis, 1)
            base = (kind * CLASSES + classes[m, kind]) * ROWS
            size = abs(codes[m, axis])
            value = np.int64(0)
            if not code_adaptive(coder, np.int64(size == 0), table[base], LIMIT):
                value = np.int64(1)
                while value <= UNARY and code_adaptive(
                    coder, np.int64(size > value), table[base + min(value, UNARY)], LIMIT
                ):
                    value += 1
                if value > UNARY:
                    value += _code_rest(coder, size - value)
                if code_bit(coder, np.int64(codes[m, axis] < 0), 1 << 15):
                    value = -value
            out[m, axis] = value
    return out


@inner
def _code_rest(coder: Coder, value: int) -> int:
    """Write or read what unary code leaves: an Exp-Golomb code of order 2."""
    length = np.int64(2)
    while length < 20 and code_bit(coder, np.int64(value + 4 >= 1 << (length + 1)), 1 << 15):
        length += 1
    found = np.int64(1)
    for bit in range(length - 1, -1, -1):
        found = 2 * found + code_even(coder, ((value + 4) >> bit) & 1, 2)
    return found - 4
