"""New shapes for a coded set: the decoder stays as it is, only their latents are fitted.

The weights are those that the file holds; the latents are quantised with the file's steps in every forward pass, so
what is fitted is what will be decoded (but for a rare code that the file's tables do not cover).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from necgs.coding.bitstream import SharedPart
from necgs.decoder.spec import BLOCK_SPARSE
from necgs.volume import LEVEL

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[int, int, str], None]
Codes = NDArray[np.int32]
States = NDArray[np.int8]
Volumes = Sequence[NDArray[np.int16]]


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


def fit_latents(
    shared: SharedPart,
    volumes: Volumes,
    settings: AppendSettings,
    device: str = "cpu",
    progress: Progress | None = None,
    notes: dict[str, str] | None = None,
) -> list[tuple[Codes, States | None]]:
    """Latent codes (rows, channels) and block states (block-sparse only) of each volume, for `encode_shape`.

    Deterministic for a machine and device. Volumes are int16 (channels, K, K, K), as the decoder makes them.
    ``notes`` gets ``volumes_lie``, as of `necgs.training.train`.
    """
    from bench.codec.arithmetic import deterministic

    with deterministic(device):
        return _fit_latents(shared, volumes, settings, device, progress, {} if notes is None else notes)


def _fit_latents(
    shared: SharedPart,
    volumes: Volumes,
    settings: AppendSettings,
    device: str,
    progress: Progress | None,
    notes: dict[str, str],
) -> list[tuple[Codes, States | None]]:
    if shared.decoder.spec.variant == BLOCK_SPARSE:
        stages = [_stage(progress, index, len(volumes)) for index in range(len(volumes))]
        return [_fit_blocks(shared, v, settings, device, stage) for v, stage in zip(volumes, stages, strict=True)]
    return [(codes, None) for codes in _fit_dense(shared, volumes, settings, device, progress, notes)]


def _stage(progress: Progress | None, index: int, count: int) -> Progress | None:
    """Progress of one shape as a part of the progress of all."""
    return progress and (lambda done, total, note: progress(index * total + done, count * total, note))


def _minimise(latents: Tensor, loss: Callable[[], None], settings: AppendSettings, progress: Progress | None) -> None:
    """Adam on ``latents`` with a cosine; ``loss`` adds to their gradient."""
    import torch

    optimizer = torch.optim.Adam([latents], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    for step in range(settings.steps):
        optimizer.zero_grad(set_to_none=True)
        loss()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, settings.steps, "fitting latents")


def _fit_dense(
    shared: SharedPart,
    volumes: Volumes,
    settings: AppendSettings,
    device: str,
    progress: Progress | None,
    notes: dict[str, str],
) -> list[Codes]:
    import torch

    from necgs.decoder.dense import dense_decoder, dequantized_weights
    from necgs.decoder.spec import latent_shape
    from necgs.quantize import codes, step_size, straight_through
    from necgs.training.losses import LossWeights, volume_loss
    from necgs.training.residence import place_volumes

    spec = shared.decoder.spec
    weights = dequantized_weights(shared.decoder, device)
    steps = torch.tensor([step_size(exponent) for exponent in shared.decoder.latent_exponents], device=device)
    latents = torch.zeros((len(volumes), *latent_shape(spec)), device=device, requires_grad=True)
    placed = place_volumes(torch.from_numpy(np.stack(volumes)), spec, settings.batch, torch.device(device))
    if placed.note:
        notes["volumes_lie"] = placed.note
    on_host = torch.split(torch.arange(len(volumes)), settings.batch)
    batches = [(indices.to(device), indices) for indices in on_host]

    def loss() -> None:
        for there, here in batches:
            rounded = straight_through(latents[int(here[0]) : int(here[-1]) + 1], steps)
            predicted, target = dense_decoder(spec, weights, rounded), placed.take(there, here).float() / LEVEL
            volume_loss(predicted, target, LossWeights()).backward()  # type: ignore[no-untyped-call]

    _minimise(latents, loss, settings, progress)
    return [codes(latent, steps) for latent in latents]


def _fit_blocks(
    shared: SharedPart, volume: NDArray[np.int16], settings: AppendSettings, device: str, progress: Progress | None
) -> tuple[Codes, States]:
    """Least squares on the linear transform, then descent on what the decoder makes of the rounded latents."""
    import torch

    from necgs.decoder.block_sparse import block_decoder
    from necgs.decoder.blocks import BlockSet
    from necgs.decoder.dense import dequantized_weights
    from necgs.quantize import codes, step_size, straight_through
    from necgs.training.block_loss import BlockTargets, block_loss
    from necgs.training.surface_blocks import SurfaceBlocks

    spec = shared.decoder.spec
    cut = SurfaceBlocks.of(volume, spec)
    blocks = BlockSet.of(cut.states[None])
    if not len(blocks):
        return np.zeros((0, spec.latent_channels), np.int32), cut.states
    weights = dequantized_weights(shared.decoder, device)
    steps = torch.tensor([step_size(exponent) for exponent in shared.decoder.latent_exponents], device=device)
    shape = np.zeros(1, dtype=np.int64)
    neighbours = torch.from_numpy(blocks.batch(shape)[1]).to(device)
    sides = torch.from_numpy(blocks.sides).to(device)
    target = BlockTargets.of([cut], device).batch(shape, neighbours)
    basis, mean = weights["synthesis.weight"], weights["synthesis.bias"]
    start = (target.values.flatten(1) - mean) @ torch.linalg.pinv(basis).T
    unit = start.square().mean().sqrt().clamp(min=1e-6)
    latents = (start / unit).detach().requires_grad_()

    def loss() -> None:
        rounded = straight_through(latents * unit, steps)
        predicted = block_decoder(spec, weights, rounded, neighbours, sides)
        block_loss(predicted, target, sign_weight=3.0).sum().backward()  # type: ignore[no-untyped-call]

    _minimise(latents, loss, settings, progress)
    return codes(latents * unit, steps), cut.states
