"""``quantize-zstd``: glTF's KHR_mesh_quantization behind a web server's zstd, which is what a page gets without effort.

The content of the frame: 16-bit coordinates axis by axis, then indices (16 bits where they suffice), little endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.codec import Availability, CodecInfo, Context, CorruptArchive, Part, Rate, ShapeCodec
from bench.codec.checks import checked_arrays
from bench.codec.packages import missing_packages

if TYPE_CHECKING:
    from trimesh import Trimesh

WHAT = "the quantised mesh"


@dataclass(frozen=True)
class QuantizeRate(Rate):
    """Quantisation ``bits`` per coordinate, 1 to 16."""

    bits: int = 12

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16:
            raise ValueError(f"quantize-zstd: bits must be between 1 and 16, got {self.bits}")


class QuantizeZstd(ShapeCodec):
    """Nothing is predicted: rounded coordinates and indices, then zstd."""

    info = CodecInfo(
        name="quantize-zstd",
        version="1",
        title="Quantise + zstd",
        summary="Control: glTF's quantised vertices and plain indices behind a web server's zstd.",
        kind="mesh",
        licence="MIT (glTF extension), BSD-3-Clause (zstd)",
        reference="https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_mesh_quantization",
    )
    rate_type = QuantizeRate
    ladder = {f"q{bits}": {"bits": bits} for bits in (8, 10, 12, 14)}  # noqa: RUF012
    short_ladder = ("q10",)
    packages = ("zstandard",)

    def availability(self) -> Availability:
        return missing_packages("zstandard")

    def encode_shape(self, mesh: Trimesh, rate: QuantizeRate, context: Context) -> Part:
        from baselines.mesh.grid_mesh import GridMesh, framed

        lattice = GridMesh.of(*checked_arrays(mesh), rate.bits)
        kind = _index_type(len(lattice.positions))
        return framed(lattice, lattice.positions.T.astype("<u2").tobytes() + lattice.faces.astype(kind).tobytes())

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        import numpy as np

        from baselines.mesh.grid_mesh import lattice_mesh, unframed

        bits, vertices, faces, content = unframed(data, context, WHAT)
        kind = np.dtype(_index_type(vertices))
        if len(content) != 6 * vertices + 3 * kind.itemsize * faces:
            raise CorruptArchive(f"{WHAT}: {len(content)} bytes are not {vertices} vertices and {faces} faces")
        positions = np.frombuffer(content, "<u2", 3 * vertices).reshape(3, vertices).T
        triangles = np.frombuffer(content, kind, 3 * faces, 6 * vertices).reshape(faces, 3)
        return lattice_mesh(bits, positions, triangles, WHAT)


def _index_type(vertices: int) -> str:
    return "<u2" if vertices <= 1 << 16 else "<u4"
