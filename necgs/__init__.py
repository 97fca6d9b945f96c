"""NeCGS: compression of sets of 3D meshes, as meshes, as volumes of a neural network, or each as it is best.

From Python: `compress`, `decompress` and the rates. ``python -m necgs`` does the same with files. Inside:
`necgs.hybrid_codec`, `necgs.mesh_codec`, `necgs.codec` and `necgs.paper_codec` for the harness, `necgs.stages` the
steps of a volume one by one. How they work, and the formats byte by byte: ``docs/hybrid.md``, ``docs/meshset.md``,
``docs/necgs.md``.

>>> import necgs, trimesh
>>> meshes = [trimesh.creation.icosphere(subdivisions=3), trimesh.creation.torus(0.7, 0.3)]
>>> data = necgs.compress(meshes, names=["ball", "ring"], rate=necgs.HybridRate(faces=300))
>>> {name: mesh.is_watertight for name, mesh in necgs.decompress(data).items()}
{'ball': True, 'ring': True}
>>> list(necgs.decompress(data, names=["ring"]))
['ring']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import bench  # noqa: F401  (a checkout's folder datasets/ gets onto the path)

if TYPE_CHECKING:
    from pathlib import Path

    from trimesh import Trimesh

    from necgs.hybrid.rate import HybridRate
    from necgs.mesh.rate import MeshSetRate
    from necgs.paper_settings import PaperRate
    from necgs.settings import NecgsRate

_RATES = {
    "HybridRate": "necgs.hybrid.rate",
    "MeshSetRate": "necgs.mesh.rate",
    "NecgsRate": "necgs.settings",
    "PaperRate": "necgs.paper_settings",
}

__all__ = ["HybridRate", "MeshSetRate", "NecgsRate", "PaperRate", "compress", "decompress"]


def compress(
    meshes: Sequence[Trimesh],
    names: Sequence[str] | None = None,
    rate: HybridRate | MeshSetRate | NecgsRate | PaperRate | None = None,
    *,
    mode: str = "auto",
    seed: int = 0,
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: Path | None = None,
) -> bytes:
    """Compress a set of meshes: the content of a ``.necgs`` file.

    As meshes a set takes seconds a shape; volumes are trained, which takes minutes. A set of many similar meshes
    compresses best, above all poses or frames with one face list.

    Args:
        meshes: in any coordinates; they come back in theirs.
        names: one per mesh, plain file names without suffix, all different; None: ``mesh_0``, ``mesh_1``, ...
        rate: settings, and with them the mode: `HybridRate` (auto), `MeshSetRate` (mesh), `NecgsRate` (volume),
            `PaperRate` (volume, the published method); None: the defaults of ``mode``.
        mode: ``auto``: each shape as mesh or volume, whichever is the better use of bytes; ``mesh`` or ``volume``:
            all so. Where there is a rate, it decides.
        seed: the same seed gives the same bytes on the same machine and device.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads; None: one per core.
        checkpoint: folder in which the training's state is kept until the call ends: the same call goes on from it.

    Raises:
        ValueError: names that do not fit the meshes, are not allowed or not different; an unknown mode, or one that
            contradicts the rate.
        bench.codec.InvalidMesh: a mesh without extent, or too far from the origin for its size.
        bench.codec.EncodeFailed: naming the meshes that could not be coded.
    """
    import os

    from mesh_datasets.errors import InvalidShape

    from bench.codec import InvalidMesh
    from necgs.coding.container import check_names
    from necgs.guest_context import GuestContext
    from necgs.set_file import NamedMesh, compressed, rate_for
    from necgs.state_folder import state_folder

    chosen = rate_for(mode, rate)
    names = [f"mesh_{index}" for index in range(len(meshes))] if names is None else list(names)
    if not meshes or len(names) != len(meshes):
        raise ValueError(
            f"{len(names)} names for {len(meshes)} meshes: give one name to each mesh, and at least one mesh"
        )
    check_names(names)
    try:
        named = [NamedMesh.of(name, mesh) for name, mesh in zip(names, meshes, strict=True)]
    except (InvalidShape, ValueError) as error:
        raise InvalidMesh(str(error)) from None
    task = (chosen, seed, [(mesh.name, mesh.placement) for mesh in named])
    with state_folder(checkpoint, task) as scratch:
        job = GuestContext(device=device, seed=seed, threads=threads or os.cpu_count() or 1, scratch=scratch)
        with job as context:
            return compressed(named, chosen, context)


def decompress(
    data: bytes,
    names: Sequence[str] | None = None,
    *,
    device: str = "cpu",
    threads: int | None = None,
    max_memory: int | None = None,
) -> dict[str, Trimesh]:
    """The meshes of a ``.necgs`` file, in their own coordinates.

    Args:
        data: the file's content.
        names: the shapes that are wanted; None: all. The others are not decoded.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads; None: one per core.
        max_memory: bytes that decoding may ask for; None: 0.5 GB, and 32 KiB for each byte of the file.

    Returns:
        name -> mesh, in the order of ``names`` or of the file.

    Raises:
        KeyError: a name that is not in the file.
        bench.codec.CorruptArchive: the data are cut short, altered, or no such file.
    """
    import os
    from io import BytesIO
    from pathlib import Path

    from necgs.guest_context import GuestContext
    from necgs.set_file import decompressed

    job = GuestContext(device=device, threads=threads or os.cpu_count() or 1, scratch=Path(), max_memory=max_memory)
    with job as context:
        return dict(decompressed(BytesIO(data), names, context))


def __getattr__(name: str) -> Any:
    """The rates are imported when they are asked for: ``import necgs`` stays light."""
    import importlib

    if name in _RATES:
        return getattr(importlib.import_module(_RATES[name]), name)
    raise AttributeError(f"module 'necgs' has no attribute {name!r}")
