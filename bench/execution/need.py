"""What a job needs of memory and disk, as earlier ones of its codec and rate went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from bench.results.rows import SetRow

MIB = 2**20
VERTEX, TRIANGLE = 24, 12
"""Bytes of each as decoded meshes are kept: three float64, three int32."""


@dataclass(frozen=True)
class Need:
    """What a job holds in memory and puts on the disk.

    Args:
        memory: MiB that the largest of its processes held at its peak.
        shapes: of the set with which that was seen.
        archive, decoded: bytes a shape, of the archive and of the decoded meshes.
        made, found: bytes a shape of entries of the cache: those that encoding wrote, and those that it found there.
    """

    memory: float
    shapes: int
    archive: float
    decoded: float
    made: float = 0.0
    found: float = 0.0

    def __post_init__(self) -> None:
        if not all(isinstance(value, int | float) and 0 <= value < math.inf for value in astuple(self)):
            raise ValueError(f"what a job needs is finite and not negative: {self}")
        if self.shapes < 1:
            raise ValueError(f"a job has at least one shape: {self}")

    @classmethod
    def of(cls, row: SetRow) -> Need | None:
        """That of a finished job; None where its row does not tell it, as rows of older runs do not."""
        peaks = [timing["peak_mb"] for timing in (row["encode"], row["decode"], row["measure"]) if timing]
        meshes = VERTEX * row["decoded_vertices"] + TRIANGLE * row["decoded_faces"]
        if not (row["shapes"] and meshes and len(peaks) == 3 and all(peaks)):
            return None
        count = row["shapes"]
        made, found = row["cache_made"] / count, row["cache_found"] / count
        return cls(max(peaks), count, row["bytes"] / count, meshes / count, made, found)

    @classmethod
    def enough(cls, needs: Sequence[Need]) -> Need:
        """What suffices for each of at least one."""
        memory, shapes, *rest = zip(*map(astuple, needs), strict=True)
        return cls(max(memory), min(shapes), *map(max, rest))

    def memory_bounds(self, shapes: int) -> tuple[float, float]:
        """Bytes between which the peak lies for so many shapes: one part grows with the set, one, unknown, does not."""
        seen, grown = self.memory * MIB, self.memory * MIB * shapes / self.shapes
        return min(seen, grown), max(seen, grown)
