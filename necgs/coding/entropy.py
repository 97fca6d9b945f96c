"""The two entropy coders behind one interface: Huffman as published, and a range coder (`constriction`).

A coder writes one stream: numbers under a table, then bits under probabilities, in any order; its decoder is asked for
the same in the same order. Tables are integers and lie outside the stream (`fit`, ``write``, `read_table`), so streams
that share tables can be decoded apart from each other.

The range coder is given probabilities as doubles that are integers over a power of two: its own conversion to fixed
point is then exact, hence equal on every machine.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive
from bench.codec.fields import FieldReader
from necgs.coding import frequency_table, huffman
from necgs.coding.frequency_table import TOTAL, FrequencyTable
from necgs.coding.huffman import HuffmanTable

Codes = NDArray[np.int32]
Table: TypeAlias = FrequencyTable | HuffmanTable
_Place: TypeAlias = tuple[int, tuple[int, int]]
"""Words of a range coder's stream so far, and its state."""

HUFFMAN, RANGE = "huffman", "range"
CODERS = (HUFFMAN, RANGE)

PROBABILITY_UNIT = 256
"""Probabilities of bits are in 1/256."""

MAX_PER_BYTE = 4096
"""A stream of n bytes holds at most this many times (n + 1) numbers; encoders keep to it, decoders refuse more."""

TRIMMABLE = 8
"""Bytes at the end of a range coder's words that are worth trying to leave out: 1.6 a part on average, 0 to 3."""


WINDOW = 2
"""Words ahead that constriction's range decoder looks at."""


class Encoder(Protocol):
    """Writes one stream."""

    def numbers(self, values: Codes, table: Table) -> None:
        """Append integers; raises ``ValueError`` for one that the table does not cover."""

    def bits(self, values: NDArray[np.bool_], probabilities: NDArray[np.int64]) -> None:
        """Append bits that are expected to be set with probability p/256, p in 1..255."""

    @property
    def ideal_bits(self) -> float:
        """Length of the stream so far, without what ending it costs."""

    def getvalue(self) -> bytes:
        """The stream; nothing may be appended afterwards."""


