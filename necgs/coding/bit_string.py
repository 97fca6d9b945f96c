"""Runs of bits of varying length: code words packed into bytes, and the signed Exp-Golomb code of small integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive
from bench.codec.fields import unzigzag, zigzag

Bits = NDArray[np.uint8]

MAX_PREFIX = 32


def concatenate_codewords(words: NDArray[np.int64], lengths: NDArray[np.int64]) -> Bits:
    """The code words one after the other, most significant bit first.

    Args:
        words: (n,) non-negative.
        lengths: (n,) bits of each word, possibly 0.

    Returns:
        uint8 zeros and ones, ``lengths.sum()`` of them.
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    below = np.repeat(ends, lengths) - 1 - np.arange(total)
    return (np.repeat(words, lengths) >> below & 1).astype(np.uint8)


def exp_golomb(values: NDArray[np.int64], order: int) -> Bits:
    """Signed integers, zigzagged, in the Exp-Golomb code of ``order``: small magnitudes take few bits."""
    folded = np.array([zigzag(int(v)) for v in values], dtype=np.int64) + (1 << order)
    width = np.array([int(v).bit_length() for v in folded], dtype=np.int64)
    return concatenate_codewords(folded, 2 * width - order - 1)


class BitReader:
    """Reads bits back; `CorruptArchive` where they run out.

    Args:
        bits: uint8 zeros and ones.
    """

    def __init__(self, bits: Bits) -> None:
        self._bits = bits
        self.position = 0

    def exp_golomb(self, count: int, order: int) -> list[int]:
        """``count`` integers of `exp_golomb`."""
        return [self._one(order) for _ in range(count)]

    def _one(self, order: int) -> int:
        zeros = 0
        while not self._take(1):
            zeros += 1
            if zeros > MAX_PREFIX:
                raise CorruptArchive("a table holds a number that is too large")
        folded = (1 << zeros + order | self._take(zeros + order)) - (1 << order)
        return unzigzag(folded)

    def _take(self, count: int) -> int:
        end = self.position + count
        if end > len(self._bits):
            raise CorruptArchive("a table is cut short")
        value = 0
        for bit in self._bits[self.position : end]:
            value = value << 1 | int(bit)
        self.position = end
        return value
