"""The block-sparse decoder: values only in blocks that the surface enters, from one latent vector per block.

A block's points are the sum of two maps of its latent vector. The linear one (``synthesis``) is a transform of the
block by itself. The other is a small network that sees the blocks around it: convolutions 3^3 with GELU, at the
resolution of the blocks and after each doubling, then one linear map from features to the points that are left. Around
a block lie the features of its occupied neighbours, zeros elsewhere; which side an empty neighbour lies on is an input.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.codec.arithmetic import full_precision
from necgs.decoder.blocks import BlockSet
from necgs.decoder.spec import DecoderSpec

Weights = Mapping[str, Tensor]


def block_decoder(spec: DecoderSpec, weights: Weights, latents: Tensor, neighbours: Tensor, sides: Tensor) -> Tensor:
    """Values in blocks from their latents.

    Args:
        spec: a block-sparse decoder.
        weights: tensors of `parameter_shapes`.
        latents: (n, C), one vector per block.
        neighbours: int64 (n, 27) into the n blocks, n for none (`necgs.decoder.blocks.BlockSet`).
        sides: int8 or float (n, 27), 0 beside occupied blocks, else -1 (inside) or 1 (outside).

    Returns:
        (n, channels, b, b, b), unbounded.
    """
    n, edge = len(latents), spec.block_edge
    linear = F.linear(latents, weights["synthesis.weight"], weights["synthesis.bias"])
    x = F.gelu(_first_convolution(weights, latents, neighbours, sides)).view(n, 1, 1, 1, spec.widths[0])
    for level in range(spec.doublings + 1):
        if level:
            x = with_halo(x, neighbours).permute(0, 4, 1, 2, 3)
            x = F.conv3d(x, weights[f"conv{level}.weight"], weights[f"conv{level}.bias"])
            x = F.gelu(x).permute(0, 2, 3, 4, 1)
        if level < spec.doublings:
            x = F.gelu(pixel_shuffle(F.linear(x, weights[f"up{level}.weight"], weights[f"up{level}.bias"]), 2))
    x = pixel_shuffle(F.linear(x, weights["out.weight"], weights["out.bias"]), edge >> spec.doublings)
    return linear.view(n, spec.channels, edge, edge, edge) + x.permute(0, 4, 1, 2, 3)


def _first_convolution(weights: Weights, latents: Tensor, neighbours: Tensor, sides: Tensor) -> Tensor:
    """The convolution at the resolution of the blocks, (n, width): one position a block, so a matrix product.

    Its channels are those of the latents, then the sides.
    """
    n, channels = latents.shape
    near = with_halo(latents.view(n, 1, 1, 1, channels), neighbours).view(n, 27 * channels)
    weight = weights["conv0.weight"].permute(0, 2, 3, 4, 1).flatten(1, 3)  # (width, 27, C + 1)
    of_sides = F.linear(sides.to(latents.dtype), weight[:, :, channels], weights["conv0.bias"])
    return torch.addmm(of_sides, near, weight[:, :, :channels].flatten(1).T)


def pixel_shuffle(x: Tensor, factor: int) -> Tensor:
    """Move channels into space: (n, s, s, s, c f^3) -> (n, f s, f s, f s, c).

    Channel ``(a f^2 + b f + e) c + i`` lands at offset (a, b, e) of channel i. The order is not that of
    `necgs.decoder.dense.pixel_shuffle_3d`, where the offset is the fast index; both are part of the file format.
    """
    n, s, channels = x.shape[0], x.shape[1], x.shape[4] // factor**3
    x = x.reshape(n, s, s, s, factor, factor, factor, channels).permute(0, 1, 4, 2, 5, 3, 6, 7)
    return x.reshape(n, s * factor, s * factor, s * factor, channels)


def with_halo(x: Tensor, neighbours: Tensor) -> Tensor:
    """Add a layer of the neighbours' features, zeros where there is none: (n, s, s, s, c) -> (n, s+2, s+2, s+2, c)."""
    n, s, channels = x.shape[0], x.shape[1], x.shape[4]
    block, point = _halo(s, x.device)
    index = neighbours[:, block] * s**3 + point
    rows = torch.cat([x.reshape(-1, channels), x.new_zeros(1, channels)])
    padded: Tensor = _Gather.apply(rows, index.clamp(max=n * s**3).reshape(-1))  # type: ignore[no-untyped-call]
    return padded.view(n, s + 2, s + 2, s + 2, channels)


class _Gather(torch.autograd.Function):
    """Rows by index; index_add_ is the quickest adjoint on a CPU."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, rows: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.count = len(rows)  # type: ignore[attr-defined]
        return rows.index_select(0, index)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors  # type: ignore[attr-defined]
        rows = grad.new_zeros(ctx.count, grad.shape[1])  # type: ignore[attr-defined]
        return rows.index_add_(0, index, grad), None


@functools.cache
def _halo(edge: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each of (s+2)^3 positions around a block of s^3: which of the 27 neighbours holds it, and where (C order)."""
    axis = np.arange(-1, edge + 1)
    block, point = np.where(axis < 0, 0, np.where(axis >= edge, 2, 1)), axis % edge
    blocks, points = (np.stack(np.meshgrid(a, a, a, indexing="ij")).reshape(3, -1) for a in (block, point))
    return (
        torch.from_numpy(np.ravel_multi_index(tuple(blocks), (3, 3, 3))).to(device),
        torch.from_numpy(np.ravel_multi_index(tuple(points), (edge,) * 3)).to(device),
    )


def decode_blocks(
    spec: DecoderSpec, weights: Weights, latents: Tensor, blocks: BlockSet, device: str | torch.device
) -> NDArray[np.float32]:
    """Values float32 (n, channels, b, b, b) in [-1, 1] of all blocks of a set."""
    neighbours = torch.from_numpy(blocks.neighbours).to(device, torch.int64)
    sides = torch.from_numpy(blocks.sides).to(device)
    with torch.no_grad(), full_precision():
        values = block_decoder(spec, weights, latents, neighbours, sides).clamp(-1, 1)
    decoded: NDArray[np.float32] = values.cpu().numpy()
    return decoded
