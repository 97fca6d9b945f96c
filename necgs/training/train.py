"""Train a decoder and the latents of a set: one entry point for every variant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.codec.arithmetic import deterministic
from necgs.decoder.spec import BLOCK_SPARSE, DENSE, DecoderSpec
from necgs.decoder.trained_set import TrainedSet
from necgs.training.block_settings import BlockSettings
from necgs.training.block_sparse import STATE_FORMAT, BlockTraining
from necgs.training.checkpoint import Checkpoint
from necgs.training.dense import DenseSettings, DenseTraining
from necgs.training.ranks import Progress
from necgs.training.surface_blocks import SurfaceBlocks

__all__ = ["BlockSettings", "DenseSettings", "train"]


def train(
    volumes: NDArray[np.int16] | Sequence[SurfaceBlocks],
    spec: DecoderSpec,
    settings: DenseSettings | BlockSettings,
    *,
    device: str = "cpu",
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    notes: dict[str, str] | None = None,
) -> TrainedSet:
    """Fit decoder weights and one latent per shape to the volumes of a set.

    Where torch.distributed is initialised, its processes share the work; all get the same volumes and all the result
    (`necgs.training.ranks`).

    Args:
        volumes: int16 (n, channels, K, K, K): codes in -128..128, value = code / 128; channel 0 the TSDF. For a
            block-sparse decoder also as what it sees of them.
        spec: the decoder.
        settings: of the variant's training.
        device: ``cpu``, ``cuda`` or one of several, ``cuda:1``.
        seed: same seed, same machine, same device, same result (`bench.codec.arithmetic.deterministic`).
        checkpoint: folder with the state to continue from and to save; whoever owns it deletes it once the result is
            kept.
        progress: called with (steps done, steps in all, note) after every step; may raise to stop (a deadline).
        notes: gets ``volumes_lie``: where the volumes of a dense training lie, where there is a choice.

    Raises:
        ValueError: volumes, decoder and settings do not fit together.
    """
    if isinstance(volumes, np.ndarray):
        expected = (spec.channels, *(spec.resolution,) * 3)
        if volumes.ndim != 5 or not len(volumes) or volumes.shape[1:] != expected:
            raise ValueError(
                f"volumes of shape {volumes.shape}; the decoder makes (n >= 1, {', '.join(map(str, expected))})"
            )
    training: DenseTraining | BlockTraining
    if spec.variant == DENSE and isinstance(settings, DenseSettings) and isinstance(volumes, np.ndarray):
        keeper = Checkpoint(checkpoint, _fingerprint(f"{spec}{settings}{seed}", device, [volumes]))
        training = DenseTraining(volumes, spec, settings, device, seed)
        if notes is not None and training.volumes.note:
            notes["volumes_lie"] = training.volumes.note
    elif spec.variant == BLOCK_SPARSE and isinstance(settings, BlockSettings):
        if isinstance(volumes, np.ndarray):
            volumes = [SurfaceBlocks.of_codes(codes, spec) for codes in volumes]
        parts = (part for volume in volumes for part in (volume.states, volume.codes))
        keeper = Checkpoint(checkpoint, _fingerprint(f"{STATE_FORMAT} {spec}{settings}{seed}", device, parts))
        training = BlockTraining(volumes, spec, settings, device, seed)
    else:
        raise ValueError(f"settings {type(settings).__name__} are not for the {spec.variant} decoder")
    with deterministic(device):
        training.run(keeper, progress)
    return training.result()


def _fingerprint(settings: str, device: str, arrays: Iterable[NDArray[np.generic]]) -> str:
    """Of all that a training depends on; which of several GPUs makes no difference."""
    digest = hashlib.sha256(f"{settings}{torch.device(device).type}".encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)  # gigabytes: not copied
    return digest.hexdigest()
