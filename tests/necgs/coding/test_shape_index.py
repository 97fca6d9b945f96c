"""Files of many shapes: an index finds each without stepping over the others."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from bench.codec import Archive, CorruptArchive, Part
from bench.codec.atomic_write import append_bytes
from bench.codec.fields import with_crc32
from necgs.coding.container import Record, SetFile, _record, extension, write_set
from necgs.coding.shape_index import (
    INDEX,
    INDEXED_FROM,
    MAX_NAME_BYTES,
    TRAILER_BYTES,
    Entry,
    index_body,
    read_index,
    trailer,
)

MANY = INDEXED_FROM + 40


def part(number: int) -> bytes:
    return with_crc32(np.random.default_rng(number).bytes(20 + number % 50))


def archive(count: int) -> Archive:
    return Archive(tuple(Part(part(number)) for number in range(count)), Part(with_crc32(b"what they share")))


def coded(count: int) -> bytes:
    return write_set(archive(count), [f"shape {number}" for number in range(count)], [None] * count, "meshset")


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    total = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.total += len(data)
        return data


def extended(data: bytes, count: int) -> bytes:
    file = SetFile(io.BytesIO(data))
    first = len(file.entries)
    return data + extension(file, [Record(f"shape {n}", part(n)) for n in range(first, first + count)])


def check(data: bytes, count: int) -> SetFile:
    file = SetFile(io.BytesIO(data))
    assert file.names == [f"shape {number}" for number in range(count)]
    assert file.codec == "meshset"
    assert file.shared() == with_crc32(b"what they share")
    assert [file.shape(entry).part for entry in file.entries] == [part(number) for number in range(count)]
    return file


@pytest.mark.parametrize("first", [3, INDEXED_FROM - 1, INDEXED_FROM, MANY])
def test_files_grow_past_the_size_that_has_an_index_and_go_on(first: int) -> None:
    data = coded(first)
    file = check(data, first)
    assert bool(file.index) == (first >= INDEXED_FROM)
    for count in (1, 2, MANY):
        longer = extended(data, count)
        assert longer.startswith(data)
        first += count
        data = longer
        assert bool(check(data, first).index) == (first >= INDEXED_FROM)


def test_an_index_says_what_stepping_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = extended(extended(coded(MANY), 5), 1)
    by_index = SetFile(io.BytesIO(data))
    monkeypatch.setattr(SetFile, "_from_index", lambda self: None)
    stepping = SetFile(io.BytesIO(data))
    assert stepping.entries == by_index.entries
    assert stepping.index == by_index.index
    assert stepping.shared() == by_index.shared()


def test_opening_reads_the_index_alone() -> None:
    big = Archive(tuple(Part(with_crc32(bytes(1000))) for _ in range(MANY)), Part(with_crc32(b"shared")))
    source = Counted(write_set(big, [f"n{number}" for number in range(MANY)], [None] * MANY))
    file = SetFile(source)
    file.shape(file.entries[MANY // 2])
    assert source.total < 10 * MANY + 3000


def test_a_file_that_is_cut_says_how_much_of_it_is_whole() -> None:
    whole = coded(MANY)
    longer = extended(whole, 4)
    for length in (len(whole) + 1, len(longer) - 1, len(longer) - TRAILER_BYTES):
        with pytest.raises(CorruptArchive, match=f"first {MANY} shapes are whole: truncate -s {len(whole)} FILE"):
            SetFile(io.BytesIO(longer[:length]))
    check(longer[: len(whole)], MANY)
    with pytest.raises(CorruptArchive, match="cut short"):
        SetFile(io.BytesIO(whole[:-1]))


HOSTILE = {
    "the number of shapes is another": lambda data, at: data[:-TRAILER_BYTES] + trailer(MANY + 1, at),
    "the index is nowhere": lambda data, at: data[:-TRAILER_BYTES] + trailer(MANY, len(data) * 2),
    "the index is a shape": lambda data, at: data[:-TRAILER_BYTES] + trailer(MANY, 8),
    "there is no index": lambda data, at: data[:-TRAILER_BYTES] + trailer(MANY, 0),
    "the index is damaged": lambda data, at: data[: at + 9] + bytes([data[at + 9] ^ 1]) + data[at + 10 :],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_trailers_that_lead_astray_are_refused(name: str) -> None:
    data = coded(MANY)
    at = SetFile(io.BytesIO(data)).index
    with pytest.raises(CorruptArchive):
        SetFile(io.BytesIO(HOSTILE[name](data, at)))


def test_an_index_that_points_to_itself_or_behind_is_refused() -> None:
    entries = SetFile(io.BytesIO(coded(MANY))).entries
    at = entries[-1].offset + entries[-1].length
    assert read_index(index_body(0, entries), at) == (0, entries)
    with pytest.raises(CorruptArchive, match="previous index"):
        read_index(index_body(at, entries), at)
    with pytest.raises(CorruptArchive):
        read_index(index_body(0, entries), at - 1)


def test_indices_inside_each_other_are_refused() -> None:
    data = coded(3)
    shape = SetFile(io.BytesIO(data)).entries[0]
    outer = index_body(0, [shape])
    inner = _record(INDEX, index_body(len(data), [shape]))
    nested = _record(INDEX, outer + inner)
    at = len(data) + nested.index(inner)
    with pytest.raises(CorruptArchive, match="goes on behind the start of the next one"):
        SetFile(io.BytesIO(data + nested + trailer(2, at)))


def test_a_name_that_is_too_long_is_refused_by_the_index() -> None:
    longest, longer = (index_body(0, [Entry("x" * (MAX_NAME_BYTES + more), 8, 9)]) for more in (0, 1))
    assert len(read_index(longest, 99)[1]) == 1
    with pytest.raises(CorruptArchive, match="more than 255 bytes"):
        read_index(longer, 99)


def test_an_entry_whose_name_is_not_that_of_its_shape_is_refused() -> None:
    data = coded(MANY)
    file = SetFile(io.BytesIO(data))
    first, second = file.entries[:2]
    swapped = type(first)(second.name, first.offset, first.length)
    with pytest.raises(CorruptArchive, match="it is called 'shape 0'"):
        file.shape(swapped)


def test_an_append_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "set.necgs"
    path.write_bytes(b"before")
    append_bytes(path, b" and after")
    assert path.read_bytes() == b"before and after"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        append_bytes(path, struct.pack("<Q", 7))
    assert path.read_bytes() == b"before and after"
