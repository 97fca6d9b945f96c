"""The codec ``meshset``: triangle meshes, those of one face list with one connectivity and predicted vertices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bench.codec import Archive, CodecInfo, Context, EncodeFailed, Part, SetCodec
from necgs.mesh.rate import LADDER, MeshSetRate

if TYPE_CHECKING:
    from trimesh import Trimesh

    from necgs.mesh.preparation import Coarse
    from necgs.mesh.stream import Shared


class MeshSet(SetCodec):
    """Decimated and fitted meshes; the decoder computes in integers, so every machine gets the same vertices."""

    info: ClassVar[CodecInfo] = CodecInfo(
        name="meshset",
        version="1",
        title="Mesh set (ours)",
        summary="Decimated, vertices fitted; shapes of one face list share faces and are predicted from one another",
        kind="mesh",
        licence="MIT",
        deterministic=False,  # fit and decimation are floating point; decoding is exact
        reference="docs/meshset.md",
    )
    rate_type: ClassVar[type[MeshSetRate]] = MeshSetRate
    ladder: ClassVar[Mapping[str, Mapping[str, Any]]] = LADDER
    packages: ClassVar[tuple[str, ...]] = ("numpy", "numba", "scipy", "open3d-cpu", "open3d")

    def warm_up(self) -> None:
        """Compile the kernels, by coding a group of two and a shape alone."""
        import trimesh

        small = trimesh.creation.icosphere(subdivisions=1, radius=0.5)
        bent = trimesh.Trimesh(small.vertices * [1.0, 0.8, 1.2], small.faces, process=False)
        for together in (True, False):
            context = Context()
            self.decode(self.encode([small, bent], MeshSetRate(faces=40, groups=together), context), context)

    def encode(self, meshes: Sequence[Trimesh], rate: MeshSetRate, context: Context) -> Archive:
        """Phases: group, decimate and fit (from the cache where another job has done them), code."""
        from necgs.mesh.preparation import decimated, fitted, grouped, shares

        with context.phase("group"):
            groups = grouped(meshes, rate.groups, context)
        context.notes["groups"] = _sizes([len(group.shapes) for group in groups])
        reduced = [some for group in groups if (some := decimated(group, rate, context)) is not None]
        given = zip(reduced, shares(reduced, rate), strict=True)
        coarse = [found for some, faces in given if (found := fitted(some, faces, rate, context)) is not None]
        with context.phase("code"):
            archive, places = _coded(coarse, rate, context)
        parts = dict(zip(places, archive.shapes, strict=True))
        return Archive(tuple(parts.get(index, Part(b"")) for index in range(len(meshes))), archive.shared)

    def decode_shared(self, data: bytes, context: Context) -> Shared:
        """Phase ``shared``."""
        from necgs.mesh.stream import decode_shared

        with context.phase("shared"):
            return decode_shared(data)

    def decode_shape(self, shared: Shared, data: bytes, context: Context) -> Trimesh:
        """Phase ``vertices``."""
        from bench.codec.checks import decoded_mesh
        from necgs.mesh.stream import decode_shape

        with context.phase("vertices"):
            return decoded_mesh(*decode_shape(shared, data))


def _coded(coarse: Sequence[Coarse], rate: MeshSetRate, context: Context) -> tuple[Archive, list[int]]:
    """The archive of the shapes that are left, and their places in the set."""
    from necgs.mesh.preparation import coder_input
    from necgs.mesh.set_encoder import encode

    places = sorted(shape for group in coarse for shape in group.group.shapes)
    if not places:
        return Archive(()), []
    number = {shape: index for index, shape in enumerate(places)}
    try:
        return encode(
            [coder_input(group, [number[shape] for shape in group.group.shapes], rate, context) for group in coarse]
        ), places
    except ValueError as error:
        raise EncodeFailed(f"the set cannot be coded: {error}", "try other steps") from error


def _sizes(counts: Sequence[int]) -> str:
    """How many shapes have their faces in common: ``16, 16 and 16 alone``."""
    shared, alone = [str(count) for count in sorted(counts, reverse=True) if count > 1], counts.count(1)
    return ", ".join(shared) + (" and " if shared and alone else "") + (f"{alone} alone" if alone else "")
