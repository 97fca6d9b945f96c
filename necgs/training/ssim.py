"""Structural similarity of volumes: a separable Gaussian window, as five shifted sums per axis."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

WINDOW = 5
SIGMA = 1.5
C1 = 1e-4
C2 = 9e-4


@functools.cache
def gaussian_window() -> tuple[float, ...]:
    """The five weights of the window along one axis; they sum to 1."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    return tuple((window / window.sum()).tolist())


def ssim_3d(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of two volumes of values in [0, 1], window 5^3, sigma 1.5, zero padding (PAPER.md stage 2).

    Args:
        a, b: (n, c, D, H, W).

    Returns:
        scalar mean over everything.
    """
    planes = torch.stack([a, b, a * a, b * b, a * b])
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = smooth(planes).unbind()
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance, variances = mean_ab - product, mean_aa + mean_bb - squares
    return ((2 * product + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))).mean()


def smooth(x: Tensor) -> Tensor:
    """Gaussian smoothing along the last three axes with zeros outside."""
    return _Smooth.apply(x)  # type: ignore[no-any-return, no-untyped-call]


class _Smooth(torch.autograd.Function):
    """The operator is symmetric, so its own adjoint: nothing is kept for the backward pass."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return _smooth(x)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return _smooth(grad)


def _smooth(x: Tensor) -> Tensor:
    window = gaussian_window()
    for axis in (-3, -2, -1):
        out = x * window[WINDOW // 2]
        for shift in range(1, WINDOW // 2 + 1):
            length = x.shape[axis] - shift
            if length <= 0:
                continue
            weight = window[WINDOW // 2 + shift]
            out.narrow(axis, 0, length).add_(x.narrow(axis, shift, length), alpha=weight)
            out.narrow(axis, shift, length).add_(x.narrow(axis, 0, length), alpha=weight)
        x = out
    return x
