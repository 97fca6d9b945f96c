"""The encoder of the auto-encoder ablation: 3-D ConvNeXt stages from a volume to its latent (PAPER.md, ablations).

Strides 4-2-2-2 and channels 64-64-64-16 at K = 128: a stage is a strided convolution and one ConvNeXt block (Liu et
al., A ConvNet for the 2020s: depthwise convolution 7^3, layer norm, expansion by 4, GELU, residual). For K = 64 the
third stage is left out, for K = 256 it is there twice. The network serves training alone: what is coded is the latent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from necgs.decoder.spec import DecoderSpec

WIDTH = 64
KERNEL = 7
EXPANSION = 4

Weights = Mapping[str, Tensor]


def stages(spec: DecoderSpec) -> tuple[tuple[int, int], ...]:
    """(stride, channels) of each stage of the encoder that belongs to a dense decoder.

    Raises:
        ValueError: the decoder's upsampling is not by a power of two of at least 8.
    """
    factor = spec.resolution // spec.latent_grid
    if factor < 8 or factor & (factor - 1):
        raise ValueError(f"no encoder reduces {spec.resolution}^3 points to {spec.latent_grid}^3 latents by 4-2-..-2")
    halvings = int(math.log2(factor)) - 2
    return ((4, WIDTH), *((2, WIDTH),) * (halvings - 1), (2, spec.latent_channels))


def encoder_shapes(spec: DecoderSpec) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight tensor of the encoder."""
    shapes: dict[str, tuple[int, ...]] = {}
    fan_in = spec.channels
    for index, (stride, width) in enumerate(stages(spec)):
        name = f"stage{index}"
        shapes[f"{name}.down.weight"] = (width, fan_in, stride, stride, stride)
        shapes[f"{name}.down.bias"] = (width,)
        shapes[f"{name}.depthwise.weight"] = (width, 1, KERNEL, KERNEL, KERNEL)
        shapes[f"{name}.depthwise.bias"] = (width,)
        shapes[f"{name}.norm.weight"] = (width,)
        shapes[f"{name}.norm.bias"] = (width,)
        shapes[f"{name}.expand.weight"] = (EXPANSION * width, width)
        shapes[f"{name}.expand.bias"] = (EXPANSION * width,)
        shapes[f"{name}.project.weight"] = (width, EXPANSION * width)
        shapes[f"{name}.project.bias"] = (width,)
        fan_in = width
    return shapes


def initial_encoder(spec: DecoderSpec, generator: torch.Generator) -> dict[str, Tensor]:
    """Random weights, uniform in +-1/sqrt(fan in); norms start as the identity."""
    weights: dict[str, Tensor] = {}
    bound = 1.0
    for name, shape in encoder_shapes(spec).items():
        if ".norm." in name:
            weights[name] = torch.full(shape, float(name.endswith("weight")))
            continue
        if name.endswith("weight"):
            bound = math.prod(shape[1:]) ** -0.5
        weights[name] = (torch.rand(shape, generator=generator) * 2 - 1) * bound
    return weights


def encode_volumes(spec: DecoderSpec, weights: Weights, volumes: Tensor) -> Tensor:
    """Latents (n, G^3, C) of volumes (n, channels, K, K, K)."""
    x = volumes
    for index, (stride, _) in enumerate(stages(spec)):
        own = {name.split(".", 1)[1]: w for name, w in weights.items() if name.startswith(f"stage{index}.")}
        x = F.conv3d(x, own["down.weight"], own["down.bias"], stride=stride)
        x = x + _block(x, own)
    return x.flatten(2).transpose(1, 2)


def _block(x: Tensor, weights: Weights) -> Tensor:
    width = x.shape[1]
    y = F.conv3d(x, weights["depthwise.weight"], weights["depthwise.bias"], padding=KERNEL // 2, groups=width)
    y = F.layer_norm(y.permute(0, 2, 3, 4, 1), (width,), weights["norm.weight"], weights["norm.bias"])
    y = F.gelu(F.linear(y, weights["expand.weight"], weights["expand.bias"]))
    return F.linear(y, weights["project.weight"], weights["project.bias"]).permute(0, 4, 1, 2, 3)
