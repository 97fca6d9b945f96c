"""The steps of the codec one by one: mesh -> volume, volumes -> trained set, part -> mesh.

`necgs.codec` puts them together for a set; `append` adds shapes to a coded set whose decoder stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from trimesh import Trimesh

from bench.codec import Context, CorruptArchive
from necgs.coding.bitstream import SharedPart, decode_shape
from necgs.decoder.spec import BLOCK_SPARSE
from necgs.decoder.trained_set import INSIDE, OCCUPIED, TrainedSet
from necgs.settings import VolumeRate
from necgs.volume.surface_memory import surface_bytes

if TYPE_CHECKING:
    from necgs.training.surface_blocks import SurfaceBlocks
    from necgs.volume.tsdf_def import TsdfDef


def warm_up(device: str) -> None:
    """Import what is heavy, compile the surface extraction and the direct fit, start ``device``."""
    import open3d  # noqa: F401
    import trimesh

    warm_up_decoder(device)
    ball = trimesh.creation.icosphere(subdivisions=1, radius=0.8)
    shape_volume(ball, resolution=16, channels=4, fit="direct", context=Context())


def warm_up_training() -> None:
    """Compile what trains on a CPU (`necgs.training.block_kernels`)."""
    from necgs.decoder.spec import block_sparse_spec
    from necgs.training.block_settings import BlockSettings
    from necgs.training.block_sparse import BlockTraining
    from necgs.training.surface_blocks import SurfaceBlocks

    spec = block_sparse_spec(8, (4,), latent_channels=4)
    slope = np.broadcast_to(np.arange(-60, 61, 16, dtype=np.int16)[:, None, None], (1, 8, 8, 8))
    training = BlockTraining([SurfaceBlocks.of_codes(slope, spec)], spec, BlockSettings(), "cpu", 0)
    training.step(np.arange(1), 0.5)


def warm_up_decoder(device: str) -> None:
    """Compile the surface extraction, start ``device``."""
    from bench.codec.arithmetic import start_device
    from necgs.volume.dmc import extract

    extract(start_device(device).expand(4, 4, 4))


def shape_volume(mesh: Trimesh, resolution: int, channels: int, fit: str, context: Context) -> TsdfDef:
    """The volume of one mesh, from the context's cache where it is known.

    Args:
        mesh: normalised.
        resolution: K.
        channels: 4 with deformation, 1 without.
        fit: ``none``, ``rendered`` or ``direct`` (`necgs.fit.fit_volume`). Without deformation the direct fit moves the
            TSDF only, the rendered one has nothing to do.

    Raises:
        InvalidMesh: the mesh has no triangles, or coordinates that are not finite or not normalised.
    """
    from necgs.fit.direct import DirectFit
    from necgs.fit.fit_volume import FITS, fitted_volume

    method = DirectFit(deformation=False) if (fit, channels) == ("direct", 1) else FITS[fit]
    return fitted_volume(mesh, resolution, method, context)


def trained_set(volumes: NDArray[np.int16] | Sequence[SurfaceBlocks], rate: VolumeRate, context: Context) -> TrainedSet:
    """Train the decoder and the latents of a set: phase ``train``. Raises ``DeadlineExceeded``.

    Args:
        volumes: int16 codes (n, channels, K, K, K), or of a block-sparse decoder what it sees of them.
        rate: settings.
        context: device, seed, scratch folder for the training's state, deadline.
    """
    from necgs.training.train import train

    def progress(done: int, total: int, note: str) -> None:
        context.check_deadline()
        context.progress(done, total, note)

    context.take_gpu()
    with context.phase("train"):
        return train(
            volumes,
            rate.spec(),
            rate.training(len(volumes)),
            device=context.device,
            seed=context.seed,
            checkpoint=context.scratch,
            progress=progress,
            notes=context.notes,
        )


def decode_mesh(shared: SharedPart, data: bytes, context: Context, resolution: int | None = None) -> Trimesh:
    """The mesh of one shape's part, in normalised coordinates: phases entropy, network, extraction.

    The encoder predicts with this function what a decoder will see.

    Args:
        shared: the set's shared part.
        data: the shape's part.
        context: device, phases.
        resolution: points per axis of the grid on which the surface is extracted; None: the coded K. See
            `necgs.volume.resampled_extraction`.

    Raises:
        CorruptArchive: the part is cut short or altered.
        ValueError: the resolution is too coarse or too fine for the coded one.
    """
    context.take_gpu()
    with context.phase("entropy"):
        shape = decode_shape(shared, data, context.max_memory)
    coded = shared.nbytes + len(data)
    resolution = resolution or shape.spec.resolution
    if shape.spec.variant == BLOCK_SPARSE and resolution == shape.spec.resolution:
        return _mesh_of_blocks(shape, coded, context)
    return _mesh_of_volume(shape, resolution, coded, context)


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """``values``; absurd weights and steps that carry right checksums overflow somewhere in the network."""
    if not np.isfinite(values).all():
        raise CorruptArchive("the decoder's numbers overflow: these weights cannot have been trained")
    return values


def _mesh_of_volume(shape: TrainedSet, resolution: int, coded: int, context: Context) -> Trimesh:
    """Extract from the dense volume, whatever the decoder; ``coded`` bytes ask for it."""
    import torch

    from necgs.decoder.dense import decode_volume
    from necgs.volume.dmc import mesh_of
    from necgs.volume.resampled_extraction import mesh_at

    with context.phase("network"):
        values = _finite(decode_volume(shape, 0, context.device))
        finer = max(1, resolution // shape.spec.resolution) ** 2
        context.check_memory(finer * surface_bytes(values[None, 0]), coded, "the decoded surface")
        volume = torch.from_numpy(values)
    with context.phase("extraction"):
        if resolution != shape.spec.resolution:
            return mesh_at(volume, resolution)
        return mesh_of(volume[0], volume[1:] if len(volume) == 4 else None)


def _mesh_of_blocks(shape: TrainedSet, coded: int, context: Context) -> Trimesh:
    """Extract from the blocks alone: no dense volume is made; ``coded`` bytes ask for it."""
    import torch
    import trimesh

    from necgs.decoder.block_sparse import decode_blocks
    from necgs.decoder.blocks import BlockSet
    from necgs.decoder.dense import dequantized_latents, dequantized_weights
    from necgs.volume.dmc import extract_blocks

    states = shape.blocks[0]
    if not (states == OCCUPIED).any():
        return trimesh.Trimesh()
    with context.phase("network"):
        weights = dequantized_weights(shape, context.device)
        latents = dequantized_latents(shape, 0, context.device)
        values = _finite(decode_blocks(shape.spec, weights, latents, BlockSet.of(states[None]), context.device))
        context.check_memory(surface_bytes(values[:, 0]), coded, "the decoded surface")
    with context.phase("extraction"), torch.no_grad():
        where = torch.from_numpy(np.argwhere(states == OCCUPIED))
        inside = torch.from_numpy(states == INSIDE)
        vertices, faces = extract_blocks(torch.from_numpy(values), where, shape.spec.resolution, inside)
        return trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False)
