"""A mesh on an integer lattice, as glTF's KHR_mesh_quantization holds it, and the frame around its coded bytes.

The lattice is that of the cube [-1, 1]^3, 2^bits values an axis. A part is four varints (bits, vertices, faces,
bytes of the content), a zstd frame of the content, and a CRC-32 over both (4 bytes, little endian).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.codec import Context, CorruptArchive, Part
from bench.codec.checks import decoded_mesh
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, with_crc32

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from trimesh import Trimesh

LEVEL = 19
"""Of zstd: what a server that compresses its files once would take."""

MOST_BITS = 16
MOST = (1 << 31) - 1
BYTES_PER_ELEMENT = 128
"""Memory of a decoded vertex or triangle: lattice coordinates, indices, their float64 and int64 copies."""


@dataclass(frozen=True)
class GridMesh:
    """``positions`` (v, 3), 0 to 2^bits - 1, and ``faces`` (f, 3), both integers; each vertex is used and different."""

    bits: int
    positions: NDArray[np.int64]
    faces: NDArray[np.int64]

    @classmethod
    def of(cls, vertices: NDArray[np.float64], faces: NDArray[np.int64], bits: int) -> GridMesh:
        """Round to the lattice, weld vertices that meet there and drop triangles without three corners.

        That is what exporters do after quantising. A mesh of which nothing would be left keeps its triangles.
        """
        steps = (1 << bits) - 1
        rounded = np.floor((vertices + 1) / 2 * steps + 0.5).astype(np.int64).clip(0, steps)
        _, welded = np.unique(rounded, axis=0, return_inverse=True)
        corners = welded.reshape(-1)[faces]
        a, b, c = corners.T
        whole = (a != b) & (b != c) & (c != a)
        kept = faces[whole] if whole.any() else faces
        found, compact = np.unique(rounded[kept.reshape(-1)], axis=0, return_inverse=True)
        return cls(bits, found, compact.reshape(-1, 3))

    def mesh(self) -> Trimesh:
        """Back in [-1, 1]^3."""
        return decoded_mesh(self.vertices(), self.faces)

    def vertices(self) -> NDArray[np.float64]:
        """Coordinates (v, 3) in [-1, 1]."""
        return self.positions / ((1 << self.bits) - 1) * 2 - 1


def framed(mesh: GridMesh, content: bytes) -> Part:
    """The part of a mesh whose coded vertices and triangles are ``content``."""
    import zstandard

    packed = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True).compress(content)
    head = FieldWriter()
    for number in (mesh.bits, len(mesh.positions), len(mesh.faces), len(content)):
        head.unsigned(number)
    with_sum = with_crc32(head.getvalue() + packed)
    ledger = {"checksum": CHECKSUM_BYTES, "header": len(head), "geometry": len(packed)}
    return Part(with_sum, ledger)


def unframed(data: bytes, context: Context, what: str) -> tuple[int, int, int, bytes]:
    """Bits, vertices, faces and content of what `framed` wrote.

    Raises:
        CorruptArchive: cut, altered, or more than the length and the memory budget allow.
    """
    import zstandard

    fields = FieldReader(checked_crc32(data, what), what)
    bits = fields.unsigned("bits", MOST_BITS, 1)
    vertices, faces = fields.unsigned("vertices", MOST), fields.unsigned("faces", MOST)
    size = fields.unsigned("content", MOST)
    context.check_memory(BYTES_PER_ELEMENT * (vertices + faces) + size, len(data), what)
    packed = fields.rest()
    try:
        if zstandard.frame_content_size(packed) != size:
            raise CorruptArchive(f"{what}: the frame does not hold the {size} bytes that its header states")
        content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptArchive(f"{what}: not a whole zstd frame: {error}") from error
    if len(content) != size:
        raise CorruptArchive(f"{what}: {len(content)} bytes of content, not {size}")
    return bits, vertices, faces, content


def lattice_mesh(bits: int, positions: Any, faces: Any, what: str) -> Trimesh:
    """The decoded mesh, after checks that its indices and coordinates are in range."""
    if len(positions) and int(np.max(positions)) >> bits:
        raise CorruptArchive(f"{what}: a coordinate lies outside of the lattice of {bits} bits")
    if len(faces) and int(np.max(faces)) >= len(positions):
        raise CorruptArchive(f"{what}: a triangle names a vertex that is not there")
    return GridMesh(bits, np.asarray(positions, np.int64), np.asarray(faces, np.int64)).mesh()
