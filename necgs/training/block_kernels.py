"""What a training step on a CPU does beside its matrix products, compiled: gathering, activation, errors, bits, slopes.

The mathematics is that of `necgs.decoder.block_sparse.block_decoder` with one width, `necgs.training.block_loss` and
`necgs.training.rate_model`, which are the reference; `necgs.training.compiled_cost` puts the pieces together.

All arrays are float32 and C-contiguous unless said otherwise, of one shape: n blocks, C latent channels, W hidden ones,
P points of a block in all channels (b^3 of each, the TSDF first). ``ahead`` (n, 27) int16 or int32 is as in
`necgs.training.shape_rows`, ``none`` its number for inside (that for outside is the next).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from necgs.coding.prediction import CAUSAL
from necgs.decoder.blocks import FACES, NEIGHBOURS
from necgs.training.block_loss import POINTS_SHARE
from necgs.training.block_transform import MARGIN
from necgs.training.rate_model import SMALLEST_PROBABILITY
from necgs.volume import LEVEL

_FACES, _CAUSAL = np.array(FACES), np.array(CAUSAL)
_NIL, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_LEVEL, _MARGIN, _SMALLEST = np.float32(1 / LEVEL), np.float32(MARGIN), np.float32(SMALLEST_PROBABILITY)
_AT_POINTS, _AT_ZEROS = np.float32(POINTS_SHARE), np.float32(1 - POINTS_SHARE)
_NORMAL = np.float32(1 / math.sqrt(2 * math.pi))
_BITS = np.float32(1 / math.log(2))
_E1, _E2, _E3, _E4, _E5, _E6, _E7 = (np.float32(math.log(2) ** i / math.factorial(i)) for i in range(1, 8))
_LEAST = np.float32(-126)
_ERF = np.float32(0.3275911 * math.sqrt(0.5))
_A1, _A2, _A3, _A4, _A5 = map(np.float32, (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429))

_DEFAULT_EDGE = 4
"""Blocks of so many points per axis are divided by constants."""

# Sums in another order than written, but nothing that would hide a number that is not finite.
_OPTIONS: dict[str, Any] = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def _kernel(function: Kernel) -> Kernel:
    compiled: Kernel = numba.njit(cache=True, nogil=True, **_OPTIONS)(function)
    return compiled


@_kernel
def gather_around(latents: Any, ahead: Any, none: int, first: int, around: Any) -> None:
    """around (m, 27 (C + 1)) = the latents around each block from ``first`` on, and the sides where there are none."""
    channels = latents.shape[1]
    for row in range(len(around)):
        for k in range(NEIGHBOURS):
            step, place = ahead[first + row, k], k * (channels + 1)
            if step > none + 1:
                for c in range(channels):
                    around[row, place + c] = latents[first + row + step, c]
                around[row, place + channels] = 0
            else:
                for c in range(channels):
                    around[row, place + c] = 0
                around[row, place + channels] = -_ONE if step == none else _ONE


@_kernel
def scatter_around(around: Any, ahead: Any, none: int, first: int, latents: Any) -> None:
    """latents += ``around``, each where it came from: the adjoint of `gather_around`."""
    channels = latents.shape[1]
    for row in range(len(around)):
        for k in range(NEIGHBOURS):
            step, place = ahead[first + row, k], k * (channels + 1)
            if step > none + 1:
                for c in range(channels):
                    latents[first + row + step, c] += around[row, place + c]


@_kernel
def gather_before(codes: Any, ahead: Any, none: int, inputs: Any) -> None:
    """inputs (n, 3 C + 13) = what codes are predicted from (`necgs.coding.prediction.neighbour_features`)."""
    channels = codes.shape[1]
    features = len(_CAUSAL) * channels
    inputs[:] = 0
    for i in range(len(inputs)):
        for q in range(len(_CAUSAL)):
            step = ahead[i, _CAUSAL[q]]
            if step > none + 1:
                for c in range(channels):
                    inputs[i, q * channels + c] = codes[i + step, c]
        for f in range(len(_FACES)):
            step = ahead[i, _FACES[f]]
            if step <= none + 1:
                inputs[i, features + f + (len(_FACES) if step == none else 0)] = 1
        inputs[i, features + 2 * len(_FACES)] = 1


@_kernel
def scatter_before(inputs: Any, ahead: Any, none: int, codes: Any) -> None:
    """codes += ``inputs`` (n, 3 C), each where it came from: the adjoint of `gather_before`."""
    channels = codes.shape[1]
    for i in range(len(inputs)):
        for q in range(len(_CAUSAL)):
            step = ahead[i, _CAUSAL[q]]
            if step > none + 1:
                for c in range(channels):
                    codes[i + step, c] += inputs[i, q * channels + c]


@_kernel
def _exponential(x: Any) -> Any:
    """e^x of x <= 0, to 4e-6 of its value: 2^whole by the exponent's bits, the rest by its series."""
    octaves = x / _E1
    octaves = _LEAST if octaves < _LEAST else octaves  # not by max, which would hide what is no number
    whole = np.floor(octaves + _HALF)
    f = octaves - whole
    series = _ONE + f * (_E1 + f * (_E2 + f * (_E3 + f * (_E4 + f * (_E5 + f * (_E6 + f * _E7))))))
    return series * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@_kernel
