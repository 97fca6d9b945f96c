"""The ``.necgs`` file: names, placements, seeking, appending, hostile files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_datasets.normalization import Normalization

from bench.codec import Archive, CorruptArchive
from bench.codec.fields import FieldWriter, varint, with_crc32
from necgs.coding.bitstream import decode_shared, encode_set, encode_shape, encode_shared
from necgs.coding.container import MAGIC, Record, SetFile, check_name, extension, write_set
from necgs.coding.entropy import RANGE
from necgs.coding.placement import placement_of
from tests.necgs.fixed_sets import dense_set

GOLDEN = Path(__file__).parent / "golden"
NAMES = ["chair", "Stuhl 2", "椅子"]
PLACEMENTS = [Normalization((0.5, -3.0, 1e4), 0.125), None, Normalization((0.0, 0.0, 0.0), 1.0)]


def archive() -> Archive:
    return encode_set(dense_set(), RANGE)


def coded() -> bytes:
    return write_set(archive(), NAMES, PLACEMENTS)


def opened(data: bytes) -> SetFile:
    return SetFile(io.BytesIO(data))


def extended(data: bytes, records: list[Record]) -> bytes:
    return data + extension(opened(data), records)


def read_everything(data: bytes) -> None:
    file = opened(data)
    decode_shared(file.shared())
    for entry in file.entries:
        file.shape(entry)


def test_all_parts_come_back() -> None:
    file = opened(coded())
    assert file.names == NAMES
    assert file.shared() == archive().shared.data
    for entry, part, placement in zip(file.entries, archive().shapes, PLACEMENTS, strict=True):
        assert file.shape(entry) == Record(entry.name, part.data, placement)


def test_the_file_is_little_more_than_its_parts() -> None:
    bare = write_set(archive(), list("abc"), [None] * 3)
    assert len(bare) - archive().nbytes <= 7 + 3 + 3 * 6 + 7


def test_the_bytes_are_those_of_the_format() -> None:
    """A change here is a new container version."""
    assert coded().hex() == (GOLDEN / "container.hex").read_text().strip()


class Watched(io.BytesIO):
    """Remembers which bytes were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.seen = np.zeros(len(data), dtype=bool)

    def read(self, size: int | None = -1) -> bytes:
        start = self.tell()
        data = super().read(size)
        self.seen[start : start + len(data)] = True
        return data


def test_reading_one_shape_reads_no_other() -> None:
    rng = np.random.default_rng(0)
    big = [Record(f"s{i}", with_crc32(rng.bytes(5000))) for i in range(4)]
    watched = Watched(extended(coded(), big))
    file = SetFile(watched)
    wanted = file.entries[5]
    assert file.shape(wanted).part == big[2].part
    others = [entry for entry in file.entries[3:] if entry != wanted]
    for entry in others:
        assert watched.seen[entry.offset : entry.offset + entry.length].sum() < 400


def test_appending_leaves_the_bytes_before_as_they_were() -> None:
    shared, _ = encode_shared(dense_set(), RANGE)
    first = coded()
    later = Record("new", encode_shape(shared, dense_set(4).latents[3]).data)
    longer = extended(first, [later])
    assert longer.startswith(first)
    file = opened(longer)
    assert file.names == [*NAMES, "new"]
    assert file.shape(file.entries[3]) == later
    assert opened(extended(longer, [Record("newer", later.part)])).names[-1] == "newer"


def test_names_must_differ() -> None:
    with pytest.raises(ValueError, match=r"differ: \['a'\]"):
        write_set(archive(), ["a", "b", "a"], [None] * 3)
    with pytest.raises(ValueError, match="chair"):
        extended(coded(), [Record("chair", archive().shapes[0].data)])


HOSTILE_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:x",
    "a\0b",
    "a\nb",
    ".hidden",
    "x" * 256,
    "a\u202eb",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_that_lead_elsewhere_are_refused_by_writer_and_reader(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        check_name(name)
    fields = FieldWriter()
    fields.text(name)
    fields.unsigned(0)
    fields.raw(b"payload")
    body = fields.getvalue()
    head = coded()[: coded().index(b"M", len(MAGIC))]
    record = b"M" + varint(len(body)) + with_crc32(body)
    with pytest.raises(CorruptArchive):
        opened(head + record + b"E\x01" + with_crc32(varint(1)))


def test_every_truncation_is_refused() -> None:
    data = coded()
    for length in range(len(data)):
        with pytest.raises(CorruptArchive):
            read_everything(data[:length])


def test_a_file_cut_between_records_is_refused() -> None:
    whole = coded()
    longer = extended(whole, [Record("new", archive().shapes[0].data)])
    end = len(with_crc32(varint(4))) + 2
    with pytest.raises(CorruptArchive, match="last record is missing"):
        opened(longer[:-end])


def test_a_missing_record_in_the_middle_is_noticed() -> None:
    data = coded()
    file = opened(data)
    first, second = file.entries[0], file.entries[1]
    without = data[: first.offset - 3] + data[second.offset - 2 - (second.length > 131) :]
    with pytest.raises(CorruptArchive):
        opened(without)


def test_every_flipped_bit_is_noticed() -> None:
    data = coded()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptArchive):
            read_everything(bytes(flipped))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_behind_the_magic_number_is_refused(noise: bytes) -> None:
    with pytest.raises(CorruptArchive):
        read_everything(MAGIC + b"\x01" + noise)


def test_another_version_and_another_kind_of_file_are_named() -> None:
    with pytest.raises(CorruptArchive, match="version 9"):
        opened(MAGIC + b"\x09")
    with pytest.raises(CorruptArchive, match=r"not a \.necgs file"):
        opened(b"ply\nformat ascii 1.0\n")


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, numbers, st.floats(1e-4, 1e4))
def test_a_placement_is_kept_to_a_millionth_of_the_size(x: float, y: float, z: float, scale: float) -> None:
    kept = placement_of(Normalization((x, y, z), scale))
    size = 2 / scale
    assert np.abs(np.subtract(kept.center, (x, y, z))).max() <= 2e-6 * size
    assert kept.scale == pytest.approx(scale, rel=1e-7)
    assert placement_of(kept) == kept


@pytest.mark.parametrize(("center", "scale"), [((1e300, 0, 0), 1.0), ((0, 0, 0), 1e-300), ((0, 0, 0), 1e300)])
def test_what_cannot_be_placed_is_named(center: tuple[float, float, float], scale: float) -> None:
    with pytest.raises(ValueError, match="first"):
        placement_of(Normalization(center, scale))


@pytest.mark.parametrize("codec", ["meshset", "hybrid"])
def test_a_file_that_holds_no_volumes_says_in_a_byte_whose_it_is(codec: str) -> None:
    data = write_set(archive(), NAMES, PLACEMENTS, codec)
    assert len(data) == len(coded()) + 1
    assert opened(data).codec == codec
    one, other = opened(data), opened(coded())
    for mine, expected in zip(one.entries, other.entries, strict=True):
        assert one.shape(mine) == other.shape(expected)
    assert opened(coded()).codec == "necgs"
    place = len(MAGIC) + 1
    for bit in range(8 * place, 8 * place + 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptArchive, match="names codec"):
            opened(bytes(flipped))
    with pytest.raises(CorruptArchive, match="names codec none"):
        opened(data[:place])
    with pytest.raises(ValueError, match="draco"):
        write_set(archive(), NAMES, PLACEMENTS, "draco")
