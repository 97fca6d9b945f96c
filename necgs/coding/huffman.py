"""Canonical Huffman codes, as published for NeCGS: the table is the list of code lengths, at most 16 bits each."""

from __future__ import annotations

import functools
import heapq
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive
from bench.codec.fields import FieldReader, FieldWriter
from necgs.coding.bit_string import Bits, concatenate_codewords
from necgs.coding.frequency_table import MAX_ALPHABET, MAX_LOW, read_levels, write_levels

Integers = NDArray[np.int64]

MAX_LENGTH = 16


@dataclass(frozen=True)
class HuffmanTable:
    """A canonical prefix code: shorter codes first, equal lengths in the order of the symbols.

    Args:
        low: the first symbol.
        lengths: code length of each symbol from ``low`` on; 0 where there is no code. A single symbol takes no bits.
    """

    low: int
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        used = [length for length in self.lengths if length]
        if any(not 0 <= length <= MAX_LENGTH for length in self.lengths):
            raise ValueError(f"code lengths must lie in 0..{MAX_LENGTH}")
        if len(self.lengths) > 1 and sum(1 << MAX_LENGTH - length for length in used) != 1 << MAX_LENGTH:
            raise ValueError("the code lengths do not make a complete prefix code")

    @property
    def size(self) -> int:
        """Symbols of the alphabet."""
        return len(self.lengths)

    @functools.cached_property
    def words(self) -> Integers:
        """(size,) the code word of each symbol."""
        lengths = np.array(self.lengths, dtype=np.int64)
        words = np.zeros(self.size, dtype=np.int64)
        word, previous = 0, 0
        for symbol in np.lexsort((np.arange(self.size), lengths)):
            if not lengths[symbol]:
                continue
            word <<= int(lengths[symbol]) - previous
            words[symbol], previous = word, int(lengths[symbol])
            word += 1
        return words

    def bits(self, counts: Integers) -> float:
        """Length in bits of a message in which symbol ``low + i`` occurs ``counts[i]`` times."""
        return float(counts @ np.array(self.lengths))

    def write(self, out: FieldWriter) -> None:
        """Append the table's fields."""
        out.signed(self.low)
        out.unsigned(self.size)
        if self.size > 1:
            write_levels(out, self.lengths)

    @classmethod
    def read(cls, fields: FieldReader) -> HuffmanTable:
        """Read the fields back; raises ``CorruptArchive``."""
        low = fields.signed("table start", MAX_LOW)
        size = fields.unsigned("table size", MAX_ALPHABET, low=1)
        try:
            return cls(low, (0,) if size == 1 else read_levels(fields, size, MAX_LENGTH))
        except ValueError as error:
            raise fields.fault(str(error)) from None


def fit(values: NDArray[np.int32], *, margin: int = 0) -> HuffmanTable:
    """The Huffman code of ``values``; with ``margin`` every symbol up to that far beyond the extremes has a code, too.

    Raises:
        ValueError: more than ``MAX_ALPHABET`` symbols.
    """
    low, high = int(values.min()) - margin, int(values.max()) + margin
    if high - low >= MAX_ALPHABET:
        raise ValueError(f"codes span {low}..{high}; at most {MAX_ALPHABET} values are allowed: use a larger step")
    if low == high:
        return HuffmanTable(low, (0,))
    counts = np.bincount(values.ravel().astype(np.int64) - low, minlength=high - low + 1)
    if margin:
        counts = counts * 64 + 1
    return HuffmanTable(low, code_lengths(counts))


def code_lengths(counts: Integers) -> tuple[int, ...]:
    """Huffman code lengths; where one exceeds `MAX_LENGTH`, rare symbols are taken for less rare until none does."""
    floor = 1
    while True:
        lengths = _unlimited_lengths(np.where(counts > 0, np.maximum(counts, floor), 0))
        if max(lengths) <= MAX_LENGTH:
            return lengths
        floor *= 2


def _unlimited_lengths(counts: Integers) -> tuple[int, ...]:
    order = itertools.count()
    heap = [(int(count), next(order), [symbol]) for symbol, count in enumerate(counts) if count]
    lengths = [0] * len(counts)
    heapq.heapify(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (merged := first[2] + second[2]):
            lengths[symbol] += 1
        heapq.heappush(heap, (first[0] + second[0], next(order), merged))
    return tuple(lengths)


def encode(values: NDArray[np.int32], table: HuffmanTable) -> Bits:
    """The code words of ``values`` as zeros and ones.

    Raises:
        ValueError: a value has no code.
    """
    index = values.ravel().astype(np.int64) - table.low
    lengths = np.array(table.lengths, dtype=np.int64)
    if len(index) and (index.min() < 0 or index.max() >= table.size or (table.size > 1 and not lengths[index].all())):
        raise ValueError("a value has no code in this table")
    return concatenate_codewords(table.words[index], lengths[index])


def decode(bits: Bits, table: HuffmanTable, count: int) -> tuple[NDArray[np.int32], int]:
    """``count`` values from the front of ``bits``, and how many bits they took.

    The code of every bit position is looked up at once; walking from code to code is then a list look-up each.

    Raises:
        CorruptArchive: the bits run out.
    """
    if table.size == 1:
        return np.full(count, table.low, dtype=np.int32), 0
    shortest = min(length for length in table.lengths if length)
    if count * shortest > len(bits):
        raise CorruptArchive(f"{count} coded numbers do not fit into {len(bits)} bits")
    window = min(len(bits), count * max(table.lengths))
    at = np.zeros(window + MAX_LENGTH, dtype=np.uint16)
    at[:window] = bits[:window]
    prefix = np.zeros(window, dtype=np.uint16)
    for place in range(MAX_LENGTH):
        prefix |= at[place : window + place] << np.uint16(MAX_LENGTH - 1 - place)
    symbols, lengths = _lookup(table)
    jumps = lengths[prefix].tolist()
    starts, position = [0] * count, 0
    for index in range(count):
        if position >= window:
            raise CorruptArchive("coded numbers are cut short")
        starts[index] = position
        position += jumps[position]
    if position > window:
        raise CorruptArchive("coded numbers are cut short")
    return symbols[prefix[starts]] + np.int32(table.low), position


def _lookup(table: HuffmanTable) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Symbol and length of the code that each 16-bit prefix starts with."""
    lengths = np.array(table.lengths, dtype=np.int64)
    order = [s for s in np.lexsort((np.arange(table.size), lengths)) if lengths[s]]
    spans = 1 << (MAX_LENGTH - lengths[order])
    return np.repeat(np.array(order, dtype=np.int32), spans), np.repeat(lengths[order], spans)
