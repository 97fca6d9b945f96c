"""The codec ``necgs``, and what it shares with ``necgs-paper``: meshes -> volumes -> network, latents -> bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bench.codec import Archive, CodecInfo, Context, EncodeFailed, Part, SetCodec
from necgs.settings import LADDER, SHORT_LADDER, NecgsRate, VolumeRate

if TYPE_CHECKING:
    from trimesh import Trimesh

    from necgs.coding.bitstream import SharedPart


class VolumeCodec(SetCodec):
    """A set as volumes: one network for all of them, latents for each.

    Rate and derived codec say which network and how it is trained; the decoder takes the bytes of either.
    """

    asks_for_gpu: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = ("torch", "open3d-cpu", "open3d", "constriction", "numpy")

    def warm_up(self, device: str = "cpu") -> None:
        """Import what is heavy, compile surface extraction and direct fit, start the device."""
        from necgs.stages import warm_up

        warm_up(device)

    def warm_up_decoder(self, device: str = "cpu") -> None:
        """Import what is heavy, compile surface extraction, start the device."""
        from necgs.stages import warm_up_decoder

        warm_up_decoder(device)

    def expected_seconds(self, rate: Any, shapes: int, context: Context) -> Mapping[str, float]:
        """On a GPU, what rendered fits spend on a CPU where nvdiffrast cannot be used."""
        from necgs.rendering import seconds_without_nvdiffrast

        return {} if context.device == "cpu" else seconds_without_nvdiffrast(rate.fit, shapes)

    def preparation(self, rate: VolumeRate) -> str:
        """Volumes of a resolution; those that are rendered need the device that trains."""
        return "" if rate.fit == "rendered" else f"volumes {rate.resolution} {rate.channels} {rate.fit}"

    def prepare(self, meshes: Sequence[Trimesh], rate: VolumeRate, context: Context) -> None:
        """Volumes for the cache; a shape that has none fails when the set is encoded."""
        from necgs.set_volumes import volumes_of

        volumes_of(meshes, rate, context)

    def encode(self, meshes: Sequence[Trimesh], rate: VolumeRate, context: Context) -> Archive:
        """Phases: tsdf, fit (from the cache where another rate has done them), train, entropy."""
        from necgs.coding.bitstream import encode_set
        from necgs.quantize import NotFinite
        from necgs.set_volumes import volumes_of
        from necgs.stages import trained_set

        context.limit_torch()
        fitted, volumes = volumes_of(meshes, rate, context)
        if not fitted:
            return Archive(tuple(Part(b"") for _ in meshes))
        try:
            trained = trained_set(volumes, rate, context)
            with context.phase("entropy"):
                archive = encode_set(trained, rate.entropy)
        except NotFinite as error:
            raise EncodeFailed(f"training diverged: {error}", "use a smaller learning_rate") from None
        except ValueError as error:  # codes so far apart that no table holds them, say: it names the setting
            raise EncodeFailed(f"the set cannot be coded: {error}") from None
        context.notes["parameters"] = str(trained.spec.parameter_count)
        coded = dict(zip(fitted, archive.shapes, strict=True))
        return Archive(tuple(coded.get(index, Part(b"")) for index in range(len(meshes))), archive.shared)

    def decode_shared(self, data: bytes, context: Context) -> SharedPart:
        """Phase ``entropy``."""
        from necgs.coding.bitstream import decode_shared

        context.limit_torch()
        with context.phase("entropy"):
            return decode_shared(data, context.max_memory)

    def decode_shape(self, shared: SharedPart, data: bytes, context: Context) -> Trimesh:
        """Phases: entropy, network, extraction."""
        from necgs.stages import decode_mesh

        return decode_mesh(shared, data, context)


class NecgsCodec(VolumeCodec):
    """This project's set codec, grown from NeCGS: latents only in blocks with surface, their bits in the loss."""

    info: ClassVar[CodecInfo] = CodecInfo(
        name="necgs",
        version="4",
        title="NeCGS (ours)",
        summary="Block-sparse volumes: one small network for the set, latents only where the surface is",
        kind="neural",
        licence="MIT",
        deterministic=False,
        reference="docs/necgs.md; grew from https://arxiv.org/abs/2405.15034",
        devices=("cpu", "cuda"),
    )
    rate_type: ClassVar[type[NecgsRate]] = NecgsRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = LADDER
    short_ladder: ClassVar[tuple[str, ...]] = SHORT_LADDER

    def warm_up(self, device: str = "cpu") -> None:
        """Compile what trains on a CPU, too."""
        from necgs.stages import warm_up_training

        super().warm_up(device)
        if device == "cpu":
            warm_up_training()
