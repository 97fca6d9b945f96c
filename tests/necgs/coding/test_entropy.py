"""The entropy coders: round trips, length against the entropy, damaged and hostile streams, golden bytes."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench.codec import CorruptArchive
from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding import entropy, frequency_table, huffman
from necgs.coding.bit_string import BitReader, concatenate_codewords, exp_golomb
from necgs.coding.entropy import CODERS, HUFFMAN, MAX_PER_BYTE, RANGE
from necgs.coding.frequency_table import CONSTANT, GAUSS, HISTOGRAM, LAPLACE, TOTAL, FrequencyTable
from necgs.coding.huffman import HuffmanTable
from necgs.coding.table_family import fit_tables

Codes = hnp.arrays(np.int32, st.integers(1, 200), elements=st.integers(-300, 300))


def stored(table: entropy.Table) -> bytes:
    out = FieldWriter()
    table.write(out)
    return out.getvalue()


def entropy_bytes(values: np.ndarray) -> float:
    _, counts = np.unique(values, return_counts=True)
    return float(-(counts * np.log2(counts / counts.sum())).sum() / 8)


def draw(kind: str, count: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    numbers = {
        "laplace": rng.laplace(0, 9, count),
        "gauss": rng.normal(5, 20, count),
        "flat": rng.uniform(-9, 9, count),
    }
    return np.round(numbers[kind]).astype(np.int32)


@pytest.mark.parametrize("coder", CODERS)
@settings(deadline=None, max_examples=60)
@given(values=Codes, margin=st.integers(0, 3))
def test_numbers_come_back(coder: str, values: np.ndarray, margin: int) -> None:
    table = entropy.fit(coder, values, margin=margin)
    again = entropy.read_table(coder, FieldReader(stored(table), "table"))
    assert again == table
    stream = entropy.encoder(coder)
    stream.numbers(values, table)
    np.testing.assert_array_equal(entropy.decoder(coder, stream.getvalue()).numbers(values.size, again), values)


@pytest.mark.parametrize("coder", CODERS)
@settings(deadline=None, max_examples=60)
@given(values=Codes, bits=hnp.arrays(bool, st.integers(0, 50)), probability=st.integers(1, 255))
def test_a_stream_mixes_numbers_and_bits(coder: str, values: np.ndarray, bits: np.ndarray, probability: int) -> None:
    table, each = entropy.fit(coder, values), np.full(len(bits), probability)
    stream = entropy.encoder(coder)
    for _ in range(2):
        stream.bits(bits, each)
        stream.numbers(values, table)
    reader = entropy.decoder(coder, stream.getvalue())
    for _ in range(2):
        np.testing.assert_array_equal(reader.bits(each), bits)
        np.testing.assert_array_equal(reader.numbers(values.size, table), values)


@pytest.mark.parametrize("kind", ["laplace", "gauss", "flat"])
def test_the_range_coder_stays_within_one_percent_of_the_entropy(kind: str) -> None:
    values = draw(kind, 20_000)
    table = entropy.fit(RANGE, values)
    stream = entropy.encoder(RANGE)
    stream.numbers(values, table)
    assert len(stream.getvalue()) + len(stored(table)) < 1.01 * entropy_bytes(values)


def test_few_numbers_cost_few_bytes_beyond_their_ideal_length() -> None:
    values = draw("laplace", 64)
    table = entropy.fit(RANGE, values)
    stream = entropy.encoder(RANGE)
    stream.numbers(values, table)
    ideal = table.bits(np.bincount(values - table.low, minlength=table.size)) / 8
    assert len(stream.getvalue()) <= ideal + 1.5
    assert len(stored(table)) <= 6


def test_the_cheapest_kind_of_table_is_chosen() -> None:
    spiky = np.where(np.arange(5000) % 5 < 4, 0, np.arange(5000) % 2 * 40).astype(np.int32)
    kinds = [entropy.fit(RANGE, values).kind for values in (draw("laplace", 5000), draw("gauss", 5000), spiky)]
    assert kinds == [LAPLACE, GAUSS, HISTOGRAM]
    assert entropy.fit(RANGE, np.full(9, 3, dtype=np.int32)).kind == CONSTANT


@settings(deadline=None, max_examples=60)
@given(values=Codes)
def test_frequencies_are_positive_and_sum_to_the_total(values: np.ndarray) -> None:
    frequencies = frequency_table.fit(values).frequencies
    assert frequencies.min() >= 1
    assert frequencies.sum() == TOTAL


def test_a_table_with_a_margin_codes_numbers_beyond_those_it_was_made_from() -> None:
    values = np.array([-2, 0, 0, 3], dtype=np.int32)
    for coder in CODERS:
        table = entropy.fit(coder, values, margin=4)
        wider = np.arange(-6, 8, dtype=np.int32)
        stream = entropy.encoder(coder)
        stream.numbers(wider, table)
        np.testing.assert_array_equal(entropy.decoder(coder, stream.getvalue()).numbers(14, table), wider)
        with pytest.raises(ValueError, match="no code"):
            entropy.encoder(coder).numbers(np.array([8], dtype=np.int32), table)


@pytest.mark.parametrize("coder", CODERS)
def test_arrays_too_far_apart_for_one_table_have_one_each(coder: str) -> None:
    near, far = np.arange(4, dtype=np.int32), np.arange(20_000, 20_004, dtype=np.int32)
    tables = fit_tables(coder, [near, far, near])
    assert tables[0].low == tables[2].low == 0
    assert tables[1].low == 20_000


@pytest.mark.parametrize("coder", CODERS)
def test_too_many_different_numbers_are_refused_with_a_remedy(coder: str) -> None:
    with pytest.raises(ValueError, match="use a larger step"):
        entropy.fit(coder, np.array([0, 100_000], dtype=np.int32))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=60).filter(lambda counts: sum(c > 0 for c in counts) > 1))
def test_huffman_lengths_are_optimal(counts: list[int]) -> None:
    heap = [c for c in counts if c]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        pair = heapq.heappop(heap) + heapq.heappop(heap)
        cost += pair
        heapq.heappush(heap, pair)
    assert sum(c * n for c, n in zip(counts, huffman.code_lengths(np.array(counts)), strict=True)) == cost


def test_huffman_codes_are_limited_to_sixteen_bits_and_stay_complete() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = huffman.code_lengths(np.array(fibonacci))
    assert max(lengths) <= 16
    assert sum(2.0**-length for length in lengths) == 1


def test_canonical_code_words() -> None:
    table = HuffmanTable(0, (2, 1, 3, 3))
    assert [f"{word:0{n}b}" for word, n in zip(table.words, table.lengths, strict=True)] == ["10", "0", "110", "111"]


@pytest.mark.parametrize("lengths", [(1, 1, 1), (1, 2), (17, 17), (0, 0), (1, 0)])
def test_codes_that_are_not_complete_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="code lengths"):
        HuffmanTable(0, lengths)


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.int64, st.integers(0, 50), elements=st.integers(-5000, 5000)), st.integers(0, 3))
def test_exp_golomb_codes_come_back(values: np.ndarray, order: int) -> None:
    bits = exp_golomb(values, order)
    reader = BitReader(bits)
    assert reader.exp_golomb(len(values), order) == values.tolist()
    assert reader.position == len(bits)


def test_spread_writes_code_words_most_significant_bit_first() -> None:
    assert concatenate_codewords(np.array([5, 0, 1]), np.array([3, 0, 2])).tolist() == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("coder", CODERS)
def test_a_few_bytes_cannot_ask_for_gigabytes(coder: str) -> None:
    table = entropy.fit(coder, np.zeros(4, dtype=np.int32))
    with pytest.raises(CorruptArchive, match="more numbers than"):
        entropy.decoder(coder, b"abc").numbers(4 * MAX_PER_BYTE + 1, table)


@pytest.mark.parametrize("coder", CODERS)
def test_streams_of_certain_symbols_are_long_enough_for_their_own_decoder(coder: str) -> None:
    values = np.zeros(3 * MAX_PER_BYTE, dtype=np.int32)
    table = entropy.fit(coder, values)
    stream = entropy.encoder(coder)
    stream.numbers(values, table)
    assert (entropy.decoder(coder, stream.getvalue()).numbers(len(values), table) == 0).all()


@pytest.mark.parametrize("coder", CODERS)
@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=60), count=st.integers(0, 500))
def test_noise_is_refused_or_decoded_within_the_alphabet(coder: str, data: bytes, count: int) -> None:
    table = entropy.fit(coder, np.array([-3, 0, 0, 0, 1, 9], dtype=np.int32))
    try:
        values = entropy.decoder(coder, data).numbers(count, table)
    except CorruptArchive:
        return
    assert len(values) == count
    assert values.min(initial=0) >= -3
    assert values.max(initial=0) <= 9


@pytest.mark.parametrize("coder", CODERS)
@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=40))
def test_tables_of_noise_are_refused_or_valid(coder: str, data: bytes) -> None:
    try:
        table = entropy.read_table(coder, FieldReader(data, "table"))
    except CorruptArchive:
        return
    if isinstance(table, FrequencyTable):
        assert table.frequencies.sum() == TOTAL


@pytest.mark.parametrize("coder", CODERS)
def test_a_cut_table_is_refused(coder: str) -> None:
    data = stored(entropy.fit(coder, draw("flat", 3000)))
    for length in range(len(data)):
        with pytest.raises(CorruptArchive):
            entropy.read_table(coder, FieldReader(data[:length], "table"))


GOLDEN = {
    (HUFFMAN, "table"): "0509030543faf2be38",
    (HUFFMAN, "stream"): "2c79d49964",
    (RANGE, "table"): "010509031d",
    (RANGE, "stream"): "8600c3914013",
}


@pytest.mark.parametrize("coder", CODERS)
def test_the_bytes_are_those_of_the_format(coder: str) -> None:
    """A change here is a new format version."""
    values = np.array([0, 0, 1, -1, 0, 2, 0, 0, -3, 1, 0, 0, -1, 5, 0, 1], dtype=np.int32)
    table = entropy.fit(coder, values)
    stream = entropy.encoder(coder)
    stream.numbers(values, table)
    stream.bits(np.array([True, False, False, True]), np.array([200, 3, 30, 128]))
    assert (stored(table).hex(), stream.getvalue().hex()) == (GOLDEN[coder, "table"], GOLDEN[coder, "stream"])


def test_tables_of_all_sizes_take_little_memory() -> None:
    for kind in (LAPLACE, GAUSS):
        largest = frequency_table.decay(kind, frequency_table.MAX_ALPHABET)
        for size in range(2, frequency_table.MAX_ALPHABET, 501):
            assert np.array_equal(frequency_table.decay(kind, size), largest[:, :size])
    assert frequency_table._decay.cache_info().currsize <= 2 * (frequency_table.MAX_ALPHABET.bit_length() + 1)


def test_parametric_tables_are_those_of_the_format() -> None:
    """Frequencies come from integers alone; these must be the same on every machine."""
    assert FrequencyTable(LAPLACE, -3, 7, peak=3, scale=40).frequencies.tolist() == [
        5090,
        7635,
        11452,
        17182,
        11452,
        7635,
        5090,
    ]
    assert FrequencyTable(GAUSS, 0, 6, peak=1, scale=43).frequencies.tolist() == [
        13694,
        14715,
        13694,
        11044,
        7717,
        4672,
    ]
    levels = FrequencyTable(HISTOGRAM, 0, 5, steps_per_octave=4, levels=(3, 0, 127, 9, 30))
    assert levels.frequencies.tolist() == [21524, 36201, 1, 7610, 200]


@pytest.mark.parametrize("seed", range(4))
def test_ends_are_cut_as_far_as_a_decoder_from_the_beginning_allows(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be left out is tried on the last words alone; here against trying it on the whole stream."""
    random = np.random.default_rng(seed)

    def coded(lengths: np.ndarray) -> bytes:
        stream, numbers = entropy.encoder(RANGE), np.random.default_rng(seed)
        for length in lengths:
            values = np.rint(numbers.laplace(scale=numbers.uniform(0.1, 20), size=length)).astype(np.int32)
            stream.numbers(values, entropy.fit(RANGE, values))
            stream.bits(numbers.random(length) < 0.1, np.full(length, 20))
        return stream.getvalue()

    for _ in range(20):
        lengths = random.integers(1, 60, random.integers(1, 12))
        quick = coded(lengths)
        with monkeypatch.context() as patch:
            patch.setattr("necgs.coding.entropy.WINDOW", 1 << 30)
            assert coded(lengths) == quick
