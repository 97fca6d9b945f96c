"""Descent on the latents of new shapes, whose decoder stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class AppendSettings:
    """How long and how fast latents are fitted.

    Args:
        steps: optimiser steps, all new shapes in each.
        learning_rate: of Adam at the start, for latents of about unit size; a cosine takes it to zero.
        batch: shapes per forward pass of a dense decoder.
    """

    steps: int = 300
    learning_rate: float = 3e-2
    batch: int = 4


def minimise(latents: Tensor, loss: Callable[[int], None], settings: AppendSettings, progress: Progress | None) -> None:
    """Adam on ``latents`` with a cosine; ``loss`` gets the number of the step and adds to their gradient."""
    import torch

    optimizer = torch.optim.Adam([latents], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    for step in range(settings.steps):
        optimizer.zero_grad(set_to_none=True)
        loss(step)
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, settings.steps, "fitting latents")
