"""New shapes for a coded set: the decoder stays as it is, only their latents are fitted.

The weights are those that the file holds; the latents are quantised with the file's steps, so what is fitted is what
will be decoded (but for a rare code that the file's tables do not cover). A dense decoder's latents are fitted to the
volumes alone, as its training does it, a block-sparse one's also to the bits that they take
(`necgs.training.new_blocks`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from necgs.coding.bitstream import SharedPart
from necgs.decoder.spec import BLOCK_SPARSE
from necgs.training.latent_descent import AppendSettings, Progress, minimise
from necgs.volume import LEVEL
from necgs.volume.tsdf_def import TsdfDef

Codes = NDArray[np.int32]
States = NDArray[np.int8]
Volumes = Sequence[TsdfDef]


def fit_latents(
    shared: SharedPart,
    volumes: Volumes,
    settings: AppendSettings,
    device: str = "cpu",
    progress: Progress | None = None,
    notes: dict[str, str] | None = None,
) -> list[tuple[Codes, States | None]]:
    """Latent codes (rows, channels) and block states (block-sparse only) of each volume, for `encode_shape`.

    Deterministic for a machine and device.
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
        from necgs.training.new_blocks import fit_blocks

        stages = [_stage(progress, index, len(volumes)) for index in range(len(volumes))]
        return [fit_blocks(shared, v, settings, device, stage) for v, stage in zip(volumes, stages, strict=True)]
    return [(codes, None) for codes in _fit_dense(shared, volumes, settings, device, progress, notes)]


def _stage(progress: Progress | None, index: int, count: int) -> Progress | None:
    """Progress of one shape as a part of the progress of all."""
    return progress and (lambda done, total, note: progress(index * total + done, count * total, note))


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
    whole = torch.from_numpy(np.stack([volume.dense(spec.channels) for volume in volumes]))
    placed = place_volumes(whole, spec, settings.batch, torch.device(device))
    if placed.note:
        notes["volumes_lie"] = placed.note
    on_host = torch.split(torch.arange(len(volumes)), settings.batch)
    batches = [(indices.to(device), indices) for indices in on_host]

    def loss(_: int) -> None:
        for there, here in batches:
            rounded = straight_through(latents[int(here[0]) : int(here[-1]) + 1], steps)
            predicted, target = dense_decoder(spec, weights, rounded), placed.take(there, here).float() / LEVEL
            volume_loss(predicted, target, LossWeights()).backward()  # type: ignore[no-untyped-call]

    minimise(latents, loss, settings, progress)
    return [codes(latent, steps) for latent in latents]
