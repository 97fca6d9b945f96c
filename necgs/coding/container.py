"""One file for a coded set: ``.necgs``, a sequence of records behind a magic number.

::

    file    = b"NeCGS" 0x1A, container version (1 byte), codec (1 byte, version 2 only), record*
    record  = tag (1 byte), length of the body (varint), body, CRC-32 of the body (4 bytes, little endian)

    tag S   the codec's shared part without its own checksum; the first record, once
    tag M   a shape: name (text), placement (`necgs.coding.placement`), the shape's part without its own checksum
    tag E   varint: how many M records the file holds so far; the last record
    tag I, T  in files of many shapes, instead of E: see `necgs.coding.shape_index`

Version 1 holds volumes (``necgs``, ``necgs-paper``: their shared part tells them apart); version 2 says which of
`CODECS` made the parts, by its place there, and never the first.

Shapes are added by appending M records and another E: what was written before stays as it was. A reader finds a shape
by stepping over the bodies of the others, or by the index. A cut file has no E at its end; a file that lost a record in
the middle has an E that does not count right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from mesh_datasets.normalization import Normalization

from bench.codec import Archive, CorruptArchive
from bench.codec.fields import (
    CHECKSUM_BYTES,
    MAX_VARINT_BYTES,
    FieldReader,
    FieldWriter,
    checked_crc32,
    varint,
    with_crc32,
)
from necgs.coding.placement import read_placement, write_placement
from necgs.coding.shape_index import (
    INDEX,
    INDEXED_FROM,
    MAX_NAME_BYTES,
    TRAILER,
    TRAILER_BYTES,
    Entry,
    index_body,
    read_index,
    read_trailer,
    trailer,
)

MAGIC = b"NeCGS\x1a"
VERSION, VERSION_WITH_CODEC = 1, 2
CODECS = ("necgs", "meshset", "hybrid")
SHARED, SHAPE, END = b"S", b"M", b"E"

MAX_SHAPES = 1 << 24
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


def check_name(name: str) -> None:
    """A name must be usable as a file name in any folder, and must not lead out of it.

    Raises:
        ValueError: empty, too long, starting with a dot, or holding a separator or a character that does not print.
    """
    if not name or len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"a shape's name has 1 to {MAX_NAME_BYTES} bytes, not {len(name.encode())}")
    if name[0] == "." or not name.isprintable() or FORBIDDEN & set(name):
        raise ValueError(f"{name!r} cannot be the name of a shape: it could not be a plain file name")


def check_names(names: Sequence[str]) -> None:
    """The names of a set must be allowed and all different. Raises ``ValueError``."""
    for name in names:
        check_name(name)
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise ValueError(f"names must differ: {twice}")


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
    check_names(names)
    if codec not in CODECS:
        raise ValueError(f"a file holds parts of {', '.join(CODECS)}, not of {codec}")
    place = CODECS.index(codec)
    head = MAGIC + bytes([VERSION_WITH_CODEC, place] if place else [VERSION])
    head += _record(SHARED, archive.shared.data[:-CHECKSUM_BYTES])
    records = [Record(n, p.data, at) for n, p, at in zip(names, archive.shapes, placements, strict=True)]
    return head + _tail(records, len(head), [])


def extension(file: SetFile, records: Sequence[Record]) -> bytes:
    """What comes behind a file, so that it holds these shapes as well.

    Raises:
        ValueError: a name is there already, or twice.
    """
    counts = Counter([*file.names, *(record.name for record in records)])
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise ValueError(f"the file holds these names already: {twice}")
    return _tail(records, file.size, file.entries, file.index)


class SetFile:
    """An open ``.necgs`` file: knows where its shapes are, and reads no other part than the one asked for.

    Args:
        file: seekable, open for reading bytes.

    Raises:
        CorruptArchive: not such a file, cut short, or with records that do not fit together.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        """Of the file, in bytes."""
        self.index = 0
        """Offset of the newest index; 0 where there is none."""
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
        self._shared, self.entries = self._from_index() or self._scan()

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
        if (name := fields.text("name", MAX_NAME_BYTES)) != entry.name:
            raise fields.fault(f"it is called {name!r}")
        placement = read_placement(fields)
        return Record(name, with_crc32(fields.rest()), placement)

    def _from_index(self) -> tuple[Entry, list[Entry]] | None:
        """Where shared part and shapes are, by the indices of the file; None where it ends in no trailer."""
        first = self._file.tell()
        self._file.seek(max(0, self.size - TRAILER_BYTES))
        found = read_trailer(self._file.read(TRAILER_BYTES))
        self._file.seek(first)
        if found is None:
            return None
        tag, shared = self._step()
        if tag != SHARED:
            raise CorruptArchive("the shared part is not the first record")
        count, at = found
        self.index, parts, end = at, [], self.size
        while at:
            self._file.seek(at)
            tag, entry = self._step() if at < end else (b"", shared)
            if tag != INDEX:
                raise CorruptArchive(f"there is no index at offset {at}")
            if self._file.tell() > end:  # inside each other, small ones would list the names of large ones over again
                raise CorruptArchive(f"the index at offset {at} goes on behind the start of the next one")
            end = at
            at, entries = read_index(checked_crc32(self._read(entry), "index"), at)
            parts.append(entries)
        entries = [entry for part in reversed(parts) for entry in part]
        for entry in entries:
            _check_read_name(entry.name)
        if len(entries) != count or len({entry.name for entry in entries}) != count:
            raise CorruptArchive(f"the file says that it holds {count} shapes; its index has {len(entries)}")
        return shared, entries

    def _scan(self) -> tuple[Entry, list[Entry]]:
        shared: Entry | None = None
        entries: dict[str, Entry] = {}
        tag, whole = b"", ""
        while self._file.tell() < self.size:
            start = self._file.tell()
            try:
                tag, entry = self._step()
            except CorruptArchive as error:
                raise CorruptArchive(f"{error.what}{whole}", error.remedy) from None
            if (tag == SHARED) != (shared is None):
                raise CorruptArchive("the shared part is not the first record, or there are two of them")
            if tag == SHARED:
                shared = entry
            elif tag == SHAPE:
                if entry.name in entries or len(entries) >= MAX_SHAPES:
                    raise CorruptArchive(f"two shapes are called {entry.name!r}, or there are too many")
                entries[entry.name] = entry
            elif tag == INDEX:
                self.index = start
            elif self._count(tag, entry) != len(entries):
                raise CorruptArchive(f"the file holds {len(entries)} shapes, but says otherwise: one is missing")
            else:
                whole = f"; its first {len(entries)} shapes are whole: truncate -s {self._file.tell()} FILE keeps them"
        if shared is None or tag not in (END, TRAILER):
            raise CorruptArchive(f"the file is cut short: its last record is missing{whole}")
        return shared, list(entries.values())

    def _step(self) -> tuple[bytes, Entry]:
        """Read the head of a record (and of its body, as far as the name) and go behind it."""
        start = self._file.tell()
        ahead = self._file.read(1 + MAX_VARINT_BYTES + MAX_VARINT_BYTES + MAX_NAME_BYTES)
        fields = FieldReader(ahead, "record")
        tag = fields.raw(1, "tag")
        if tag not in (SHARED, SHAPE, END, INDEX, TRAILER):
            raise CorruptArchive(f"there is no record of type {tag!r}")
        length = fields.unsigned("length", self.size) + CHECKSUM_BYTES
        body = start + fields.position
        if body + length > self.size:
            raise CorruptArchive(f"the file is cut short: a record of {length} bytes has {self.size - body}")
        name = fields.text("name", MAX_NAME_BYTES) if tag == SHAPE else ""
        if tag == SHAPE:
            _check_read_name(name)
        self._file.seek(body + length)
        return tag, Entry(name, body, length)

    def _count(self, tag: bytes, entry: Entry) -> int:
        after = self._file.tell()
        if tag == TRAILER:
            self._file.seek(after - TRAILER_BYTES)
            found = read_trailer(self._file.read(TRAILER_BYTES))
            return -1 if found is None else found[0]
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


def _check_read_name(name: str) -> None:
    try:
        check_name(name)
    except ValueError as error:
        raise CorruptArchive(str(error)) from None


def _tail(records: Iterable[Record], start: int, present: Sequence[Entry], index: int = 0) -> bytes:
    """Records from offset ``start`` on, and what ends a file that has ``present`` before them, with an ``index``."""
    out, entries, at = [], [], start
    for record in records:
        fields = FieldWriter()
        fields.text(record.name)
        write_placement(fields, record.placement)
        fields.raw(record.part[:-CHECKSUM_BYTES])
        out.append(_record(SHAPE, fields.getvalue()))
        at += len(out[-1])
        length = len(fields) + CHECKSUM_BYTES
        entries.append(Entry(record.name, at - length, length))
    count = len(present) + len(entries)
    if count < INDEXED_FROM or not entries:
        out.append(_record(END, varint(count)))
    else:
        out.append(_record(INDEX, index_body(index, entries if index else [*present, *entries])))
        out.append(trailer(count, at))
    return b"".join(out)


def _record(tag: bytes, body: bytes) -> bytes:
    return tag + varint(len(body)) + with_crc32(body)
