"""The contract between the harness and a codec: everything that a codec imports from ``bench``.

A codec codes a *set* of meshes into real bytes and decodes those bytes, in a fresh process, into meshes::

    encode(meshes, rate, context) -> Archive
    decode(archive, context) -> list[Trimesh]        # same order, same length

Meshes are ``trimesh.Trimesh`` objects already normalised into the cube [-1, 1]^3. A codec that treats each mesh
alone derives from `ShapeCodec` and implements ``encode_shape`` and ``decode_shape``; one whose shapes share a part
derives from `SetCodec` and implements ``encode``, ``decode_shared`` and ``decode_shape``.

Importing this module, and any module that defines a codec, must stay cheap: heavy packages are imported inside methods.

Errors::

    CodecError
      Unavailable        the codec cannot run here (missing package, program, checkpoint or device)
      InvalidMesh        a mesh that the codec cannot take
      EncodeFailed       the encoder broke or wrote nothing usable
      DecodeFailed       the decoder broke or returned no usable mesh
      CorruptArchive     the bytes are truncated, altered or not of this codec
      OutOfMemory        memory, of the CPU or of a GPU, does not suffice
      DeadlineExceeded   the time allowed for the job is over
"""

from __future__ import annotations

from bench.codec.archive import Archive, Part
from bench.codec.context import Context
from bench.codec.errors import (
    CodecError,
    CorruptArchive,
    DeadlineExceeded,
    DecodeFailed,
    EncodeFailed,
    InvalidMesh,
    OutOfMemory,
    Unavailable,
    UserError,
)
from bench.codec.interface import Availability, Codec, CodecInfo, Rate, SetCodec, ShapeCodec, parse_value

__all__ = [
    "Archive",
    "Availability",
    "Codec",
    "CodecError",
    "CodecInfo",
    "Context",
    "CorruptArchive",
    "DeadlineExceeded",
    "DecodeFailed",
    "EncodeFailed",
    "InvalidMesh",
    "OutOfMemory",
    "Part",
    "Rate",
    "SetCodec",
    "ShapeCodec",
    "Unavailable",
    "UserError",
    "parse_value",
]
