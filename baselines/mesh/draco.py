"""Draco, Google's mesh codec (Edgebreaker connectivity, parallelogram prediction), through DracoPy.

All shapes are quantised on one lattice, that of the cube [-1, 1]^3: 2^bits values per axis. A part is the CRC-32 of
the Draco stream (4 bytes, little endian) and the stream. The checksum is there because Draco itself notices neither a
flipped coordinate nor, always, a cut: it returns another mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.codec import CodecInfo, Context, CorruptArchive, DecodeFailed, EncodeFailed, Part, Rate, ShapeCodec
from bench.codec.checks import checked_arrays, decoded_mesh
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, checked_crc32, with_crc32

if TYPE_CHECKING:
    import numpy as np
    from trimesh import Trimesh

COMPRESSION_LEVEL = 10
VERSION = b"\x02\x02"
HEADER_BYTES = 11
BYTES_PER_TRIANGLE = 256
"""Memory of decoding a triangle or vertex: Draco's corner table, attributes and their copies."""


@dataclass(frozen=True)
class DracoRate(Rate):
    """How a mesh is coded.

    Args:
        bits: quantisation per coordinate, 1 to 30.
        weld: join vertices that are quantised to one point first, and leave out triangles without three corners;
            Draco's own tools do not.
    """

    bits: int = 11
    weld: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 30:
            raise ValueError(f"draco: bits must be between 1 and 30, got {self.bits}")


class Draco(ShapeCodec):
    """Every triangle is kept, the coordinates are quantised."""

    info = CodecInfo(
        name="draco",
        version="1",
        title="Draco",
        summary="Edgebreaker and quantised coordinates at the highest compression level; all triangles are kept.",
        kind="mesh",
        licence="Apache-2.0",
        reference="https://google.github.io/draco/",
    )
    rate_type = DracoRate
    ladder = {f"q{bits}": {"bits": bits} for bits in range(7, 15)}  # noqa: RUF012
    short_ladder = ("q7", "q8", "q9", "q10", "q12")
    packages = ("DracoPy",)

    def encode_shape(self, mesh: Trimesh, rate: DracoRate, context: Context) -> Part:
        vertices, faces = checked_arrays(mesh)
        if rate.weld:
            from baselines.mesh.grid_mesh import GridMesh

            grid = GridMesh.of(vertices, faces, rate.bits)
            vertices, faces = grid.vertices(), grid.faces
        return pack(vertices, faces, rate.bits)

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        return unpack(data, context)


def pack(vertices: np.ndarray[Any, Any], faces: np.ndarray[Any, Any], bits: int) -> Part:
    """Code checked ``vertices`` (v, 3) in [-1, 1] and ``faces`` (f, 3) as checksum and Draco stream."""
    import DracoPy
    import numpy as np

    try:
        stream = DracoPy.encode(
            vertices.astype(np.float32),
            faces.astype(np.uint32),
            quantization_bits=bits,
            compression_level=COMPRESSION_LEVEL,
            quantization_range=2,
            quantization_origin=(-1, -1, -1),
        )
    except Exception as error:  # DracoPy raises bare exceptions of several kinds
        raise EncodeFailed(f"Draco refused a mesh of {len(faces)} faces: {error}") from error
    framed = with_crc32(stream)
    return Part(framed[-CHECKSUM_BYTES:] + stream, {"checksum": CHECKSUM_BYTES, "geometry": len(stream)})


def unpack(data: bytes, context: Context) -> Trimesh:
    """Decode what `pack` wrote.

    Raises:
        CorruptArchive: cut, altered, no mesh, or a number of triangles that the length does not allow.
        DecodeFailed: Draco refuses the stream.
    """
    import DracoPy

    stream = checked_crc32(data[CHECKSUM_BYTES:] + data[:CHECKSUM_BYTES], "the Draco stream")
    context.check_memory(BYTES_PER_TRIANGLE * stated_size(stream), len(data), "the Draco stream")
    try:
        decoded = DracoPy.decode(stream)
    except Exception as error:
        raise DecodeFailed(f"Draco cannot decode the stream: {error}") from error
    faces = getattr(decoded, "faces", None)
    if faces is None:
        raise CorruptArchive("the Draco stream holds a point cloud, not a mesh")
    return decoded_mesh(decoded.points, faces)


def stated_size(stream: bytes) -> int:
    """Triangles and vertices that the header of a Draco mesh states; 0 where it is none (Draco says why).

    Bitstream 2.2, section "Header": ``DRACO``, version (2 bytes), geometry type (1: mesh), method (1: Edgebreaker,
    0: sequential), flags (2); then, behind the traversal's type with Edgebreaker, two varints of up to 32 bits.
    """
    if stream[:5] != b"DRACO" or stream[7:8] != b"\x01" or len(stream) < HEADER_BYTES:
        return 0
    if stream[5:7] != VERSION:
        raise CorruptArchive(f"the Draco stream has version {stream[5]}.{stream[6]}, not {VERSION[0]}.{VERSION[1]}")
    if stream[10] & 0x80:
        raise CorruptArchive("the Draco stream carries metadata, which this codec never writes")
    fields = FieldReader(stream[HEADER_BYTES:], "the Draco stream")
    if stream[8] == 1:
        fields.raw(1, "traversal")
    return sum(fields.unsigned(name, (1 << 32) - 1) for name in ("first count", "second count"))
