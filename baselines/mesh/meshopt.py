"""``meshopt``, ``meshopt-simplify``: meshoptimizer's vertex and index codecs, as KHR_meshopt_compression has them.

What gltfpack -cc does with geometry: coordinates rounded to a lattice, triangles in the order of the vertex cache that
codes best (strips), vertices in the order of their first use, both coded, then a general compressor (zstd here, as a
web server has it).
People choose it for the speed of its decoder. https://github.com/zeux/meshoptimizer
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from baselines.mesh import draco_simplify
from bench.codec import Availability, CodecInfo, Context, CorruptArchive, Part, Rate, ShapeCodec
from bench.codec.checks import checked_arrays
from bench.codec.packages import missing_packages

if TYPE_CHECKING:
    from trimesh import Trimesh

    from baselines.mesh.grid_mesh import GridMesh

WHAT = "the meshopt stream"
ROW_BYTES = 8
"""A vertex: three 16-bit coordinates and two bytes of padding, for rows are multiples of four bytes."""

LADDER = tuple(range(7, 15))


@dataclass(frozen=True)
class MeshoptRate(Rate):
    """Quantisation ``bits`` per coordinate, 1 to 16."""

    bits: int = 11

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise ValueError(f"meshopt: bits must be between 1 and 16, got {self.bits}")


@dataclass(frozen=True)
class MeshoptSimplifyRate(MeshoptRate):
    """At most ``faces`` faces, and quantisation ``bits`` per coordinate."""

    faces: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.faces < 4:
            raise ValueError(f"meshopt-simplify: faces must be at least 4, got {self.faces}")


class Meshopt(ShapeCodec):
    """Every triangle is kept that has three different corners after rounding."""

    info = CodecInfo(
        name="meshopt",
        version="2",
        title="meshopt",
        summary="glTF's KHR_meshopt_compression, then zstd; fast to decode; all triangles are kept.",
        kind="mesh",
        licence="MIT",
        reference="https://github.com/zeux/meshoptimizer",
    )
    rate_type = MeshoptRate
    ladder = {f"q{bits}": {"bits": bits} for bits in LADDER}  # noqa: RUF012
    short_ladder = ("q8", "q10", "q12")
    packages = ("meshopt", "zstandard")

    def availability(self) -> Availability:
        return missing_packages("meshopt", "zstandard")

    def encode_shape(self, mesh: Trimesh, rate: MeshoptRate, context: Context) -> Part:
        return pack(_on_lattice(mesh, rate))

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        return unpack(data, context)


class MeshoptSimplify(ShapeCodec):
    """Decimated as ``draco-simplify`` does it, for the binding has no simplifier; then as ``meshopt``."""

    info = CodecInfo(
        name="meshopt-simplify",
        version="2",
        title="Simplify + meshopt",
        summary="Quadric edge collapse to a number of faces, then meshopt.",
        kind="mesh",
        licence="MIT (meshoptimizer), GPL-3.0 (PyMeshLab)",
        reference="https://github.com/zeux/meshoptimizer",
    )
    rate_type = MeshoptSimplifyRate
    ladder = {f"f{f}q{b}": {"faces": f, "bits": b} for f, b in draco_simplify.LADDER}  # noqa: RUF012
    short_ladder = ("f500q8", "f1000q8", "f3000q10", "f6000q11")
    packages = ("meshopt", "zstandard", "pymeshlab")

    def availability(self) -> Availability:
        return missing_packages("meshopt", "zstandard")

    def encode_shape(self, mesh: Trimesh, rate: MeshoptSimplifyRate, context: Context) -> Part:
        from baselines.mesh.grid_mesh import GridMesh

        vertices, faces = draco_simplify.simplified(*checked_arrays(mesh), rate.faces, context)
        return pack(GridMesh.of(vertices, faces, rate.bits))

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        return unpack(data, context)


def _on_lattice(mesh: Trimesh, rate: MeshoptRate) -> GridMesh:
    from baselines.mesh.grid_mesh import GridMesh

    return GridMesh.of(*checked_arrays(mesh), rate.bits)


def pack(mesh: GridMesh) -> Part:
    """Code a mesh: a varint, the bytes of the vertex stream, the stream, the index stream; in a zstd frame."""
    import meshopt
    import numpy as np

    from baselines.mesh.grid_mesh import framed
    from bench.codec.fields import varint

    corners = mesh.faces.reshape(-1).astype(np.uint32)
    indices, places, used = meshopt.reorder_mesh(corners, triangles=True, optsize=True)
    rows = np.zeros((used, ROW_BYTES // 2), dtype=np.uint16)
    rows[places, :3] = mesh.positions
    vertices = meshopt.encode_vertex_buffer(rows)
    triangles = meshopt.encode_index_buffer(np.asarray(indices, np.uint32))
    return framed(mesh, varint(len(vertices)) + vertices + triangles)


def unpack(data: bytes, context: Context) -> Trimesh:
    """Decode what `pack` wrote. Raises `CorruptArchive`."""
    import meshopt
    import numpy as np

    from baselines.mesh.grid_mesh import lattice_mesh, unframed
    from bench.codec.fields import FieldReader

    bits, vertices, faces, content = unframed(data, context, WHAT)
    fields = FieldReader(content, WHAT)
    coded = fields.raw(fields.unsigned("vertex stream", len(content)), "vertex stream")
    try:
        rows = np.asarray(meshopt.decode_vertex_buffer(coded, vertices, ROW_BYTES))
        indices = np.asarray(meshopt.decode_index_buffer(fields.rest(), 3 * faces, 4))
    except Exception as error:  # the binding raises plain exceptions
        raise CorruptArchive(f"{WHAT}: {error}") from error
    positions = np.frombuffer(rows.tobytes(), "<u2").reshape(vertices, ROW_BYTES // 2)[:, :3]
    triangles = np.frombuffer(indices.tobytes(), "<u4").reshape(faces, 3)
    return lattice_mesh(bits, positions, triangles, WHAT)
