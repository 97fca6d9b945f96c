"""Nearest points of a voxel cloud without a tree: most voxels of two clouds of one surface are equal or side by side.

A bit a cell says where the points are. They are in lexicographic order, so that the number of the first point in a word
of 64 cells, and how many bits of the word stand before a cell, make the number of the point in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH = 3
"""Voxels to which a search goes; behind it a tree is quicker."""
MARGIN = 2 * REACH
"""Free cells of a lattice on either side of its points."""
MOST_CELLS = 1 << 31
"""Cells of a lattice, which take a bit each and half as much for numbers: 400 MB."""
LARGEST = 1 << 20


@numba.njit(cache=True)
def is_lattice(points: Floats) -> bool:  # pragma: no cover - compiled
    """Whether a cloud (n, 3), float64, has integer coordinates alone, of a size that a lattice may have."""
    for i in range(len(points)):
        for axis in range(3):
            at = points[i, axis]
            if not (abs(at) < LARGEST and at == np.floor(at)):
                return False
    return True


@dataclass(frozen=True)
class Lattice:
    """The points of a cloud by their cells.

    Args:
        low: int64 (3,), the cell of number 0.
        size: int64 (3,), cells on each axis, with the `MARGIN`.
        words: uint64, a bit a cell, the last axis first.
        firsts: int32, number of the first point in each word that has one.
    """

    low: Ints
    size: Ints
    words: NDArray[np.uint64]
    firsts: NDArray[np.int32]

    @classmethod
    def of(cls, points: Floats) -> Lattice | None:
        """That of distinct points (n, 3), n > 0, in lexicographic order, with `is_lattice`; None for a vast one."""
        low = np.array([axis.min() for axis in points.T], np.int64) - MARGIN  # quicker than min(axis=0)
        size = np.array([axis.max() for axis in points.T], np.int64) - low + 1 + MARGIN
        cells = int(size[0]) * int(size[1]) * int(size[2])
        if cells > MOST_CELLS:
            return None
        return cls(low, size, *_marked(points, low, size, cells // 64 + 1))

    def nearest(self, queries: Floats, most: int) -> tuple[Ints, Ints, Ints]:
        """All pairs (query, one of the points that are nearest to it), for queries (n, 3) for which `is_lattice`.

        Returns the pairs as two arrays, (p,), and those of the queries that have none, (q,): because no point is within
        `REACH`, or more than ``most`` are nearest.
        """
        return _nearest(queries, self.low, self.size, self.words, self.firsts, _SHELLS, _STARTS, most)


def shells(reach: int) -> tuple[Ints, Ints]:
    """Steps (s, 3) to cells within ``reach``, nearest first, and where those of each distance start, with the end."""
    axis = np.arange(-reach, reach + 1)
    steps = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    squared = (steps**2).sum(axis=1)
    order = np.argsort(squared, kind="stable")
    order = order[squared[order] <= reach**2]
    return steps[order], np.append(np.unique(squared[order], return_index=True)[1], len(order))


_SHELLS, _STARTS = shells(REACH)


@numba.njit(cache=True)
def _marked(
    points: Floats, low: Ints, size: Ints, count: int
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:  # pragma: no cover - compiled
    words, firsts = np.zeros(count, np.uint64), np.zeros(count, np.int32)
    for i in range(len(points)):
        x, y, z = int(points[i, 0]) - low[0], int(points[i, 1]) - low[1], int(points[i, 2]) - low[2]
        cell = (x * size[1] + y) * size[2] + z
        word = cell >> 6
        if words[word] == 0:
            firsts[word] = i
        words[word] |= np.uint64(1) << np.uint64(cell & 63)
    return words, firsts


@numba.njit(cache=True)
def _nearest(
    queries: Floats,
    low: Ints,
    size: Ints,
    words: NDArray[np.uint64],
    firsts: NDArray[np.int32],
    shells: Ints,
    starts: Ints,
    most: int,
) -> tuple[Ints, Ints, Ints]:  # pragma: no cover - compiled
    query, found, used = np.empty(most * len(queries), np.int64), np.empty(most * len(queries), np.int64), 0
    left, missed = np.empty(len(queries), np.int64), 0
    steps = (shells[:, 0] * size[1] + shells[:, 1]) * size[2] + shells[:, 2]
    for i in range(len(queries)):
        x, y, z = int(queries[i, 0]) - low[0], int(queries[i, 1]) - low[1], int(queries[i, 2]) - low[2]
        inside = (x >= REACH and y >= REACH and z >= REACH) and (
            x < size[0] - REACH and y < size[1] - REACH and z < size[2] - REACH
        )
        cell, count = (x * size[1] + y) * size[2] + z, 0
        for shell in range(len(starts) - 1 if inside else 0):
            for step in range(starts[shell], starts[shell + 1]):
                at = cell + steps[step]
                number = number_at(at, words, firsts)
                if number >= 0:
                    if count < most:
                        query[used + count] = i
                        found[used + count] = number
                    count += 1
            if count:
                break
        if 0 < count <= most:
            used += count
        else:
            left[missed] = i
            missed += 1
    return query[:used], found[:used], left[:missed]


@numba.njit(cache=True, inline="always")
def number_at(cell: int, words: NDArray[np.uint64], firsts: NDArray[np.int32]) -> int:  # pragma: no cover - compiled
    """The number of the point in a cell of a lattice, -1 where there is none."""
    word, bit = words[cell >> 6], np.uint64(1) << np.uint64(cell & 63)
    return firsts[cell >> 6] + _bits(word & (bit - np.uint64(1))) if word & bit else -1


@numba.njit(cache=True, inline="always")
def _bits(word: np.uint64) -> int:  # pragma: no cover - compiled
    """How many bits of a word are set (Warren, "Hacker's Delight", 5-1)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
