"""NeCGS: compression of sets of 3D meshes by neural networks; the method as published, and this project's own.

From Python: `compress`, `decompress` and `NecgsRate`. ``python -m necgs`` does the same with files. Inside:
`necgs.codec` and `necgs.paper_codec` for the harness, `necgs.stages` the steps one by one, `necgs.settings` and
`necgs.paper_settings` all settings. How it works, and the format byte by byte: ``docs/necgs.md``.

>>> import necgs, trimesh
>>> meshes = [trimesh.creation.icosphere(subdivisions=3), trimesh.creation.torus(0.7, 0.3)]
>>> data = necgs.compress(meshes, names=["ball", "ring"], rate=necgs.NecgsRate(resolution=32, epochs=5))
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

    from necgs.paper_settings import PaperRate
    from necgs.settings import NecgsRate

__all__ = ["NecgsRate", "PaperRate", "compress", "decompress"]


def compress(
    meshes: Sequence[Trimesh],
    names: Sequence[str] | None = None,
    rate: NecgsRate | PaperRate | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    threads: int | None = None,
    checkpoint: Path | None = None,
) -> bytes:
    """Compress a set of meshes: the content of a ``.necgs`` file.

    Trains a network, so it takes minutes; a set of many similar meshes compresses best.

    Args:
        meshes: in any coordinates; they come back in theirs.
        names: one per mesh, plain file names without suffix, all different; None: ``mesh_0``, ``mesh_1``, ...
        rate: settings; a `PaperRate` for the published method, None for the defaults of `NecgsRate`.
        seed: the same seed gives the same bytes on the same machine and device.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads; None: one per core.
        checkpoint: folder in which the training's state is kept: the same call goes on from it.

    Raises:
        ValueError: names that do not fit the meshes, are not allowed or not different.
        bench.codec.InvalidMesh: a mesh without extent, or too far from the origin for its size.
        bench.codec.EncodeFailed: naming the meshes that could not be coded.
    """
    import os
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from mesh_datasets.errors import InvalidShape

    from bench.codec import Context, InvalidMesh
    from necgs.set_file import NamedMesh, compressed
    from necgs.settings import NecgsRate

    names = [f"mesh_{index}" for index in range(len(meshes))] if names is None else list(names)
    if not meshes or len(names) != len(meshes):
        raise ValueError(
            f"{len(names)} names for {len(meshes)} meshes: give one name to each mesh, and at least one mesh"
        )
    try:
        named = [NamedMesh.of(name, mesh) for name, mesh in zip(names, meshes, strict=True)]
    except (InvalidShape, ValueError) as error:
        raise InvalidMesh(str(error)) from None
    with TemporaryDirectory(prefix="necgs-") as folder:
        scratch = Path(checkpoint or folder)
        scratch.mkdir(parents=True, exist_ok=True)
        context = Context(device=device, seed=seed, threads=threads or os.cpu_count() or 1, scratch=scratch)
        return compressed(named, rate or NecgsRate(), context)


def decompress(
    data: bytes, names: Sequence[str] | None = None, *, device: str = "cpu", threads: int | None = None
) -> dict[str, Trimesh]:
    """The meshes of a ``.necgs`` file, in their own coordinates.

    Args:
        data: the file's content.
        names: the shapes that are wanted; None: all. The others are not decoded.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads; None: one per core.

    Returns:
        name -> mesh, in the order of ``names`` or of the file.

    Raises:
        KeyError: a name that is not in the file.
        bench.codec.CorruptArchive: the data are cut short, altered, or no such file.
    """
    import os
    from io import BytesIO
    from pathlib import Path

    from bench.codec import Context
    from necgs.set_file import decompressed

    context = Context(device=device, threads=threads or os.cpu_count() or 1, scratch=Path())
    return dict(decompressed(BytesIO(data), names, context))


def __getattr__(name: str) -> Any:
    """The rates are imported when they are asked for: ``import necgs`` stays light."""
    if name == "NecgsRate":
        from necgs.settings import NecgsRate

        return NecgsRate
    if name == "PaperRate":
        from necgs.paper_settings import PaperRate

        return PaperRate
    raise AttributeError(f"module 'necgs' has no attribute {name!r}")
