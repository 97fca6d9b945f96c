"""Codec ``quantdeepsdf``: meshes -> volumes -> one quantised network and a latent per shape -> bytes, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from baselines.neural.quantdeepsdf.settings import QuantDeepSdfRate
from bench.codec import Archive, Availability, CodecInfo, Context, CorruptArchive, EncodeFailed, Part, Rate, SetCodec
from bench.codec.packages import missing_packages

if TYPE_CHECKING:
    from trimesh import Trimesh

    from baselines.neural.quantdeepsdf.bitstream import Codes, SharedPart
    from baselines.neural.quantdeepsdf.network import Field
    from baselines.neural.quantdeepsdf.points import ShapePoints
    from baselines.neural.quantdeepsdf.training import Trained


class QuantDeepSdf(SetCodec):
    """DeepSDF's auto-decoder with quantised weights and latents, on TSDF-Def volumes: the baseline of NeCGS."""

    info: ClassVar[CodecInfo] = CodecInfo(
        name="quantdeepsdf",
        version="1",
        title="QuantDeepSDF",
        summary="An 8-layer perceptron from position and latent to the TSDF-Def value, quantised and entropy coded",
        kind="neural",
        licence="MIT",
        deterministic=False,
        reference="https://arxiv.org/abs/2405.15034",
        devices=("cpu", "cuda"),
    )
    rate_type: ClassVar[type[Rate]] = QuantDeepSdfRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {f"w{width}": {"width": width} for width in (40, 64, 96, 128)}
    short_ladder: ClassVar[tuple[str, ...]] = ("w40", "w64", "w96")
    packages: ClassVar[tuple[str, ...]] = ("torch", "numpy", "constriction", "libigl", "open3d-cpu", "open3d")

    def availability(self) -> Availability:
        return missing_packages("torch", "constriction", "open3d", "numba", igl="libigl")

    def warm_up(self, device: str = "cpu") -> None:
        """Import what is heavy, compile the surface extraction, start the device."""
        import igl  # noqa: F401
        import open3d  # noqa: F401

        from bench.codec.arithmetic import start_device
        from necgs.volume.dmc import extract

        extract(start_device(device).expand(4, 4, 4))

    def encode(self, meshes: Sequence[Trimesh], rate: QuantDeepSdfRate, context: Context) -> Archive:
        """Phases: tsdf, fit (from the cache where another rate has done them), train, network, entropy."""
        from baselines.neural.quantdeepsdf.bitstream import encode_shape, encode_shared
        from baselines.neural.quantdeepsdf.extraction import smallest_reach

        context.limit_torch()
        points: dict[int, ShapePoints] = {}
        for index, mesh in enumerate(meshes):
            with context.shape(index, EncodeFailed):
                points[index] = _training_points(mesh, rate, context, index)
            context.progress(index + 1, len(meshes), "volumes")
        parts = [Part(b"")] * len(meshes)
        if not points:
            return Archive(tuple(parts))
        trained = _trained(list(points.values()), rate, context)
        context.notes["parameters"] = str(trained.spec.parameter_count)
        with context.phase("entropy"):
            shared, shared_part = encode_shared(trained, rate.entropy)
        for done, (index, latent) in enumerate(zip(points, trained.latents, strict=True), 1):
            context.check_deadline()
            with context.phase("network"):
                reach = smallest_reach(_field(shared, latent, context.device))
            with context.phase("entropy"):
                parts[index] = encode_shape(shared, latent, reach)
            context.progress(done, len(points), "measuring reaches")
        return Archive(tuple(parts), shared_part)

    def decode_shared(self, data: bytes, context: Context) -> SharedPart:
        """Phase ``entropy``."""
        from baselines.neural.quantdeepsdf.bitstream import decode_shared

        context.limit_torch()
        with context.phase("entropy"):
            return decode_shared(data, context.max_memory)

    def decode_shape(self, shared: SharedPart, data: bytes, context: Context) -> Trimesh:
        """Phases: entropy, network, extraction."""
        from baselines.neural.quantdeepsdf.bitstream import decode_shape
        from baselines.neural.quantdeepsdf.extraction import evaluated

        with context.phase("entropy"):
            latent, reach = decode_shape(shared, data)
        with context.phase("network"):
            blocks = evaluated(_field(shared, latent, context.device), reach)
            if not blocks.finite:
                raise CorruptArchive("the network's numbers overflow: these weights cannot have been trained")
            context.check_memory(blocks.surface_bytes, shared.nbytes + len(data), "the decoded surface")
        with context.phase("extraction"):
            return blocks.mesh()


def _training_points(mesh: Trimesh, rate: QuantDeepSdfRate, context: Context, index: int) -> ShapePoints:
    """Charged to tsdf and fit. Raises ``InvalidMesh``."""
    from baselines.neural.quantdeepsdf.points import ShapePoints
    from necgs.fit.fit_volume import FITS, fitted_volume

    fit = FITS[rate.fit] if rate.deformation else None
    volume = fitted_volume(mesh, rate.resolution, fit, context)
    return ShapePoints.of(volume.dense(rate.spec().channels), seed=context.seed + index)


def _trained(points: Sequence[ShapePoints], rate: QuantDeepSdfRate, context: Context) -> Trained:
    from baselines.neural.quantdeepsdf.training import train

    def progress(done: int, total: int) -> None:
        context.check_deadline()
        context.progress(done, total, "training")

    with context.phase("train"):
        return train(points, rate, device=context.device, seed=context.seed, progress=progress)


def _field(shared: SharedPart, latent: Codes, device: str) -> Field:
    import torch

    from baselines.neural.quantdeepsdf.bitstream import numbers
    from baselines.neural.quantdeepsdf.network import Field

    def tensor(codes: Codes) -> torch.Tensor:
        return torch.from_numpy(numbers(codes)).to(device)

    layers = [(tensor(weight), tensor(bias)) for weight, bias in shared.layers]
    return Field(layers, tensor(latent), shared.spec.resolution)
