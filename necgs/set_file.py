"""Sets of meshes to coded files and back, in memory: what the command line and `necgs.compress` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from bench.codec import Context, EncodeFailed, Rate, SetCodec
from necgs.codec import NecgsCodec
from necgs.coding.container import CODECS as IN_FILES
from necgs.coding.container import Record, SetFile, write_set
from necgs.coding.placement import placement_of
from necgs.coding.shape_index import Entry
from necgs.hybrid_codec import Hybrid, HybridShared
from necgs.mesh_codec import MeshSet
from necgs.paper_codec import NecgsPaperCodec

if TYPE_CHECKING:
    from mesh_datasets.normalization import Normalization
    from trimesh import Trimesh

    from necgs.coding.bitstream import SharedPart
    from necgs.mesh.stream import Shared

CODECS: Mapping[str, type[SetCodec]] = {
    codec.info.name: codec for codec in (Hybrid, MeshSet, NecgsCodec, NecgsPaperCodec)
}
"""What a coded file may be made by."""

MODES: Mapping[str, str] = {"auto": "hybrid", "mesh": "meshset", "volume": "necgs"}
"""Mode -> its codec: each shape as it is best, all as meshes, all as volumes; the first unless told otherwise."""


@dataclass(frozen=True)
class NamedMesh:
    """A mesh to be coded.

    Args:
        name: what it is called in the coded file; unique there.
        source: gives it in its own coordinates, whenever it is wanted.
        placement: what leads back to these.
        source_bytes: size of the file that it came from; 0 where it came from none.
    """

    name: str
    source: Callable[[], Trimesh]
    placement: Normalization
    source_bytes: int = 0

    @property
    def mesh(self) -> Trimesh:
        """The mesh in normalised coordinates, made anew."""
        return self.placement.apply(self.source())

    @classmethod
    def of(
        cls, name: str, mesh: Trimesh, source_bytes: int = 0, source: Callable[[], Trimesh] | None = None
    ) -> NamedMesh:
        """A mesh in its own coordinates, which is kept where there is no ``source`` to ask for it again.

        Raises:
            InvalidShape: it has no extent.
            ValueError: it is too far from the origin, too large or too small to be placed.
        """
        from mesh_datasets.normalization import Normalization

        placement = placement_of(Normalization.of(mesh, name))
        return cls(name, source or (lambda: mesh), placement, source_bytes)


class NormalizedMeshes(Sequence["Trimesh"]):
    """Meshes for a codec, each made when it is asked for, so that a large set need not fit into memory."""

    def __init__(self, meshes: Sequence[NamedMesh]) -> None:
        self._meshes = meshes

    def __len__(self) -> int:
        return len(self._meshes)

    def __getitem__(self, index: Any) -> Any:
        return NormalizedMeshes(self._meshes[index]) if isinstance(index, slice) else self._meshes[index].mesh


def codec_of(rate: Rate) -> SetCodec:
    """The codec whose rate it is. Raises ``ValueError`` where it is none of `CODECS`."""
    for codec in CODECS.values():
        if type(rate) is codec.rate_type:
            return codec()
    raise ValueError(f"{type(rate).__name__} is not a rate of {', '.join(CODECS)}")


def rate_for(mode: str, rate: Rate | None) -> Rate:
    """``rate``, or the defaults of a mode where there is none.

    Raises:
        ValueError: an unknown mode, or one that is not the rate's; ``auto`` leaves it to the rate.
    """
    if mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
    if rate is None:
        return CODECS[MODES[mode]].rate_type()
    name = codec_of(rate).info.name
    if mode != "auto" and name != MODES[mode] and (mode, name) != ("volume", NecgsPaperCodec.info.name):
        raise ValueError(f"a {type(rate).__name__} is not a rate of mode {mode}: leave out one of the two")
    return rate


def compressed(meshes: Sequence[NamedMesh], rate: Rate, context: Context) -> bytes:
    """The coded file of a set, by the codec whose rate it is.

    Raises:
        EncodeFailed: naming the meshes that could not be coded.
    """
    codec = codec_of(rate)
    archive = codec.encode(NormalizedMeshes(meshes), rate, context)
    if context.failures:
        reasons = [f"{meshes[index].name}: {failure.message}" for index, failure in context.failures.items()]
        raise EncodeFailed("these meshes cannot be coded: " + "; ".join(reasons), "leave them out")
    name = codec.info.name if codec.info.name in IN_FILES else NecgsCodec.info.name
    return write_set(archive, [mesh.name for mesh in meshes], [mesh.placement for mesh in meshes], name)


@dataclass(frozen=True)
class OpenSet:
    """A coded file that is being read: its shared part is decoded.

    Args:
        file: where its parts are.
        codec: decodes them.
        shared: what ``codec`` made of the shared part.
    """

    file: SetFile
    codec: SetCodec
    shared: Any

    @classmethod
    def of(cls, source: BinaryIO, context: Context) -> OpenSet:
        """Open a file for reading, seekable.

        Raises:
            CorruptArchive: no such file, cut short or altered.
        """
        file = SetFile(source)
        codec = CODECS[file.codec]()
        return cls(file, codec, codec.decode_shared(file.shared(), context))

    @property
    def volumes(self) -> SharedPart | None:
        """The decoder of volumes, if the file has one."""
        if isinstance(self.codec, NecgsCodec):
            volumes: SharedPart = self.shared
            return volumes
        return self.shared.volumes if isinstance(self.shared, HybridShared) else None

    @property
    def meshes(self) -> Shared | None:
        """What the meshes share, if the file holds any."""
        if isinstance(self.codec, MeshSet):
            meshes: Shared = self.shared
            return meshes
        return self.shared.meshes if isinstance(self.shared, HybridShared) else None

    def mode(self, part: bytes) -> str:
        """Whether the part of a shape is a ``mesh`` or a ``volume``. Raises ``CorruptArchive``."""
        from necgs.hybrid.parts import is_volume

        if isinstance(self.shared, HybridShared):
            return "volume" if is_volume(self.shared.parts, part) else "mesh"
        return "mesh" if self.volumes is None else "volume"

    def mesh_part(self, part: bytes) -> bytes:
        """A mesh's part as ``meshset`` writes it. Raises ``CorruptArchive``."""
        from necgs.hybrid.parts import own_part

        return own_part(self.shared.parts, part) if isinstance(self.shared, HybridShared) else part

    def mesh_shared(self) -> bytes:
        """The shared part of the meshes, as ``meshset`` writes it; empty where the file has none."""
        return self.shared.parts.meshes or b"" if isinstance(self.shared, HybridShared) else self.file.shared()

    def marked(self, part: bytes) -> bytes:
        """The inverse of `mesh_part`."""
        from necgs.hybrid.parts import marked

        return marked(self.shared.parts, part, False) if isinstance(self.shared, HybridShared) else part

    def decoded(self, record: Record, context: Context, resolution: int | None = None) -> Trimesh:
        """A shape in its own coordinates.

        Args:
            record: of the file.
            context: device, phases.
            resolution: grid on which the surface of a volume is extracted; None: the coded one.

        Raises:
            CorruptArchive: its part is altered.
        """
        mesh = self._normalised(record.part, context, resolution)
        return mesh if record.placement is None else record.placement.invert(mesh)

    def _normalised(self, part: bytes, context: Context, resolution: int | None) -> Trimesh:
        from necgs.hybrid.parts import own_part
        from necgs.stages import decode_mesh

        if self.volumes is None or resolution is None or self.mode(part) == "mesh":
            return self.codec.decode_shape(self.shared, part, context)
        own = own_part(self.shared.parts, part) if isinstance(self.shared, HybridShared) else part
        return decode_mesh(self.volumes, own, context, resolution)


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
    coded = OpenSet.of(file, context)
    entries: dict[str, Entry] = {entry.name: entry for entry in coded.file.entries}
    for name in entries if names is None else names:
        yield name, coded.decoded(coded.file.shape(entries[name]), context)