class Decoder(Protocol):
    """Reads one stream back; raises `CorruptArchive`."""

    def numbers(self, count: int, table: Table) -> Codes:
        """The next ``count`` integers."""

    def bits(self, probabilities: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The next ``len(probabilities)`` bits."""


def fit(coder: str, values: Codes, *, margin: int = 0) -> Table:
    """The table of ``coder`` for ``values`` (any shape, not empty) and for symbols up to ``margin`` beyond them."""
    if coder == HUFFMAN:
        return huffman.fit(values, margin=margin)
    return frequency_table.fit(values, margin=margin)


def read_table(coder: str, fields: FieldReader) -> Table:
    """Read a table's fields; raises ``CorruptArchive``."""
    return HuffmanTable.read(fields) if coder == HUFFMAN else FrequencyTable.read(fields)


def encoder(coder: str) -> Encoder:
    """A new stream of ``huffman`` or ``range``."""
    return HuffmanEncoder() if coder == HUFFMAN else RangeEncoder()


def decoder(coder: str, data: bytes) -> Decoder:
    """The decoder of a stream."""
    return HuffmanDecoder(data) if coder == HUFFMAN else RangeDecoder(data)


class HuffmanEncoder:
    """Code words back to back; a bit is a bit."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.uint8]] = []
        self._count = 0

    def numbers(self, values: Codes, table: Table) -> None:
        """See `Encoder`."""
        assert isinstance(table, HuffmanTable)
        self._pieces.append(huffman.encode(values, table))
        self._count += values.size

    def bits(self, values: NDArray[np.bool_], probabilities: NDArray[np.int64]) -> None:
        """See `Encoder`; a Huffman code of two symbols has no use for the probabilities."""
        self._pieces.append(values.ravel().astype(np.uint8))
        self._count += values.size

    @property
    def ideal_bits(self) -> float:
        """See `Encoder`."""
        return float(sum(len(piece) for piece in self._pieces))

    def getvalue(self) -> bytes:
        """See `Encoder`."""
        packed = np.packbits(np.concatenate([np.zeros(0, dtype=np.uint8), *self._pieces])).tobytes()
        return _long_enough(packed, self._count)


class HuffmanDecoder:
    """Reads what `HuffmanEncoder` wrote."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
        self._budget = _Budget(data)

    def numbers(self, count: int, table: Table) -> Codes:
        """See `Decoder`."""
        assert isinstance(table, HuffmanTable)
        self._budget.spend(count)
        values, taken = huffman.decode(self._bits, table, count)
        self._bits = self._bits[taken:]
        return values

    def bits(self, probabilities: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Decoder`."""
        if len(probabilities) > len(self._bits):
            raise CorruptArchive("coded bits are cut short")
        values, self._bits = self._bits[: len(probabilities)].astype(bool), self._bits[len(probabilities) :]
        return values


class RangeEncoder:
    """constriction's range coder; its 32-bit words big endian, less the bytes at the end that decode without."""

    def __init__(self) -> None:
        import constriction

        self._coder = constriction.stream.queue.RangeEncoder()
        self._replay: list[tuple[_Place, Callable[[RangeDecoder], bool]]] = []
        self._count = 0
        self.ideal_bits = 0.0

    def numbers(self, values: Codes, table: Table) -> None:
        """See `Encoder`."""
        assert isinstance(table, FrequencyTable)
        index = values.ravel().astype(np.int64) - table.low
        if len(index) and (index.min() < 0 or index.max() >= table.size):
            raise ValueError("a value has no code in this table")
        self._expect(lambda decoder: np.array_equal(decoder.numbers(values.size, table), values.ravel()))
        if table.size > 1 and len(index):
            self._coder.encode(index.astype(np.int32), _categorical(table))
            self.ideal_bits += table.bits(np.bincount(index, minlength=table.size))
        self._count += values.size

    def bits(self, values: NDArray[np.bool_], probabilities: NDArray[np.int64]) -> None:
        """See `Encoder`."""
        self._expect(lambda decoder: np.array_equal(decoder.bits(probabilities), values))
        if len(probabilities):
            self._coder.encode(values.astype(np.int32), _bernoulli(), probabilities / PROBABILITY_UNIT)
            found = np.where(values, probabilities, PROBABILITY_UNIT - probabilities)
            self.ideal_bits -= float(np.log2(found / PROBABILITY_UNIT).sum())
        self._count += values.size

    def symbols(self, index: NDArray[np.int64], frequencies: NDArray[np.int64]) -> None:
        """Append symbols (n,), each under integer frequencies of its own: (n, symbols), summing to 2^16."""
        self._expect(lambda decoder: np.array_equal(decoder.symbols(frequencies), index))
        if len(index):
            self._coder.encode(index.astype(np.int32), _categorical(), frequencies / TOTAL)
            probabilities = frequencies[np.arange(len(index)), index] / TOTAL
            self.ideal_bits -= float(np.log2(probabilities).sum())
        self._count += index.size

    def _expect(self, check: Callable[[RangeDecoder], bool]) -> None:
        """Note what a decoder must find from here on."""
        self._replay.append((self._coder.pos(), check))

    def getvalue(self) -> bytes:
        """See `Encoder`."""
        words = self._coder.get_compressed().astype(">u4").tobytes()
        best, low = words, max(0, len(words) - TRIMMABLE)
        while low < len(best):
            middle = (low + len(best)) // 2
            endings = (words[:middle], _successor(words[:middle]))
            shorter = next((e for e in endings if self._decodes(_long_enough(e, self._count), words)), None)
            low, best = (middle + 1, best) if shorter is None else (low, shorter)
        return _long_enough(best, self._count)

    def _decodes(self, data: bytes, words: bytes) -> bool:
        """Whether ``data`` decodes to what was appended, as ``words`` do; only where they differ is it tried."""
        same = min(len(data), len(words))
        differ = np.flatnonzero(np.frombuffer(data, np.uint8, same) != np.frombuffer(words, np.uint8, same))
        equal = (int(differ[0]) if len(differ) else same) // 4
        first = bisect.bisect_right(self._replay, equal - WINDOW, key=lambda step: step[0][0]) - 1
        decoder = RangeDecoder(data)
        try:
            if first > 0:
                decoder.seek(self._replay[first][0])
            return all(check(decoder) for _, check in self._replay[max(first, 0) :])
        except CorruptArchive:
            return False


class RangeDecoder:
    """Reads what `RangeEncoder` wrote; missing bytes at the end are zeros."""

    def __init__(self, data: bytes) -> None:
        import constriction

        words = np.frombuffer(data + bytes(-len(data) % 4), dtype=">u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)
        self._budget = _Budget(data)

    def seek(self, place: _Place) -> None:
        """Go on from where an encoder was."""
        self._coder.seek(*place)

    def numbers(self, count: int, table: Table) -> Codes:
        """See `Decoder`."""
        assert isinstance(table, FrequencyTable)
        self._budget.spend(count)
        if table.size == 1 or not count:
            return np.full(count, table.low, dtype=np.int32)
        values: Codes = self._decode(_categorical(table), count) + np.int32(table.low)
        return values

    def bits(self, probabilities: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Decoder`."""
        self._budget.spend(len(probabilities))
        if not len(probabilities):
            return np.zeros(0, dtype=bool)
        return self._decode(_bernoulli(), probabilities / PROBABILITY_UNIT).astype(bool)

    def expect(self, count: int) -> None:
        """Raise `CorruptArchive` where the stream is too short to hold ``count`` more numbers."""
        self._budget.check(count)

    def symbols(self, frequencies: NDArray[np.int64]) -> NDArray[np.int64]:
        """The next symbols (n,), each under integer frequencies of its own: (n, symbols), summing to 2^16."""
        self._budget.spend(len(frequencies))
        if not len(frequencies):
            return np.zeros(0, dtype=np.int64)
        return self._decode(_categorical(), frequencies / TOTAL).astype(np.int64)

    def _decode(self, model: Any, amount: Any) -> Codes:
        try:
            values: Codes = self._coder.decode(model, amount)
        except AssertionError as error:  # what constriction raises for words that no encoder writes
            raise CorruptArchive(f"the coded numbers cannot be decoded: {error}") from None
        return values


class _Budget:
    """How many numbers a stream may still claim to hold: a few damaged bytes must not ask for gigabytes."""

    def __init__(self, data: bytes) -> None:
        self._left = MAX_PER_BYTE * (len(data) + 1)

    def check(self, count: int) -> None:
        if count > self._left:
            raise CorruptArchive("the header asks for more numbers than the coded bytes can hold")

    def spend(self, count: int) -> None:
        self.check(count)
        self._left -= count


def _long_enough(data: bytes, count: int) -> bytes:
    """Zeros appended where a stream of near-certain symbols is shorter than a decoder's budget demands."""
    return data + bytes(max(0, -(-count // MAX_PER_BYTE) - 1 - len(data)))


def _successor(data: bytes) -> bytes:
    """The next larger number of as many bytes (zero after the largest)."""
    return ((int.from_bytes(data, "big") + 1) % (1 << 8 * len(data))).to_bytes(len(data), "big")


def _categorical(table: FrequencyTable | None = None) -> Any:
    import constriction

    if table is None:
        return constriction.stream.model.Categorical(perfect=False)
    return constriction.stream.model.Categorical(table.frequencies / TOTAL, perfect=False)


def _bernoulli() -> Any:
    import constriction

    return constriction.stream.model.Bernoulli(perfect=False)
