"""One file for a coded set: ``.necgs``, a sequence of records behind a magic number.

::

    file    = b"NeCGS" 0x1A, container version (1 byte), codec (1 byte, version 2 only), record*
    record  = tag (1 byte), length of the body (varint), body, CRC-32 of the body (4 bytes, little endian)

    tag S   the codec's shared part without its own checksum; the first record, once
    tag M   a shape: name (text), placement, the shape's part without its own checksum
    tag E   varint: how many M records the file holds so far; the last record

Version 1 holds volumes (``necgs``, ``necgs-paper``: their shared part tells them apart); version 2 says which of
`CODECS` made the parts, by its place there, and never the first.

The placement undoes the normalisation: varint 0, or 1 and then scale (float32) and centre (3 signed varints, in units
of 2^-20 of the mesh's size, the size 2/scale rounded up to a power of two).

Shapes are added by appending M records and another E: what was written before stays as it was. A reader finds a shape
by stepping over the bodies of the others. A cut file has no E at its end; a file that lost a record in the middle has
an E that does not count right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from mesh_datasets.normalization import Normalization

from bench.codec import Archive, CorruptArchive, Part
from bench.codec.fields import (
    CHECKSUM_BYTES,
    MAX_VARINT_BYTES,
    FieldReader,
    FieldWriter,
    checked_crc32,
    varint,
    with_crc32,
)

MAGIC = b"NeCGS\x1a"
VERSION, VERSION_WITH_CODEC = 1, 2
CODECS = ("necgs", "meshset", "hybrid")
SHARED, SHAPE, END = b"S", b"M", b"E"

MAX_NAME_BYTES = 255
MAX_SHAPES = 1 << 24
CENTRE_BITS = 20
"""The centre is kept to this many bits below the size of the mesh: a thousandth of the codec's own error."""

MAX_CENTRE = 1 << 61
FORBIDDEN = frozenset('/\\:*?"<>|')


@dataclass(frozen=True)
class Record:
    """One coded shape.

    Args:
        name: see `check_name`.
        part: the shape's part with its checksum, as in an archive.
        placement: what undoes the normalisation, or None where the mesh was coded as it was.
    """

    name: str
    part: bytes
    placement: Normalization | None = None

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True)
class Entry:
    """Where a file holds a shape: its name, and offset and length of the body with its checksum."""

    name: str
    offset: int
    length: int


def check_name(name: str) -> None:
    """A name must be usable as a file name in any folder, and must not lead out of it.

    Raises:
        ValueError: empty, too long, starting with a dot, or holding a separator or a character that does not print.
    """
    if not name or len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"a shape's name has 1 to {MAX_NAME_BYTES} bytes, not {len(name.encode())}")
    if name[0] == "." or not name.isprintable() or FORBIDDEN & set(name):
        raise ValueError(f"{name!r} cannot be the name of a shape: it could not be a plain file name")


def placement_of(normalization: Normalization) -> Normalization:
    """``normalization`` as a file keeps it and a reader gets it back.

    Raises:
        ValueError: the mesh is too far from the origin, too large or too small to be placed.
    """
    with np.errstate(over="ignore", under="ignore"):
        scale = float(np.float32(normalization.scale))
    if not np.isfinite(scale) or scale <= 0:
        raise ValueError(f"a mesh of size {2 / normalization.scale:g} cannot be placed: scale it first")
    unit = _centre_unit(scale)
    x, y, z = (round(value / unit) for value in normalization.center)
    if max(abs(x), abs(y), abs(z)) > MAX_CENTRE:
        raise ValueError(f"a mesh of size {2 / scale:g} at {normalization.center} is too far away: move it first")
    return Normalization((x * unit, y * unit, z * unit), scale)


def write_set(
    archive: Archive, names: Sequence[str], placements: Sequence[Normalization | None], codec: str = CODECS[0]
) -> bytes:
    """The file of an archive.

    Args:
        archive: by one of `CODECS`.
        names: of the shapes.
        placements: what undoes each shape's normalisation.
        codec: which of them.

    Raises:
        ValueError: a name that is not allowed, or twice the same; a codec that is not among `CODECS`.
    """
    if len(set(names)) != len(names):
        raise ValueError(f"names must differ: {sorted(n for n in set(names) if list(names).count(n) > 1)}")
    if codec not in CODECS:
        raise ValueError(f"a file holds parts of {', '.join(CODECS)}, not of {codec}")
    place = CODECS.index(codec)
    head = MAGIC + bytes([VERSION_WITH_CODEC, place] if place else [VERSION])
    head += _record(SHARED, archive.shared.data[:-CHECKSUM_BYTES])
    records = [Record(n, p.data, at) for n, p, at in zip(names, archive.shapes, placements, strict=True)]
    return head + _tail(records, len(records))


def extend_set(data: bytes, present: Sequence[str], records: Sequence[Record]) -> bytes:
    """A file with shapes added: ``data``, unchanged, and what comes behind it.

    Args:
        data: the whole file so far.
        present: the names that it holds.
        records: the new shapes.

    Raises:
        ValueError: a name is there already, or twice.
    """
    names = [*present, *(record.name for record in records)]
    if len(set(names)) != len(names):
        raise ValueError(f"the file holds these names already: {sorted(n for n in set(names) if names.count(n) > 1)}")
    return data + _tail(records, len(names))


