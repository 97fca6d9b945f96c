"""What the weights of a block-sparse decoder cost, and the steps to which they are rounded: both learned with them.

A set's shapes share the bits of the weights, so a bit of them is priced at a bit of latents over the number of shapes.
Steps start at a part of a tensor's size and grow or shrink as noise in place of rounding does harm; the widths of the
distributions follow the weights, group by group as the file has them (`necgs.coding.weight_model`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.coding.weight_model import MAX_REACH
from necgs.decoder.weight_groups import weight_groups
from necgs.quantize import NotFinite, codes, step_exponent, step_size, straight_through
from necgs.training.rate_model import laplace_bits

SMALLEST = 3e-2
"""Root mean square that a tensor is taken to have at least when its first step is chosen: some start as zeros."""

ROOM = 0.75
"""Part of the largest code that weights may take when steps are settled; they train on."""

WIDTH = 4.5
"""First width of all distributions, in steps."""


class WeightRate:
    """Steps and distributions of a decoder's weights.

    Args:
        weights: name -> tensor, when training starts.
        step: first step of a tensor, as a part of its root mean square.
    """

    def __init__(self, weights: Mapping[str, Tensor], step: float) -> None:
        groups, count, device = [], 0, next(iter(weights.values())).device
        for name, weight in weights.items():
            own = torch.from_numpy(weight_groups(name, tuple(weight.shape))).to(device).flatten()
            groups.append(own + count)
            count += int(own.max()) + 1
        self._groups = torch.cat(groups)
        sizes = [float(w.detach().square().mean().sqrt()) for w in weights.values()]
        steps = torch.tensor([math.log(max(size, SMALLEST) * step) for size in sizes])
        self.log_steps = steps.to(device).requires_grad_()
        self.log_scales = torch.full((count,), math.log(WIDTH), device=device, requires_grad=True)
        self.exponents: dict[str, int] = {}

    def noisy(self, weights: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Weights with uniform noise of a step's width, which stands for rounding."""
        steps = zip(weights.items(), self.log_steps.exp().unbind(), strict=True)
        return {
            name: weight + (torch.rand(weight.shape, generator=generator, device=weight.device) - 0.5) * step
            for (name, weight), step in steps
        }

    def rounded(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights as they will be stored; the gradient of the identity, none for what a file cannot hold."""
        return {
            name: straight_through(self._held(name, w), step_size(self.exponents[name])) for name, w in weights.items()
        }

    def codes(self, weights: Mapping[str, Tensor]) -> dict[str, NDArray[np.int32]]:
        """Weights as they are stored, in steps."""
        return {name: codes(self._held(name, w), step_size(self.exponents[name])) for name, w in weights.items()}

    def _held(self, name: str, weight: Tensor) -> Tensor:
        farthest = MAX_REACH * step_size(self.exponents[name])
        return weight.clamp(-farthest, farthest)

    def bits(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Bits of all weights, noisy ones or the unrounded."""
        each = zip(weights.values(), self.log_steps.exp().unbind(), strict=True)
        scaled = torch.cat([(weight / step).flatten() for weight, step in each])
        return laplace_bits(scaled, self.log_scales[self._groups]).sum()

    def freeze(self, weights: Mapping[str, Tensor]) -> None:
        """Settle on steps that a file can name, none so small that its tables would not hold weights a third larger.

        The larger the set, the less a bit of a weight counts: with hundreds of shapes steps would shrink beyond that.
        """
        steps = self.log_steps.detach().exp().cpu().tolist()
        for (name, weight), step in zip(weights.items(), steps, strict=True):
            exponent, reach = step_exponent(step), float(weight.detach().abs().max())
            if not math.isfinite(reach):
                raise NotFinite(f"{name} holds {reach}")
            while reach > ROOM * MAX_REACH * step_size(exponent):
                exponent += 1
            self.exponents[name] = exponent
        with torch.no_grad():
            self.log_steps.copy_(torch.tensor([step_size(e) for e in self.exponents.values()]).log())
        self.log_steps.requires_grad_(False)
        self.log_steps.grad = None
