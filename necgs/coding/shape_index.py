"""Where a large coded file holds its shapes: records by which a reader finds one without stepping over all others.

::

    tag I   varint: offset of the index before this one, 0 for none; varint: shapes in it; varint: offset of the first
            one's body; of each the bytes of its body with the checksum, then of each the bytes from its end to the
            next one's body, 0 at last (4 bytes each, little endian); the names (UTF-8), a line break between two
    tag T   shapes in the file, offset of the newest index (8 bytes each, little endian); always the last record

An index lists the shapes that were added with it, the first one those before it, too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.codec import CorruptArchive
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, with_crc32

INDEX, TRAILER = b"I", b"T"
INDEXED_FROM = 256
"""Shapes from which on a file has an index; in smaller ones its bytes would count, and stepping is quick."""

MAX_NAME_BYTES = 255
_TRAILER_BODY = struct.Struct("<QQ")
TRAILER_BYTES = 2 + _TRAILER_BODY.size + CHECKSUM_BYTES


@dataclass(frozen=True)
class Entry:
    """Where a file holds a shape: its name, and offset and length of the body with its checksum."""

    name: str
    offset: int
    length: int


def index_body(previous: int, entries: Sequence[Entry]) -> bytes:
    """The body of an index of ``entries``, one or more, which lie in the file in this order.

    Args:
        previous: offset of the index before, or 0.
        entries: with bodies below 4 GiB.
    """
    offsets, lengths = (np.array(values) for values in zip(*((e.offset, e.length) for e in entries), strict=True))
    out = FieldWriter()
    for value in (previous, len(entries), entries[0].offset):
        out.unsigned(value)
    out.raw(lengths.astype("<u4").tobytes())
    out.raw(np.append(offsets[1:] - (offsets + lengths)[:-1], 0).astype("<u4").tobytes())
    out.raw("\n".join(entry.name for entry in entries).encode())
    return out.getvalue()


def read_index(body: bytes, at: int) -> tuple[int, list[Entry]]:
    """The offset of the index before, and the entries of one at offset ``at``: all lie before it.

    Raises:
        CorruptArchive: an offset that leads elsewhere, names that are none or too long.
    """
    fields = FieldReader(body, "index")
    previous = fields.unsigned("previous index", at - 1)
    count = fields.unsigned("number of shapes", fields.left // 8, 1)
    first = fields.unsigned("offset", at)
    lengths, gaps = (np.frombuffer(fields.raw(4 * count, what), "<u4").astype(np.int64) for what in ("lengths", "gaps"))
    offsets = first + np.cumsum(lengths + gaps) - lengths - gaps
    if offsets[-1] + lengths[-1] > at:
        raise fields.fault("a shape lies behind it")
    try:
        names = fields.rest().decode().split("\n")
    except UnicodeDecodeError:
        raise fields.fault("the names are not UTF-8") from None
    if len(names) != count:
        raise fields.fault(f"{len(names)} names of {count} shapes")
    if max(len(name.encode()) for name in names) > MAX_NAME_BYTES:
        raise fields.fault(f"a name has more than {MAX_NAME_BYTES} bytes")
    return previous, [Entry(*one) for one in zip(names, offsets.tolist(), lengths.tolist(), strict=True)]


def trailer(count: int, index: int) -> bytes:
    """The last record of a file of ``count`` shapes whose newest index is at offset ``index``."""
    return TRAILER + bytes([_TRAILER_BODY.size]) + with_crc32(_TRAILER_BODY.pack(count, index))


def read_trailer(data: bytes) -> tuple[int, int] | None:
    """Shapes and offset of the newest index from a file's last `TRAILER_BYTES`; None where they are no trailer."""
    if data[:2] != TRAILER + bytes([_TRAILER_BODY.size]):
        return None
    try:
        count, index = _TRAILER_BODY.unpack(checked_crc32(data[2:], "trailer"))
    except CorruptArchive:
        return None
    return count, index
