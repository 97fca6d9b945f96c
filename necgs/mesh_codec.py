"""The codec ``meshset``: triangle meshes, those of one face list with one connectivity and predicted vertices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bench.codec import Archive, CodecInfo, Context, EncodeFailed, Part, SetCodec
from necgs.mesh.rate import LADDER, MeshSetRate

if TYPE_CHECKING:
    from trimesh import Trimesh

    from necgs.mesh.group_input import Copy
    from necgs.mesh.preparation import Coarse
    from necgs.mesh.stream import Shared


class MeshSet(SetCodec):
    """Decimated and fitted meshes; the decoder computes in integers, so every machine gets the same vertices."""

    info: ClassVar[CodecInfo] = CodecInfo(
        name="meshset",
        version="3",
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

    def warm_up(self, device: str = "cpu") -> None:
        """Compile the kernels, by coding a group of two and a shape alone."""
        import trimesh

        small = trimesh.creation.icosphere(subdivisions=1, radius=0.5)
        bent = trimesh.Trimesh(small.vertices * [1.0, 0.8, 1.2], small.faces, process=False)
        for together in (True, False):
            context = Context()
            self.decode(self.encode([small, bent], MeshSetRate(faces=40, groups=together), context), context)

    def encode(self, meshes: Sequence[Trimesh], rate: MeshSetRate, context: Context) -> Archive:
        """Phases: group, decimate and fit (from the cache where another job has done them), code."""
        from necgs.mesh.preparation import all_fitted, grouped, shares
        from necgs.mesh.reduction import reduced

        with context.phase("group"):
            groups, copies = grouped(meshes, rate, context)
        context.notes["groups"] = _sizes([len(group.shapes) for group in groups], len(copies))
        options = [some for group in groups if (some := reduced(group, rate, context))]
        coarse = all_fitted(shares(options, rate), rate, context)
        with context.phase("code"):
            archive, places = _coded(coarse, _surviving(copies, coarse, context), rate, context)
        context.notes["parts"] = str(sum(found.symmetry is not None for found in coarse))
        parts = dict(zip(places, archive.shapes, strict=True))
        return Archive(tuple(parts.get(index, Part(b"")) for index in range(len(meshes))), archive.shared)

    def decode_shared(self, data: bytes, context: Context) -> Shared:
        """Phase ``shared``."""
        from necgs.mesh.stream import decode_shared

        with context.phase("shared"):
            return decode_shared(data, context.max_memory)

    def decode_shape(self, shared: Shared, data: bytes, context: Context) -> Trimesh:
        """Phase ``vertices``."""
        from bench.codec.checks import decoded_mesh
        from necgs.mesh.stream import decode_shape

        with context.phase("vertices"):
            return decoded_mesh(*decode_shape(shared, data, context.max_memory))


def _surviving(copies: Sequence[Copy], coarse: Sequence[Coarse], context: Context) -> list[Copy]:
    """The copies of shapes that can be coded; the others fail."""
    coded = {shape for found in coarse for shape in found.group.shapes}
    for copy in copies:
        if copy.original not in coded:
            context.fail(copy.shape, EncodeFailed(f"it is a copy of shape {copy.original}, which failed"))
    return [copy for copy in copies if copy.original in coded]


def _coded(
    coarse: Sequence[Coarse], copies: Sequence[Copy], rate: MeshSetRate, context: Context
) -> tuple[Archive, list[int]]:
    """The archive of the shapes that are left, and their places in the set."""
    from necgs.mesh.group_input import Copy
    from necgs.mesh.preparation import coder_input, slope_of
    from necgs.mesh.set_encoder import encode

    places = sorted([shape for found in coarse for shape in found.group.shapes] + [copy.shape for copy in copies])
    if not places:
        return Archive(()), []
    number = {shape: index for index, shape in enumerate(places)}
    slope = slope_of(coarse)
    given = [
        coder_input(found, [number[shape] for shape in found.group.shapes], rate, context, slope) for found in coarse
    ]
    try:
        return encode(given, [Copy(number[c.shape], number[c.original], c.similarity) for c in copies]), places
    except ValueError as error:
        raise EncodeFailed(f"the set cannot be coded: {error}", "try other steps") from error


def _sizes(counts: Sequence[int], copies: int) -> str:
    """How many shapes have their faces in common: ``16, 16 and 16 alone``."""
    shared, alone = [str(count) for count in sorted(counts, reverse=True) if count > 1], counts.count(1)
    text = ", ".join(shared) + (" and " if shared and alone else "") + (f"{alone} alone" if alone else "")
    return f"{text}, {copies} copies" if copies else text
