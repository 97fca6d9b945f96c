"""The steps of the codec one by one: mesh -> volume, volumes -> trained set, part -> mesh.

`necgs.codec` puts them together for a set; `append` adds shapes to a coded set whose decoder stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from trimesh import Trimesh

from bench.codec import Context
from necgs.bitstream import SharedPart, decode_shape
from necgs.settings import NecgsRate
from necgs.trained_set import TrainedSet

Volume = NDArray[np.int16]


def use_threads(context: Context) -> None:
    """Let torch have as many threads as the context grants."""
    import torch

    torch.set_num_threads(context.threads)


def shape_volume(mesh: Trimesh, rate: NecgsRate, context: Context) -> Volume:
    """The volume of one mesh: int16 codes (channels, K, K, K), from the context's cache where it is known.

    Raises:
        InvalidMesh: the mesh has no triangles, or coordinates that are not finite or not normalised.
    """
    from necgs.fit import FITS, fitted_volume

    fit = FITS[rate.fit] if rate.deformation else None
    volume: Volume = fitted_volume(mesh, rate.resolution, fit, context).codes[: rate.channels]
    return volume


def trained_set(volumes: Sequence[Volume], rate: NecgsRate, context: Context) -> TrainedSet:
    """Train the decoder and the latents of a set: phase ``train``. Raises ``DeadlineExceeded``."""
    from necgs.train import train

    def progress(done: int, total: int, note: str) -> None:
        context.check_deadline()
        context.progress(done, total, note)

    with context.phase("train"):
        return train(
            np.stack(volumes),
            rate.spec(),
            rate.training(),
            device=context.device,
            seed=context.seed,
            checkpoint=context.scratch / "training.pt",
            progress=progress,
        )


def decode_mesh(shared: SharedPart, data: bytes, context: Context) -> Trimesh:
    """The mesh of one shape's part, in normalised coordinates: phases entropy, network, extraction.

    The encoder predicts with this function what a decoder will see.

    Raises:
        CorruptArchive: the part is cut short or altered.
    """
    import torch

    from necgs.decoder import decode_volume
    from necgs.dmc import mesh_of

    with context.phase("entropy"):
        shape = decode_shape(shared, data)
    with context.phase("network"):
        volume = torch.from_numpy(decode_volume(shape, 0, context.device))
    with context.phase("extraction"):
        return mesh_of(volume[0], volume[1:] if len(volume) == 4 else None)
