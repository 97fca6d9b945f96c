"""The parts of a coded set: lossless, apart from each other, byte for byte those of the format, and hard to fool."""

from __future__ import annotations

import dataclasses
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codec import Archive, CorruptArchive
from bench.codec.fields import FieldWriter, with_crc32
from necgs.coding.bitstream import decode_shape, decode_shared, encode_set, encode_shape, encode_shared
from necgs.coding.entropy import CODERS, HUFFMAN, RANGE
from necgs.coding.latents import TableLatents
from necgs.coding.table_family import table_range
from necgs.decoder.trained_set import INSIDE, TrainedSet
from tests.necgs.fixed_sets import block_predictor, block_set, dense_set, stepped_set

GOLDEN = Path(__file__).parent / "golden"
SETS: dict[str, Callable[[], TrainedSet]] = {"dense": dense_set, "stepped": stepped_set, "blocks": block_set}


def assert_equal_decoders(a: TrainedSet, b: TrainedSet) -> None:
    assert a.spec == b.spec
    assert a.weight_exponents == b.weight_exponents
    assert a.latent_exponents == b.latent_exponents
    for name, codes in a.weights.items():
        np.testing.assert_array_equal(codes, b.weights[name])


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", SETS)
def test_weights_and_latents_come_back_bit_for_bit(name: str, coder: str) -> None:
    trained = SETS[name]()
    archive = encode_set(trained, coder)
    shared = decode_shared(archive.shared.data)
    assert shared.coder == coder
    assert_equal_decoders(shared.decoder, trained)
    for index, part in enumerate(archive.shapes):
        shape = decode_shape(shared, part.data)
        assert_equal_decoders(shape, trained)
        np.testing.assert_array_equal(shape.latents[0], trained.latents[index])
        if trained.blocks:
            np.testing.assert_array_equal(shape.blocks[0], trained.blocks[index])


@pytest.mark.parametrize("coder", CODERS)
def test_latents_far_from_zero_are_coded(coder: str) -> None:
    trained = block_set()
    far = dataclasses.replace(trained, latents=tuple(codes + 150 for codes in trained.latents))
    archive = encode_set(far, coder)
    shared = decode_shared(archive.shared.data)
    for codes, part in zip(far.latents, archive.shapes, strict=True):
        np.testing.assert_array_equal(decode_shape(shared, part.data).latents[0], codes)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", SETS)
def test_the_ledger_accounts_for_every_byte(name: str, coder: str) -> None:
    archive = encode_set(SETS[name](), coder)
    assert set(archive.ledger) == {"header", "tables", "weights", "latents", "mask"}
    assert sum(archive.ledger.values()) == archive.nbytes
    assert decode_shared(archive.shared.data).ledger == archive.shared.ledger


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", SETS)
def test_the_bytes_are_those_of_the_format(name: str, coder: str) -> None:
    """A change here is a new format version. The golden files are lines of hexadecimal: shared part, then shapes."""
    archive = encode_set(SETS[name](), coder, block_predictor() if name == "blocks" else None)
    lines = [part.data.hex() for part in (archive.shared, *archive.shapes)]
    assert lines == (GOLDEN / f"{name}_{coder}.hex").read_text().split()


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", SETS)
def test_the_golden_bytes_decode_to_the_fixed_integers(name: str, coder: str) -> None:
    shared, *shapes = (GOLDEN / f"{name}_{coder}.hex").read_text().split()
    decoder = decode_shared(bytes.fromhex(shared))
    trained = SETS[name]()
    assert_equal_decoders(decoder.decoder, trained)
    for index, data in enumerate(shapes):
        np.testing.assert_array_equal(decode_shape(decoder, bytes.fromhex(data)).latents[0], trained.latents[index])


def test_files_of_version_1_are_still_read() -> None:
    """Its block-sparse decoders had tables for weights under the range coder, too."""
    shared, *shapes = (GOLDEN / "blocks_range_version_1.hex").read_text().split()
    decoder, trained = decode_shared(bytes.fromhex(shared)), block_set()
    assert_equal_decoders(decoder.decoder, trained)
    for index, data in enumerate(shapes):
        np.testing.assert_array_equal(decode_shape(decoder, bytes.fromhex(data)).latents[0], trained.latents[index])


def test_a_shape_is_decoded_from_the_shared_part_and_its_own() -> None:
    trained = dense_set(5)
    archive = encode_set(trained, RANGE)
    alone = decode_shape(decode_shared(archive.shared.data), archive.shapes[3].data)
    np.testing.assert_array_equal(alone.latents[0], trained.latents[3])


def test_a_set_without_shapes_is_a_shared_part() -> None:
    archive = encode_set(dense_set(0), RANGE)
    assert archive.shapes == ()
    assert_equal_decoders(decode_shared(archive.shared.data).decoder, dense_set(0))


@pytest.mark.parametrize("coder", CODERS)
def test_shapes_without_surface(coder: str) -> None:
    states = np.zeros((2, *block_set().blocks[0].shape), np.int8)
    states[1] = INSIDE
    nothing = tuple(np.zeros((0, block_set().spec.latent_channels), np.int32) for _ in states)
    archive = encode_set(dataclasses.replace(block_set(), latents=nothing, blocks=tuple(states)), coder)
    for part, expected in zip(archive.shapes, states, strict=True):
        shape = decode_shape(decode_shared(archive.shared.data), part.data)
        assert shape.latents[0].shape == nothing[0].shape
        np.testing.assert_array_equal(shape.blocks[0], expected)


