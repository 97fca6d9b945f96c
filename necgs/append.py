"""New shapes for a coded set: the decoder stays as it is, only their latents are fitted.

The weights are those that the file holds; the latents are quantised with the file's steps in every forward pass and
kept within its entropy tables, so what is fitted is what will be decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.bitstream import SharedPart

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class AppendSettings:
    """How long and how fast latents are fitted.

    Args:
        steps: optimiser steps, all new shapes in each.
        learning_rate: of Adam at the start; a cosine takes it to zero.
        batch: shapes per forward pass.
    """

    steps: int = 300
    learning_rate: float = 3e-2
    batch: int = 4


def fit_latents(
    shared: SharedPart,
    volumes: Sequence[NDArray[np.int16]],
    settings: AppendSettings,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[NDArray[np.int32]]:
    """Latent codes (rows, channels) of each volume, int16 (channels, K, K, K) as the decoder makes them.

    Deterministic: every latent starts at zero.
    """
    import torch

    from necgs.decoder import dense_decoder, dequantized_weights
    from necgs.decoder_spec import latent_shape
    from necgs.losses import LossWeights, volume_loss
    from necgs.quantize import codes, step_size, straight_through

    spec, decoder = shared.decoder.spec, shared.decoder
    weights = dequantized_weights(decoder, device)
    steps = torch.tensor([step_size(exponent) for exponent in decoder.latent_exponents], device=device)
    latents = torch.zeros((len(volumes), *latent_shape(spec)), device=device, requires_grad=True)
    optimizer = torch.optim.Adam([latents], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    batches = [range(i, min(i + settings.batch, len(volumes))) for i in range(0, len(volumes), settings.batch)]
    for step in range(settings.steps):
        optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            target = torch.from_numpy(np.stack([volumes[i] for i in batch])).to(device).float() / 128
            predicted = dense_decoder(spec, weights, straight_through(latents[list(batch)], steps))
            volume_loss(predicted, target, LossWeights()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, settings.steps, "fitting latents")
    return [codes(latent, steps) for latent in latents]
