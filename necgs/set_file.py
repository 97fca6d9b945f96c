"""Sets of meshes to coded files and back, in memory: what the command line and `necgs.compress` share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from bench.codec import Context, EncodeFailed
from necgs.codec import NecgsCodec, VolumeCodec
from necgs.coding.container import SetFile, placement_of, write_set
from necgs.paper_codec import NecgsPaperCodec
from necgs.paper_settings import PaperRate
from necgs.settings import NecgsRate

if TYPE_CHECKING:
    from mesh_datasets.normalization import Normalization
    from trimesh import Trimesh

CODECS: Mapping[str, type[VolumeCodec]] = {codec.info.name: codec for codec in (NecgsCodec, NecgsPaperCodec)}
"""What a coded file may be made by; the first unless told otherwise."""


@dataclass(frozen=True)
class NamedMesh:
    """A mesh to be coded.

    Args:
        name: what it is called in the coded file; unique there.
        mesh: in normalised coordinates.
        placement: what leads back to the source's coordinates.
        source_bytes: size of the file that it came from; 0 where it came from none.
    """

    name: str
    mesh: Trimesh
    placement: Normalization
    source_bytes: int = 0

    @classmethod
    def of(cls, name: str, mesh: Trimesh, source_bytes: int = 0) -> NamedMesh:
        """A mesh in its own coordinates, normalised.

        Raises:
            InvalidShape: it has no extent.
            ValueError: it is too far from the origin, too large or too small to be placed.
        """
        from mesh_datasets.normalization import Normalization

        placement = placement_of(Normalization.of(mesh, name))
        return cls(name, placement.apply(mesh), placement, source_bytes)


def compressed(meshes: Sequence[NamedMesh], rate: NecgsRate | PaperRate, context: Context) -> bytes:
    """The coded file of a set, by the codec whose rate it is.

    Raises:
        EncodeFailed: naming the meshes that could not be coded.
    """
    codec = NecgsPaperCodec() if isinstance(rate, PaperRate) else NecgsCodec()
    archive = codec.encode([mesh.mesh for mesh in meshes], rate, context)
    if context.failures:
        reasons = [f"{meshes[index].name}: {failure.message}" for index, failure in context.failures.items()]
        raise EncodeFailed("these meshes cannot be coded: " + "; ".join(reasons), "leave them out")
    return write_set(archive, [mesh.name for mesh in meshes], [mesh.placement for mesh in meshes])


def decompressed(file: BinaryIO, names: Sequence[str] | None, context: Context) -> Iterator[tuple[str, Trimesh]]:
    """Name and mesh, in its own coordinates, of each wanted shape of a coded file.

    Args:
        file: open for reading, seekable.
        names: the wanted ones, in order; None: all.
        context: device, threads, phases.

    Raises:
        KeyError: a name that is not in the file.
        CorruptArchive: the file is cut short or altered.
    """
    from necgs.coding.bitstream import decode_shared
    from necgs.stages import decode_mesh

    context.limit_torch()
    coded = SetFile(file)
    entries = {entry.name: entry for entry in coded.entries}
    shared = decode_shared(coded.shared(), context.max_memory)
    for name in entries if names is None else names:
        record = coded.shape(entries[name])
        mesh = decode_mesh(shared, record.part, context)
        yield name, record.placement.invert(mesh) if record.placement is not None else mesh