def activate(hidden: Any, active: Any, slopes: Any) -> None:
    """GELU of numbers (m,) and its slopes, to 5e-7; the normal distribution by Abramowitz and Stegun, 7.1.26."""
    for i in range(len(hidden)):
        x = hidden[i]
        density = _exponential(-_HALF * x * x)
        t = _ONE / (_ONE + _ERF * abs(x))
        tail = _HALF * density * t * (_A1 + t * (_A2 + t * (_A3 + t * (_A4 + t * _A5))))
        below = tail if x < 0 else _ONE - tail
        active[i] = x * below
        slopes[i] = below + x * _NORMAL * density


@_kernel
def _deciding(exact: Any, i: int, mask: Any) -> None:
    """mask (b^3,) = 1 at the points of block i whose values decide, else 0, from their bits (`numpy.packbits`)."""
    for p in range(len(mask)):
        mask[p] = np.float32(exact[i, p >> 3] >> (7 - (p & 7)) & 1)


@_kernel
def point_errors(
    values: Any, codes: Any, exact: Any, edge: int, price: np.float32, sign_weight: np.float32, cost: Any
) -> None:
    """cost (n,) = the errors of each block's points, of weight ``price``.

    Args:
        values: (n, P).
        codes: int16 (n, P), what they should be.
        exact: uint8 (n, bytes), see `_deciding`.
        edge: b.
        price: of an error.
        sign_weight: of what the TSDF lacks to be out of danger.
        cost: set.
    """
    points = edge**3
    mask = np.empty(points, np.float32)
    for i in range(len(values)):
        _deciding(exact, i, mask)
        error = danger = _NIL
        for p in range(points):
            value, target = values[i, p], np.float32(codes[i, p]) * _LEVEL
            error += mask[p] * abs(value - target)
            limit = _MARGIN + mask[p] * (_HALF * abs(target) - _MARGIN)
            danger += max(limit - (value if target >= 0 else -value), _NIL)
        for p in range(points, values.shape[1]):
            error += mask[p % points] * abs(values[i, p] - np.float32(codes[i, p]) * _LEVEL)
        cost[i] = price * (_AT_POINTS * error + sign_weight * danger)


