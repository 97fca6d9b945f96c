"""Codec ``quantdeepsdf``: meshes -> volumes -> one quantised network and a latent per shape -> bytes, and back."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from baselines.neural.quantdeepsdf.settings import QUICK, QuantDeepSdfRate
from bench.codec import (
    Archive,
    Availability,
    Codec,
    CodecInfo,
    Context,
    CorruptArchive,
    DecodeFailed,
    EncodeFailed,
    Part,
    Rate,
)

if TYPE_CHECKING:
    from trimesh import Trimesh

    from baselines.neural.quantdeepsdf.bitstream import Codes, SharedPart
    from baselines.neural.quantdeepsdf.network import Field
    from baselines.neural.quantdeepsdf.points import ShapePoints
    from baselines.neural.quantdeepsdf.training import Trained

NEEDED = ("torch", "constriction", "open3d", "igl", "numba")
PACKAGES = ("torch", "numpy", "constriction", "libigl", "open3d-cpu", "open3d")


class QuantDeepSdf(Codec):
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
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        f"w{width}": {**QUICK, "width": width} for width in (40, 64, 96, 128)
    }

    def availability(self) -> Availability:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return Availability(
                False,
                f"Python packages are missing: {', '.join(missing)}",
                "install the dependencies that pyproject.toml names",
            )
        return Availability(ok=True)

    def warm_up(self) -> None:
        """Import what is heavy, and compile the surface extraction."""
        import igl  # noqa: F401
        import open3d  # noqa: F401
        import torch

        from necgs.volume.dmc import extract

        extract(torch.tensor([1.0, -1.0, 1.0, 1.0]).expand(4, 4, 4))

    def provenance(self) -> dict[str, str]:
        """Versions of what decides the bytes."""
        from importlib.metadata import distributions

        installed = {found.metadata["Name"]: found.version for found in distributions()}
        return {name: installed[name] for name in PACKAGES if name in installed}

    def encode(self, meshes: Sequence[Trimesh], rate: QuantDeepSdfRate, context: Context) -> Archive:
        """Phases: tsdf, fit (from the cache where another rate has done them), train, network, entropy."""
        from baselines.neural.quantdeepsdf.bitstream import encode_shape, encode_shared
        from baselines.neural.quantdeepsdf.extraction import smallest_reach

        _use_threads(context)
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

    def decode(self, archive: Archive, context: Context) -> list[Trimesh]:
        """Phases: entropy, network, extraction."""
        import trimesh

        if not archive.shapes:
            return []
        _use_threads(context)
        shared = _shared(archive, context)
        meshes = []
        for index, part in enumerate(archive.shapes):
            mesh = trimesh.Trimesh()
            with context.shape(index, DecodeFailed):
                if not part.data or shared is None:
                    raise CorruptArchive("nothing is stored for this shape")
                mesh = _decoded(shared, part.data, context)
            meshes.append(mesh)
            context.progress(index + 1, len(archive.shapes), "decoding")
        return meshes


def _use_threads(context: Context) -> None:
    import torch

    torch.set_num_threads(context.threads)


def _training_points(mesh: Trimesh, rate: QuantDeepSdfRate, context: Context, index: int) -> ShapePoints:
    """Charged to tsdf and fit. Raises ``InvalidMesh``."""
    from baselines.neural.quantdeepsdf.points import ShapePoints
    from necgs.fit.fit_volume import FITS, fitted_volume

    fit = FITS[rate.fit] if rate.deformation else None
    volume = fitted_volume(mesh, rate.resolution, fit, context)
    return ShapePoints.of(volume.codes[: rate.spec().channels], seed=context.seed + index)


def _trained(points: Sequence[ShapePoints], rate: QuantDeepSdfRate, context: Context) -> Trained:
    from baselines.neural.quantdeepsdf.training import train

    def progress(done: int, total: int) -> None:
        context.check_deadline()
        context.progress(done, total, "training")

    with context.phase("train"):
        return train(points, rate, device=context.device, seed=context.seed, progress=progress)


def _shared(archive: Archive, context: Context) -> SharedPart | None:
    """The shared part, or None where every shape had failed and there is none."""
    from baselines.neural.quantdeepsdf.bitstream import decode_shared

    if not archive.shared.data and not any(part.data for part in archive.shapes):
        return None
    with context.phase("entropy"):
        return decode_shared(archive.shared.data)


def _field(shared: SharedPart, latent: Codes, device: str) -> Field:
    import torch

    from baselines.neural.quantdeepsdf.bitstream import numbers
    from baselines.neural.quantdeepsdf.network import Field

    def tensor(codes: Codes) -> torch.Tensor:
        return torch.from_numpy(numbers(codes)).to(device)

    layers = [(tensor(weight), tensor(bias)) for weight, bias in shared.layers]
    return Field(layers, tensor(latent), shared.spec.resolution)


def _decoded(shared: SharedPart, data: bytes, context: Context) -> Trimesh:
    """Raises ``CorruptArchive``."""
    from baselines.neural.quantdeepsdf.bitstream import decode_shape
    from baselines.neural.quantdeepsdf.extraction import evaluated

    with context.phase("entropy"):
        latent, reach = decode_shape(shared, data)
    with context.phase("network"):
        blocks = evaluated(_field(shared, latent, context.device), reach)
    with context.phase("extraction"):
        return blocks.mesh()
