"""How many bits latents and weights will take: the cost that training weighs against distortion."""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST_PROBABILITY = 1e-6


def laplace_bits(deviations: Tensor, log_scales: Tensor) -> Tensor:
    """Ideal code lengths of numbers under a Laplace density integrated over one quantisation step.

    Args:
        deviations: (..., C), in steps: a latent minus its prediction, a weight.
        log_scales: (C,), natural logarithm of each one's Laplace scale, in steps.

    Returns:
        (..., C) bits.
    """
    scale = log_scales.exp()
    probability = _cumulative(deviations + 0.5, scale) - _cumulative(deviations - 0.5, scale)
    return -torch.log2(probability.clamp_min(SMALLEST_PROBABILITY))


def _cumulative(x: Tensor, scale: Tensor) -> Tensor:
    return 0.5 + 0.5 * torch.sign(x) * (1 - torch.exp(-x.abs() / scale))
