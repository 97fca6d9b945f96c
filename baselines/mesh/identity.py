"""The control codec: a mesh as it is, in single precision, packed with xz. Its error is that of the measurement.

A part is one xz stream (which carries its own checksums) of: vertex count and face count (uint32), coordinates
(float32, v x 3), indices (uint32, f x 3), all little endian.
"""

from __future__ import annotations

import lzma
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.codec import CodecInfo, Context, CorruptArchive, Rate, ShapeCodec
from bench.codec.checks import checked_arrays, decoded_mesh

if TYPE_CHECKING:
    from trimesh import Trimesh

COUNTS = struct.Struct("<II")
LARGEST_CONTENT = 1 << 30
LARGEST_DICTIONARY = 1 << 27


@dataclass(frozen=True)
class IdentityRate(Rate):
    """There is nothing to set."""


class Identity(ShapeCodec):
    """Lossless but for the rounding to single precision (6e-8)."""

    info = CodecInfo(
        name="identity",
        version="1",
        title="Identity",
        summary="Control: single-precision vertices and faces, packed with xz; shows the floor of every metric.",
        kind="mesh",
        licence="MIT",
    )
    rate_type = IdentityRate
    ladder = {"lossless": {}}  # noqa: RUF012

    def encode_shape(self, mesh: Trimesh, rate: IdentityRate, context: Context) -> bytes:
        vertices, faces = checked_arrays(mesh)
        content = COUNTS.pack(len(vertices), len(faces)) + vertices.astype("<f4").tobytes()
        return lzma.compress(content + faces.astype("<u4").tobytes())

    def decode_shape(self, data: bytes, context: Context) -> Trimesh:
        import numpy as np

        content = _unpack(data, context)
        v, f = COUNTS.unpack_from(content)
        vertices = np.frombuffer(content, "<f4", 3 * v, COUNTS.size).reshape(v, 3)
        faces = np.frombuffer(content, "<u4", 3 * f, COUNTS.size + 12 * v).reshape(f, 3)
        return decoded_mesh(vertices, faces)


def _unpack(data: bytes, context: Context) -> bytes:
    """The content of the xz stream; never more memory than its own counts, and 1 GiB, allow."""
    reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY)
    try:
        counts = reader.decompress(data, max_length=COUNTS.size)
        if len(counts) < COUNTS.size:
            raise CorruptArchive("the xz stream is cut")
        rest = 12 * sum(COUNTS.unpack(counts))
        if rest > LARGEST_CONTENT:
            raise CorruptArchive(f"the counts claim {rest} bytes, more than is allowed")
        context.check_memory(4 * rest, len(data), "the stored mesh")
        # One byte more than there should be: only that makes the reader go on to the checksums at the end.
        content = counts + reader.decompress(b"", max_length=rest + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise CorruptArchive(f"not a whole xz stream: {error}") from error
    if not reader.eof or reader.unused_data or len(content) != COUNTS.size + rest:
        raise CorruptArchive("the xz stream is cut, or does not hold what its counts say")
    return content
