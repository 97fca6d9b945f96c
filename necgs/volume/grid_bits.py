"""One bit for each point of a grid: on which side each lies, in an eighth of the memory of truth values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLAB = 8
"""Slices along x that are unpacked at a time: whole bytes, whatever the resolution."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class GridBits:
    """Truth values of the points of a K^3 grid.

    Args:
        resolution: K.
        packed: uint8 (K^3 / 8, rounded up), as ``numpy.packbits`` makes them of the points in order, x slowest.
    """

    resolution: int
    packed: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.packed.shape != (-(-(self.resolution**3) // 8),):
            raise ValueError(f"a grid of {self.resolution}^3 does not have {self.packed.shape} bytes of bits")

    @classmethod
    def of(cls, grid: Bools) -> GridBits:
        """Those of bool (K, K, K)."""
        return cls(len(grid), np.packbits(grid.reshape(-1)))

    @classmethod
    def of_slabs(cls, slab: Callable[[int, int], Bools], resolution: int) -> GridBits:
        """Those of ``slab(first, last)``, bool (last - first, K, K), of slices along x."""
        return cls(
            resolution,
            np.concatenate([np.packbits(slab(*of).reshape(-1)) for of in slabs(resolution)]),
        )

    def slab(self, first: int, last: int) -> Bools:
        """The slices ``first`` to ``last`` along x, bool (last - first, K, K); they may begin anywhere."""
        area = self.resolution**2
        byte = first * area // 8
        skipped = first * area - byte * 8
        size = (last - first) * area
        bits = np.unpackbits(self.packed[byte : -(-last * area // 8)], count=skipped + size)[skipped:]
        return bits.view(bool).reshape(last - first, self.resolution, self.resolution)

    def whole(self) -> Bools:
        """Bool (K, K, K)."""
        return self.slab(0, self.resolution)

    def at(self, points: NDArray[np.integer]) -> Bools:
        """Those of points given by flat index, of any shape."""
        found: Bools = (self.packed[points >> 3] >> (7 - (points & 7)).astype(np.uint8) & 1).astype(bool)
        return found

    def changed(self, points: NDArray[np.integer], values: Bools) -> GridBits:
        """With other values (n,) at points given by flat index (n,), each of them once."""
        packed = self.packed.copy()
        bit = (np.uint8(128) >> (points & 7).astype(np.uint8)).astype(np.uint8)
        np.bitwise_or.at(packed, points[values] >> 3, bit[values])
        np.bitwise_and.at(packed, points[~values] >> 3, ~bit[~values])
        return GridBits(self.resolution, packed)


def slabs(resolution: int, slices: int = SLAB) -> list[tuple[int, int]]:
    """The first and the last slice (exclusive) of each slab of a grid."""
    return [(first, min(first + slices, resolution)) for first in range(0, resolution, slices)]