class SetFile:
    """An open ``.necgs`` file: knows where its shapes are, and reads no other part than the one asked for.

    Args:
        file: seekable, open for reading bytes.

    Raises:
        CorruptArchive: not such a file, cut short, or with records that do not fit together.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)
        head = file.read(len(MAGIC) + 1)
        if head[:-1] != MAGIC:
            raise CorruptArchive("this is not a .necgs file: it does not start with NeCGS")
        self.codec = CODECS[0]
        """Who made the parts: one of `CODECS`."""
        if head[-1] == VERSION_WITH_CODEC:
            self.codec = _codec_at(file.read(1))
        elif head[-1] != VERSION:
            known = f"versions {VERSION} and {VERSION_WITH_CODEC}"
            raise CorruptArchive(f"the file has container version {head[-1]}; this program reads {known}")
        self._shared, self.entries = self._scan()

    @property
    def names(self) -> list[str]:
        """Names of the shapes, in order."""
        return [entry.name for entry in self.entries]

    def shared(self) -> bytes:
        """The shared part with its checksum."""
        return self._read(self._shared)

    def shape(self, entry: Entry) -> Record:
        """Read one shape."""
        what = f"shape {entry.name}"
        fields = FieldReader(checked_crc32(self._read(entry), what), what)
        name = fields.text("name", MAX_NAME_BYTES)
        placement = _read_placement(fields)
        return Record(name, with_crc32(fields.rest()), placement)

    def archive(self) -> Archive:
        """All parts."""
        return Archive(tuple(Part(self.shape(entry).part) for entry in self.entries), Part(self.shared()))

    def _scan(self) -> tuple[Entry, list[Entry]]:
        shared: Entry | None = None
        entries: dict[str, Entry] = {}
        tag = b""
        while self._file.tell() < self._size:
            tag, entry = self._step()
            if (tag == SHARED) != (shared is None):
                raise CorruptArchive("the shared part is not the first record, or there are two of them")
            if tag == SHARED:
                shared = entry
            elif tag == SHAPE:
                if entry.name in entries or len(entries) >= MAX_SHAPES:
                    raise CorruptArchive(f"two shapes are called {entry.name!r}, or there are too many")
                entries[entry.name] = entry
            elif self._count(entry) != len(entries):
                raise CorruptArchive(f"the file holds {len(entries)} shapes, but says otherwise: one is missing")
        if shared is None or tag != END:
            raise CorruptArchive("the file is cut short: its last record is missing")
        return shared, list(entries.values())

    def _step(self) -> tuple[bytes, Entry]:
        """Read the head of a record (and of its body, as far as the name) and go behind it."""
        start = self._file.tell()
        ahead = self._file.read(1 + MAX_VARINT_BYTES + MAX_VARINT_BYTES + MAX_NAME_BYTES)
        fields = FieldReader(ahead, "record")
        tag = fields.raw(1, "tag")
        if tag not in (SHARED, SHAPE, END):
            raise CorruptArchive(f"there is no record of type {tag!r}")
        length = fields.unsigned("length", self._size) + CHECKSUM_BYTES
        body = start + fields.position
        if body + length > self._size:
            raise CorruptArchive(f"the file is cut short: a record of {length} bytes has {self._size - body}")
        name = fields.text("name", MAX_NAME_BYTES) if tag == SHAPE else ""
        try:
            if tag == SHAPE:
                check_name(name)
        except ValueError as error:
            raise CorruptArchive(str(error)) from None
        self._file.seek(body + length)
        return tag, Entry(name, body, length)

    def _count(self, entry: Entry) -> int:
        after = self._file.tell()
        fields = FieldReader(checked_crc32(self._read(entry), "end record"), "end record")
        count = fields.unsigned("number of shapes", MAX_SHAPES)
        fields.end()
        self._file.seek(after)
        return count

    def _read(self, entry: Entry) -> bytes:
        self._file.seek(entry.offset)
        return self._file.read(entry.length)


def _codec_at(place: bytes) -> str:
    if not place or not 1 <= place[0] < len(CODECS):
        raise CorruptArchive(
            f"the file names codec {place.hex() or 'none'}; this program knows 01 to {len(CODECS) - 1:02x}"
        )
    return CODECS[place[0]]


def _tail(records: Iterable[Record], count: int) -> bytes:
    out = b""
    for record in records:
        fields = FieldWriter()
        fields.text(record.name)
        _write_placement(fields, record.placement)
        fields.raw(record.part[:-CHECKSUM_BYTES])
        out += _record(SHAPE, fields.getvalue())
    return out + _record(END, varint(count))


def _record(tag: bytes, body: bytes) -> bytes:
    return tag + varint(len(body)) + with_crc32(body)


def _centre_unit(scale: float) -> float:
    """A power of two: 2^-20 of the mesh's size."""
    return math.ldexp(1.0, math.frexp(2.0 / scale)[1] - CENTRE_BITS)


def _write_placement(out: FieldWriter, placement: Normalization | None) -> None:
    out.unsigned(0 if placement is None else 1)
    if placement is None:
        return
    kept = placement_of(placement)
    out.float32(kept.scale)
    for value in kept.center:
        out.signed(round(value / _centre_unit(kept.scale)))


def _read_placement(fields: FieldReader) -> Normalization | None:
    if not fields.unsigned("placement", 1):
        return None
    scale = fields.float32("scale")
    if not (np.isfinite(scale) and scale > 0):
        raise fields.fault(f"{scale} is no scale")
    unit = _centre_unit(scale)
    x, y, z = (fields.signed("centre", MAX_CENTRE) * unit for _ in range(3))
    return Normalization((x, y, z), scale)