@_kernel
def point_slopes(
    values: Any,
    codes: Any,
    exact: Any,
    edge: int,
    price: np.float32,
    sign_weight: np.float32,
    weights: Any,
    slopes: Any,
) -> None:
    """slopes (n, P) = of the costs of `point_errors`, each times its block's weight (n,), by the values."""
    points = edge**3
    mask = np.empty(points, np.float32)
    for i in range(len(values)):
        _deciding(exact, i, mask)
        off, lacking = weights[i] * price * _AT_POINTS, weights[i] * price * sign_weight
        for p in range(points):
            value, target = values[i, p], np.float32(codes[i, p]) * _LEVEL
            sign = _ONE if target >= 0 else -_ONE
            limit = _MARGIN + mask[p] * (_HALF * abs(target) - _MARGIN)
            high = _ONE if value > target else _NIL
            low = _ONE if value < target else _NIL
            slopes[i, p] = off * mask[p] * (high - low) - (lacking * sign if limit > sign * value else _NIL)
        for p in range(points, values.shape[1]):
            value, target = values[i, p], np.float32(codes[i, p]) * _LEVEL
            slopes[i, p] = off * mask[p % points] * np.sign(value - target)


@_kernel
def _ends(number: int, ahead: Any, edge: int) -> tuple[int, int, int, int]:
    """Block and point of either end of an edge that changes sign (`necgs.training.sign_changes`)."""
    points = edge**3
    axis, low = number & 3, number >> 2
    block = low // points
    point = low - block * points
    stride = 1 if axis == 2 else (edge if axis == 1 else edge * edge)
    if point // stride % edge == edge - 1:
        return block, point, block + ahead[block, _FACES[3 + axis]], point - (edge - 1) * stride
    return block, point, block, point + stride


@_kernel
def zero_errors(values: Any, codes: Any, edges: Any, ahead: Any, edge: int, price: np.float32, cost: Any) -> None:
    """cost (n,) += the errors where the edges int32 (m,) have their zeros; an edge counts for its lower end's block."""
    for number in edges:
        i, p, j, q = _ends(number, ahead, _DEFAULT_EDGE) if edge == _DEFAULT_EDGE else _ends(number, ahead, edge)
        here, there = abs(np.float32(codes[i, p])), abs(np.float32(codes[j, q]))
        cost[i] += price * _AT_ZEROS * abs(values[i, p] * there + values[j, q] * here) / (here + there)


@_kernel
def zero_slopes(
    values: Any, codes: Any, edges: Any, ahead: Any, edge: int, price: np.float32, weights: Any, slopes: Any
) -> None:
    """slopes (n, P) += of the costs of `zero_errors`, each times its block's weight (n,), by the values."""
    for number in edges:
        i, p, j, q = _ends(number, ahead, _DEFAULT_EDGE) if edge == _DEFAULT_EDGE else _ends(number, ahead, edge)
        here, there = abs(np.float32(codes[i, p])), abs(np.float32(codes[j, q]))
        size = weights[i] * price * _AT_ZEROS / (here + there)
        slope = math.copysign(size, values[i, p] * there + values[j, q] * here)
        slopes[i, p] += slope * there
        slopes[j, q] += slope * here


@_kernel
def code_bits(off: Any, scales: Any, price: np.float32, cost: Any, slopes: Any, of_scales: Any) -> None:
    """cost (n,) += the priced bits of each block.

    Args:
        off: (n, C), codes less their prediction.
        scales: (C,), of the Laplace distribution.
        price: of a bit.
        cost: added to.
        slopes: (n, C), set to those of bits by codes.
        of_scales: (n, C), set to those of bits by the logarithm of the scales.
    """
    n, channels = off.shape
    for i in range(n):
        bits, together = _NIL, 1.0
        for c in range(channels):
            inverse = _ONE / scales[c]
            above, below = (off[i, c] + _HALF) * inverse, (off[i, c] - _HALF) * inverse
            high, low = _exponential(-abs(above)), _exponential(-abs(below))
            around = above > 0 and below < 0
            chance = _ONE - _HALF * (high + low) if around else _HALF * abs(high - low)
            known = not chance < _SMALLEST  # nor would what is no number be larger
            chance = chance if known else _SMALLEST
            factor = -_HALF * _BITS / chance if known else _NIL
            slopes[i, c] = factor * inverse * (high - low)
            of_scales[i, c] = factor * (below * low - above * high)
            together *= np.float64(chance)
            if together < 1e-200:
                bits -= np.float32(math.log(together)) * _BITS
                together = 1.0
        cost[i] += price * (bits - np.float32(math.log(together)) * _BITS)
