"""From quantised latents to volumes: the dense decoder of PAPER.md stage 2, and one entry point for every variant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.codec.arithmetic import full_precision
from necgs.decoder.block_sparse import decode_blocks
from necgs.decoder.blocks import BlockSet, scatter_blocks
from necgs.decoder.spec import DENSE, DecoderSpec, parameter_shapes
from necgs.decoder.trained_set import TrainedSet
from necgs.quantize import values

Weights = Mapping[str, Tensor]


def pixel_shuffle_3d(x: Tensor) -> Tensor:
    """Move groups of 8 channels into space: (N, 8 C, D, H, W) -> (N, C, 2 D, 2 H, 2 W).

    Channel ``8 c + 4 a + 2 b + e`` lands at offset (a, b, e) of channel c, as in the 2-D operator of torch. The
    block-sparse decoder's `necgs.decoder.block_sparse.pixel_shuffle` has another order.
    """
    n, c, d, h, w = x.shape
    x = x.view(n, c // 8, 2, 2, 2, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, c // 8, 2 * d, 2 * h, 2 * w)


def dense_decoder(spec: DecoderSpec, weights: Weights, latents: Tensor) -> Tensor:
    """Volumes from latents: blocks of [conv 3^3, pixel shuffle, GELU], then conv 3^3.

    Args:
        spec: a dense decoder.
        weights: tensors of `parameter_shapes`.
        latents: (n, G, G, G, C) with the channel last, or (n, G^3, C).

    Returns:
        (n, channels, K, K, K), unbounded.
    """
    grid = spec.latent_grid
    x = latents.reshape(len(latents), grid, grid, grid, spec.latent_channels).permute(0, 4, 1, 2, 3)
    for level in range(len(spec.widths)):
        x = F.conv3d(x, weights[f"up{level}.weight"], weights[f"up{level}.bias"], padding=1)
        x = F.gelu(pixel_shuffle_3d(x))
    return F.conv3d(x, weights["out.weight"], weights["out.bias"], padding=1)


def initial_weights(spec: DecoderSpec, generator: torch.Generator, *, kaiming: bool) -> dict[str, Tensor]:
    """Random weights; biases as the framework initialises them, or zero with ``kaiming``.

    Without ``kaiming``: uniform in +-1/sqrt(fan in), the framework's default for convolutions, as published. With it:
    normal with variance 2/fan in, which keeps the variance of the features through the levels.
    """
    weights: dict[str, Tensor] = {}
    fan_in = 1
    for name, shape in parameter_shapes(spec).items():
        if name.endswith("weight"):
            fan_in = int(np.prod(shape[1:]))
        if kaiming:
            scale = (2.0 / fan_in) ** 0.5 if name.endswith("weight") else 0.0
            weights[name] = torch.randn(shape, generator=generator) * scale
        else:
            weights[name] = (torch.rand(shape, generator=generator) * 2 - 1) / fan_in**0.5
    return weights


def dequantized_weights(trained: TrainedSet, device: str | torch.device = "cpu") -> dict[str, Tensor]:
    """The float weights that the codes of a trained set stand for."""
    return {
        name: torch.from_numpy(values(codes, trained.weight_exponents[name])).to(device)
        for name, codes in trained.weights.items()
    }


def dequantized_latents(trained: TrainedSet, index: int, device: str | torch.device = "cpu") -> Tensor:
    """The float latents (rows, channels) of shape ``index``."""
    return torch.from_numpy(values(trained.latents[index], trained.latent_exponents)).to(device)


def decode_volume(trained: TrainedSet, index: int, device: str | torch.device = "cpu") -> NDArray[np.float32]:
    """The volume of one shape, from integers alone: float32 (channels, K, K, K) in [-1, 1].

    Deterministic for a device: the encoder predicts with this function what a decoder will see.
    """
    weights = dequantized_weights(trained, device)
    latents = dequantized_latents(trained, index, device)
    if trained.spec.variant == DENSE:
        with torch.no_grad(), full_precision():
            volume = dense_decoder(trained.spec, weights, latents[None])[0].clamp(-1, 1)
        decoded: NDArray[np.float32] = volume.cpu().numpy()
        return decoded
    blocks = BlockSet.of(trained.blocks[index][None])
    return scatter_blocks(decode_blocks(trained.spec, weights, latents, blocks, device), trained.blocks[index])