def test_a_shape_added_later_is_coded_with_the_tables_of_the_set() -> None:
    shared, _ = encode_shared(dense_set(), RANGE)
    later = dense_set(6).latents[5] * 20
    part = encode_shape(shared, later)
    decoded = decode_shape(shared, part.data).latents[0]
    assert isinstance(shared.latents, TableLatents)
    np.testing.assert_array_equal(decoded, later.clip(*table_range(shared.latents.tables, 1)))
    assert np.abs(decoded).max() > np.abs(np.concatenate(dense_set().latents)).max()


@pytest.mark.parametrize("coder", CODERS)
def test_the_error_of_a_code_out_of_range_does_not_spread(coder: str) -> None:
    """One block of a shape added later lies far off: the others are decoded as they were given."""
    trained = block_set()
    shared, _ = encode_shared(trained, coder)
    later = trained.latents[0].copy()
    later[0] += 100_000
    decoded = decode_shape(shared, encode_shape(shared, later, trained.blocks[0]).data).latents[0]
    assert np.abs(decoded[0] - later[0]).min() > 1000
    assert (np.abs(decoded[1:] - later[1:]) < 50).all()
    untouched = np.abs(decoded[1:] - later[1:]).max(axis=1) == 0
    assert untouched.mean() > 0.8


def test_a_set_without_latents_refuses_a_later_shape_by_name() -> None:
    trained = block_set()
    nothing = np.zeros((0, trained.spec.latent_channels), np.int32)
    empty = dataclasses.replace(trained, latents=(nothing,), blocks=(np.zeros_like(trained.blocks[0]),))
    shared, _ = encode_shared(empty, HUFFMAN)
    with pytest.raises(ValueError, match="no shape of this set has a surface"):
        encode_shape(shared, trained.latents[0], trained.blocks[0])


def parts(archive: Archive) -> list[tuple[bytes, Callable[[bytes], object]]]:
    shared = decode_shared(archive.shared.data)
    return [(archive.shared.data, decode_shared), (archive.shapes[0].data, lambda data: decode_shape(shared, data))]


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", SETS)
def test_every_truncation_is_refused(name: str, coder: str) -> None:
    for data, decode in parts(encode_set(SETS[name](), coder)):
        for length in range(len(data)):
            with pytest.raises(CorruptArchive):
                decode(data[:length])


@pytest.mark.parametrize("coder", CODERS)
def test_every_flipped_bit_is_refused(coder: str) -> None:
    for data, decode in parts(encode_set(stepped_set(), coder)):
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(CorruptArchive):
                decode(bytes(flipped))


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", SETS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_forged_checksum_gets_no_further_than_corrupt(name: str, coder: str, data: st.DataObject) -> None:
    """Damage that carries a right checksum must be refused, or decode to a valid decoder and shape of bounded size."""
    archive = encode_set(SETS[name](), coder)
    pieces = [bytearray(archive.shared.data[:-4]), bytearray(archive.shapes[0].data[:-4])]
    piece = pieces[data.draw(st.integers(0, 1))]
    position = data.draw(st.integers(0, len(piece) - 1))
    piece[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        shared = decode_shared(with_crc32(bytes(pieces[0])))
        assert sum(codes.size for codes in shared.decoder.weights.values()) == shared.decoder.spec.parameter_count
        decode_shape(shared, with_crc32(bytes(pieces[1])))
    except CorruptArchive:
        return


def hostile_header(*numbers: int, version: int = 1) -> bytes:
    out = FieldWriter()
    for number in (version, 1, 0, len(numbers), *numbers):
        out.unsigned(number)
    for exponent in (1, -56, 1, -56):
        out.byte(exponent)
    for table in range(2):  # one constant table each
        out.unsigned(1)
        out.byte(0)
        out.signed(table)
    return with_crc32(out.getvalue())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (hostile_header(1 << 15, 4, 4, 1, 1), "resolution"),
        (hostile_header(512, 4, 4, 1024, 1000, 1000, 1000, 1000, 1000, 1000, 1000), "parameters"),
        (hostile_header(128, 4, 4, 16, 64, 48, 32, 24, 16), "more numbers than"),
        (hostile_header(8, 4, 0, 1, 1), "latent_grid"),
        (hostile_header(8, 3, 4, 1, 1), "channels"),
        (hostile_header(8, 4, 4, 0, 1), "latent_channels"),
        (hostile_header(8, 4, 4), "5 numbers"),
        (hostile_header(*range(60)), "at least|channels|resolution|widths"),
        (hostile_header(8, 4, 4, 1, 1, version=2), "version 2"),
        (b"", "cut short"),
        (with_crc32(b""), "needs 1 bytes"),
    ],
)
def test_absurd_headers_are_refused_before_anything_is_allocated(data: bytes, reason: str) -> None:
    tracemalloc.start()
    with pytest.raises(CorruptArchive, match=reason):
        decode_shared(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_the_checksum_is_crc32() -> None:
    data = encode_set(dense_set(), HUFFMAN).shared.data
    assert int.from_bytes(data[-4:], "little") == zlib.crc32(data[:-4])


def test_two_widths_two_sizes() -> None:
    assert encode_set(dense_set(), RANGE).nbytes != encode_set(stepped_set(), RANGE).nbytes
