"""Integer descent on the codes of latents, once the decoder is settled.

Training rounds latents to the nearest code, and the noise of its steps leaves many that are not the best ones. Here
weights, steps and prediction stand still, and codes move by one: in each sweep the move of a block that the gradient
promises most of is tried for a random part of the blocks, all at a time, and those moves stay which lower the cost of
the blocks around them. What a move of a channel costs beyond its gradient is learned from the moves that were tried.
Only the encoder does this; decoding knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

PART = 0.3
"""Of the blocks whose moves are tried in a sweep: with all of them, neighbours would move for the same error."""

CAUTION = 0.3
"""How much of a channel's learned cost of a move is taken off its gradient when moves are compared."""

LEARNING = 0.3
"""Weight of a sweep in what is learned."""


CostOf = Callable[[Tensor], Tensor]
"""Of codes (n, C): what each block costs (n,)."""


def refined_codes(codes: Tensor, cost: CostOf, neighbours: Tensor, sweeps: int, seed: int) -> Tensor:
    """Codes (n, C), whole numbers, of some shapes; each sweep lowers their cost.

    Args:
        codes: where to begin.
        cost: distortion plus priced bits of each block, once the decoder is settled (`necgs.training.block_cost`).
        neighbours: int64 (n, 27), as of `necgs.training.shape_rows.BatchBlocks`.
        sweeps: how often moves are tried; each costs as much as a training step or a little less.
        seed: of the choice of blocks.
    """
    if not len(codes):
        return codes
    generator = torch.Generator(codes.device).manual_seed(seed)
    caution: Tensor | None = None
    for _ in range(sweeps):
        gradient, before = _gradient(codes, cost)
        caution = 2 * gradient.abs().mean(dim=0) if caution is None else caution
        chance = 0.5 + torch.rand(codes.shape, generator=generator, device=codes.device)
        tried = torch.rand(len(codes), generator=generator, device=codes.device) < PART
        gain, channel = ((gradient.abs() - CAUTION * caution) * chance).max(dim=1)
        moved = F.one_hot(channel, codes.shape[1]) * (tried & (gain > 0))[:, None]
        move = -gradient.sign() * moved
        with torch.no_grad():
            change = _around(cost(codes + move) - before, neighbours)
        codes = codes + move * (change < 0)[:, None]
        beyond = 2 * (change + (gradient * -move).sum(dim=1)).clamp(min=0)
        caution = _learned(caution, beyond, moved)
    return codes


def _gradient(codes: Tensor, cost: CostOf) -> tuple[Tensor, Tensor]:
    """The gradient (n, C) of the whole cost, and the cost (n,) of each block."""
    leaf = codes.clone().requires_grad_()
    with torch.enable_grad():
        each = cost(leaf)
        (gradient,) = torch.autograd.grad(each.sum(), leaf)
    return gradient, each.detach()


def _around(change: Tensor, neighbours: Tensor) -> Tensor:
    """The sum (n,) of what changed in each block and the 26 around it: as far as a block's codes reach."""
    return torch.cat([change, change.new_zeros(1)])[neighbours].sum(dim=1)


def _learned(caution: Tensor, beyond: Tensor, moved: Tensor) -> Tensor:
    """What a move of each channel costs beyond its gradient (C,), with what these moves (n, C) say of it (n,)."""
    count = moved.sum(dim=0)
    mean = (moved * beyond[:, None]).sum(dim=0) / count.clamp(min=1)
    return torch.where(count > 0, torch.lerp(caution, mean, LEARNING), caution)
