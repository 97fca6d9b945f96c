"""The parts of a set whose shapes are meshes or volumes, as bytes; each ends in a CRC-32 of its own.

Shared part: varint ``4 VERSION + modes`` (1: meshes, 2: volumes, 3: both), then the shared part of that mode; of both,
varint length of the meshes', then the meshes' and the volumes'. Theirs come without their checksums.

Part of a shape: as its mode writes it where the set has one mode. Where it has both, a volume's part stands behind a
varint 0, and the varint that a mesh's part begins with is raised by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.codec import Archive, Part
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, varint, with_crc32

VERSION = 1
_MESHES, _VOLUMES = 1, 2
_MOST = (1 << 62) - 1


@dataclass(frozen=True)
class SharedParts:
    """The shared part of each mode with its checksum; None for a mode that no shape has.

    Args:
        meshes, volumes: as the codecs of the two modes write them; one of them at least.
    """

    meshes: bytes | None
    volumes: bytes | None

    @property
    def both(self) -> bool:
        """Whether a shape's part says which mode it has."""
        return self.meshes is not None and self.volumes is not None


def joined(meshes: Archive | None, volumes: Archive | None, is_volume: Sequence[bool | None]) -> Archive:
    """One archive of the archives of two modes.

    Args:
        meshes, volumes: each with the shapes of its mode, in the order of the set; None where no shape has it.
        is_volume: of each shape of the set; None for one that is not coded.
    """
    waiting = {False: iter(meshes.shapes if meshes else ()), True: iter(volumes.shapes if volumes else ())}
    both = all(archive is not None and archive.shared.data for archive in (meshes, volumes))
    parts = []
    for mode in is_volume:
        part = Part(b"") if mode is None else next(waiting[mode])
        parts.append(_marked(part, bool(mode)) if both and part.data else part)
    return Archive(tuple(parts), _shared(meshes, volumes))


def read_shared(data: bytes) -> SharedParts:
    """Divide a shared part.

    Raises:
        CorruptArchive: cut short, altered, or of another version.
    """
    what = "shared part"
    fields = FieldReader(checked_crc32(data, what), what)
    version, modes = divmod(fields.unsigned("format version", _MOST), 4)
    if version != VERSION:
        raise fields.fault(f"has format version {version}; this program reads version {VERSION}")
    if not modes:
        raise fields.fault("it names no mode")
    if modes == _MESHES | _VOLUMES:
        meshes = fields.raw(fields.unsigned("length of the meshes' part", fields.left), "meshes' part")
        return SharedParts(with_crc32(meshes), with_crc32(fields.rest()))
    rest = with_crc32(fields.rest())
    return SharedParts(rest, None) if modes == _MESHES else SharedParts(None, rest)


def is_volume(shared: SharedParts, data: bytes) -> bool:
    """Whether the part of a shape is that of a volume. Raises `CorruptArchive`."""
    return _unmarked(data)[0] == 0 if shared.both else shared.volumes is not None


def own_part(shared: SharedParts, data: bytes) -> bytes:
    """The part of a shape as the codec of its mode wrote it. Raises `CorruptArchive`."""
    if not shared.both:
        return data
    kind, rest = _unmarked(data)
    return with_crc32(rest if kind == 0 else varint(kind - 1) + rest)


def marked(shared: SharedParts, data: bytes, volume: bool) -> bytes:
    """The inverse of `own_part`."""
    return _marked(Part(data), volume).data if shared.both else data


def _marked(part: Part, volume: bool) -> Part:
    payload = checked_crc32(part.data, "part of a shape")
    if volume:
        data = with_crc32(varint(0) + payload)
    else:
        kind, rest = _unmarked(part.data)
        data = with_crc32(varint(kind + 1) + rest)
    return Part(data, _longer(part.ledger, len(data) - len(part)))


def _unmarked(data: bytes) -> tuple[int, bytes]:
    fields = FieldReader(checked_crc32(data, "part of a shape"), "part of a shape")
    return fields.unsigned("mode", _MOST), fields.rest()


def _shared(meshes: Archive | None, volumes: Archive | None) -> Part:
    given = {
        mode: archive.shared
        for mode, archive in ((_MESHES, meshes), (_VOLUMES, volumes))
        if archive is not None and archive.shared.data
    }
    if not given:  # no shape was coded
        return Part(b"")
    out = FieldWriter()
    out.unsigned(4 * VERSION + sum(given))
    if len(given) > 1:
        out.unsigned(len(given[_MESHES]) - CHECKSUM_BYTES)
    for part in given.values():
        out.raw(part.data[:-CHECKSUM_BYTES])
    data = with_crc32(out.getvalue())
    ledger: dict[str, int] = {}
    for part in given.values():
        for name, count in part.ledger.items():
            ledger[name] = ledger.get(name, 0) + count
    return Part(data, _longer(ledger, len(data) - sum(ledger.values())))


def _longer(ledger: Mapping[str, int], by: int) -> dict[str, int]:
    return {**ledger, "header": ledger.get("header", 0) + by}
