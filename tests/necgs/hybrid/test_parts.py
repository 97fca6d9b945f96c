"""The container of both modes: what it adds to their bytes, and what it refuses."""

from __future__ import annotations

import pytest

from bench.codec import Archive, CorruptArchive, Part
from bench.codec.fields import varint, with_crc32
from necgs.hybrid.parts import is_volume, joined, marked, own_part, read_shared

KINDS = {0: b"vertices", 1: b"others", 7: b"v"}
MESHES = Archive(
    tuple(Part(with_crc32(varint(kind) + own), {"header": 5, "vertices": len(own)}) for kind, own in KINDS.items()),
    Part(with_crc32(b"connectivity"), {"header": 4, "connectivity": 12}),
)
VOLUMES = Archive(
    (Part(with_crc32(b"latents"), {"header": 4, "latents": 7}), Part(with_crc32(b""))),
    Part(with_crc32(b"weights of all"), {"header": 4, "weights": 14}),
)
MIXED = [False, True, False, None, True, False]


def test_a_set_of_one_mode_is_one_byte_longer() -> None:
    for archive, mode in ((MESHES, False), (VOLUMES, True)):
        whole = joined(None if mode else archive, archive if mode else None, [mode] * len(archive.shapes))
        assert whole.nbytes == archive.nbytes + 1
        assert whole.shapes == archive.shapes
        shared = read_shared(whole.shared.data)
        assert (shared.meshes, shared.volumes) == ((None, archive.shared.data) if mode else (archive.shared.data, None))
        assert all(is_volume(shared, part.data) is mode for part in whole.shapes)


def test_both_modes_come_back_and_only_volumes_cost_a_byte() -> None:
    whole = joined(MESHES, VOLUMES, MIXED)
    shared = read_shared(whole.shared.data)
    assert (shared.meshes, shared.volumes) == (MESHES.shared.data, VOLUMES.shared.data)
    coded = [part.data for part in whole.shapes if part.data]
    assert [is_volume(shared, data) for data in coded] == [mode for mode in MIXED if mode is not None]
    own = [own_part(shared, data) for data in coded]
    expected = [part.data for part in (MESHES.shapes[0], VOLUMES.shapes[0], MESHES.shapes[1], VOLUMES.shapes[1])]
    assert own == [*expected, MESHES.shapes[2].data]
    assert sum(map(len, coded)) == sum(map(len, own)) + 2
    modes = [mode for mode in MIXED if mode is not None]
    assert [marked(shared, data, mode) for data, mode in zip(own, modes, strict=True)] == coded


def test_every_byte_is_accounted_for() -> None:
    whole = joined(MESHES, VOLUMES, MIXED)
    assert sum(whole.ledger.values()) == whole.nbytes
    assert whole.ledger["weights"] == 14
    assert min(whole.ledger.values()) > 0


def test_where_nothing_was_coded_nothing_is_written() -> None:
    assert joined(Archive((Part(b""),)), None, [None, None]) == Archive((Part(b""), Part(b"")))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (varint(4 * 2 + 1) + b"x", "version 2"),
        (varint(4 * 1 + 0) + b"x", "no mode"),
        (varint(4 * 1 + 3) + varint(1 << 40) + b"x", "length"),
        (b"\xff" * 12, "well-formed"),
        (b"", "needs 1 bytes"),
    ],
)
def test_a_shared_part_that_makes_no_sense_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(CorruptArchive, match=message):
        read_shared(with_crc32(payload))


def test_damage_and_cuts_are_refused() -> None:
    whole = joined(MESHES, VOLUMES, MIXED)
    shared = read_shared(whole.shared.data)
    for data in (b"", whole.shared.data[:-1], b"\x00" + whole.shared.data[1:]):
        with pytest.raises(CorruptArchive):
            read_shared(data)
    for data in (b"", b"abc", whole.shapes[0].data[:-1], with_crc32(b"")):
        with pytest.raises(CorruptArchive):
            own_part(shared, data)
