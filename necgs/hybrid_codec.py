"""The codec ``hybrid``: each shape of a set as ``meshset`` or as ``necgs`` codes it, whichever costs less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bench.codec import Archive, CodecInfo, Context, CorruptArchive, SetCodec
from necgs.codec import NecgsCodec
from necgs.hybrid.rate import LADDER, HybridRate
from necgs.mesh_codec import MeshSet

if TYPE_CHECKING:
    from trimesh import Trimesh

    from necgs.coding.bitstream import SharedPart
    from necgs.hybrid.parts import SharedParts
    from necgs.mesh.stream import Shared


@dataclass(frozen=True)
class HybridShared:
    """A shared part, decoded.

    Args:
        parts: of each mode, coded.
        meshes, volumes: decoded; None for a mode that no shape has.
    """

    parts: SharedParts
    meshes: Shared | None
    volumes: SharedPart | None


class Hybrid(SetCodec):
    """Meshes, and volumes where the set's price of bytes makes them the better choice."""

    info: ClassVar[CodecInfo] = CodecInfo(
        name="hybrid",
        version="6",
        title="Set hybrid (ours)",
        summary="Each shape as mesh or as volume, by distortion and bytes: `meshset` and `necgs` in one archive",
        kind="mesh",
        licence="MIT",
        deterministic=False,
        reference="docs/hybrid.md",
        devices=("cpu", "cuda"),
    )
    rate_type: ClassVar[type[HybridRate]] = HybridRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = LADDER
    asks_for_gpu: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys((*MeshSet.packages, *NecgsCodec.packages)))

    def warm_up(self, device: str = "cpu") -> None:
        """Compile what meshes need; volumes are rare."""
        MeshSet().warm_up(device)

    def encode(self, meshes: Sequence[Trimesh], rate: HybridRate, context: Context) -> Archive:
        """Phases: those of ``meshset``, choose; those of ``necgs`` where volumes are trained."""
        from necgs.hybrid.search import encode

        return encode(meshes, rate, context)

    def decode_shared(self, data: bytes, context: Context) -> HybridShared:
        """Phases: those of the modes."""
        from necgs.hybrid.parts import read_shared

        parts = read_shared(data)
        return HybridShared(
            parts,
            None if parts.meshes is None else MeshSet().decode_shared(parts.meshes, context),
            None if parts.volumes is None else NecgsCodec().decode_shared(parts.volumes, context),
        )

    def decode_shape(self, shared: HybridShared, data: bytes, context: Context) -> Trimesh:
        """Phases: those of the shape's mode."""
        from necgs.hybrid.parts import is_volume, own_part

        volume, part = is_volume(shared.parts, data), own_part(shared.parts, data)
        if volume and shared.volumes is not None:
            return NecgsCodec().decode_shape(shared.volumes, part, context)
        if not volume and shared.meshes is not None:
            return MeshSet().decode_shape(shared.meshes, part, context)
        raise CorruptArchive("part of a shape: its mode is not among those of the set")
