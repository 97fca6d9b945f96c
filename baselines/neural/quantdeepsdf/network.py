"""The network: eight fully connected layers from a position joined to a latent, to the value of the TSDF-Def there.

The first layer is linear in position and latent, so its latent half is computed once per shape, not once per point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from baselines.neural.quantdeepsdf.settings import LAYERS, NetworkSpec
from bench.codec.arithmetic import full_precision

Layers: TypeAlias = Sequence[tuple[Tensor, Tensor]]
"""Weight (outputs, inputs) and bias (outputs,) of each layer; the first three inputs of the first are x, y, z."""

CPU_CHUNK, GPU_CHUNK = 1 << 12, 1 << 16
"""Points evaluated at a time: on a CPU the layers' outputs stay in its cache."""

LATENT_GAIN = 0.5
LATENT_DEVIATION = 1 / 3


def forward(layers: Layers, positions: Tensor, latents: Tensor) -> Tensor:
    """Values of n shapes at p points each.

    Args:
        layers: eight of them.
        positions: float (n, p, 3) in [-1, 1].
        latents: float (n, L).

    Returns:
        float (n, p, channels): TSDF (beyond +-1 it means truncated), then deformation.
    """
    weight, bias = layers[0]
    of_shape = latents @ weight[:, 3:].T + bias
    hidden = torch.relu(positions @ weight[:, :3].T + of_shape[:, None])
    for weight, bias in layers[1:-1]:
        hidden = torch.relu(torch.nn.functional.linear(hidden, weight, bias))
    return torch.nn.functional.linear(hidden, *layers[-1])


def initial_layers(spec: NetworkSpec, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Variance-preserving weights (He); in the first layer position and latent weigh about the same."""
    layers = []
    for outputs, inputs in spec.layer_shapes():
        weight = torch.randn((outputs, inputs), generator=generator) * math.sqrt(2 / inputs)
        layers.append((weight, torch.zeros(outputs)))
    weight, bias = layers[0]
    weight[:, :3] = torch.rand((spec.width, 3), generator=generator) * 2 - 1
    weight[:, 3:] *= LATENT_GAIN
    bias.uniform_(-0.5, 0.5, generator=generator)
    return layers


def initial_latents(count: int, spec: NetworkSpec, generator: torch.Generator) -> Tensor:
    """Latents (count, L), normally distributed as those of the published auto-decoder."""
    return torch.randn((count, spec.latent), generator=generator) * LATENT_DEVIATION


class Field:
    """One shape's TSDF-Def as a function of grid points.

    Args:
        layers: of the network.
        latent: float (L,).
        resolution: K.
    """

    def __init__(self, layers: Layers, latent: Tensor, resolution: int) -> None:
        assert len(layers) == LAYERS
        self.layers, self.latent, self.resolution = layers, latent, resolution

    @property
    def channels(self) -> int:
        """1 or 4."""
        return len(self.layers[-1][1])

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.latent.device

    def __call__(self, points: Tensor) -> Tensor:
        """Values (n, channels) at grid points int64 (n, 3); deformation clamped to [-1, 1].

        Always evaluates whole chunks: then a value does not depend on which other points are asked for.
        """
        with torch.no_grad(), full_precision():
            return self._values(points)

    def _values(self, points: Tensor) -> Tensor:
        out = torch.empty((len(points), self.channels), device=self.device)
        size = CPU_CHUNK if self.device.type == "cpu" else GPU_CHUNK
        for start in range(0, len(points), size):
            part = points[start : start + size]
            padded = torch.nn.functional.pad(part, (0, 0, 0, size - len(part)))
            positions = padded.to(self.device, torch.float32) * (2 / (self.resolution - 1)) - 1
            out[start : start + size] = forward(self.layers, positions[None], self.latent[None])[0, : len(part)]
        if self.channels > 1:
            out[:, 1:].clamp_(-1, 1)
        return out
