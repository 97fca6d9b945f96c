"""The joint loss of PAPER.md stage 2."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from necgs.training.ssim import ssim_3d


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms: mean absolute error has weight 1.

    Args:
        masked: lambda_1, of the error where |TSDF| < 1.
        ssim: lambda_2, of (1 - SSIM) of the TSDF and again of the deformation; 0 switches SSIM off.
        latent: of the mean absolute latent.
    """

    masked: float = 5.0
    ssim: float = 10.0
    latent: float = 0.1

    def __post_init__(self) -> None:
        if min(self.masked, self.ssim, self.latent) < 0:
            raise ValueError(f"loss weights must not be negative: {self}")


def volume_loss(predicted: Tensor, target: Tensor, weights: LossWeights) -> Tensor:
    """mean|d| + lambda_1 * masked error + lambda_2 * sum of (1 - SSIM) over TSDF and deformation.

    The masked error is summed over the channels and divided by the number of grid points with |TSDF| < 1.

    Args:
        predicted: (n, c, K, K, K), c = 4 or 1, channel 0 the TSDF.
        target: the same shape, values in [-1, 1].

    Returns:
        scalar.
    """
    error = (predicted - target).abs()
    band = (target[:, :1].abs() < 1).to(error.dtype)
    loss = error.mean() + weights.masked * (error * band).sum() / band.sum().clamp(min=1)
    if weights.ssim:
        a, b = (predicted + 1) / 2, (target + 1) / 2
        loss = loss + weights.ssim * (1 - ssim_3d(a[:, :1], b[:, :1]))
        if predicted.shape[1] > 1:
            loss = loss + weights.ssim * (1 - ssim_3d(a[:, 1:], b[:, 1:]))
    return loss


def latent_loss(latents: Tensor, weights: LossWeights) -> Tensor:
    """0.1 * mean|latent|, over the quantised latents of the batch."""
    return weights.latent * torch.mean(torch.abs(latents))
