"""What is searched in a decoded cloud: neighbourhoods of its points, and whether it has points near others.

Voxels are looked up in a lattice, a bit a cell; points between voxels, and those whose neighbours are far, ask a tree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

from bench.metrics.lattice import MARGIN, Lattice, is_lattice, number_at, shells

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

NEIGHBOURS = 16
"""Points of a neighbourhood, itself among them, at least."""

REACH = MARGIN
"""Voxels around a point in which its neighbours are looked up."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]
Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class CloudSearch:
    """A cloud with what is searched in it, which is made when it is first needed and then kept.

    Args:
        points: float64 (n, 3), distinct, in lexicographic order, about 1 apart.
    """

    points: Floats

    @cached_property
    def lattice(self) -> Lattice | None:
        """Of points that are voxels."""
        return Lattice.of(self.points) if is_lattice(self.points) else None

    @cached_property
    def tree(self) -> cKDTree:
        """Of any."""
        from scipy.spatial import cKDTree

        return cKDTree(self.points)

    def neighbourhoods(self) -> tuple[Ints, Numbers]:
        """The nearest points of each point, itself among them: `NEIGHBOURS`, and of voxels all that are as near.

        Which of the equally near ones a tree returns is chance, and one-sided; their planes are worse.

        Returns:
            Where each point's begin, (n + 1,) with the end, and their numbers, one point's behind the other's.
        """
        count = min(NEIGHBOURS, len(self.points))
        if self.lattice is None:
            return _joined(self._nearest(self.points, count))
        lattice, (steps, rings) = self.lattice, _SHELLS
        counts, members = _shells_around(
            self.points, lattice.low, lattice.size, lattice.words, lattice.firsts, steps, rings, count
        )
        if (far := counts == 0).any():
            nearest = self._nearest(self.points[far], count)
            counts[far] = count
            from_tree = np.repeat(far, counts)
            looked_up, members = members, np.empty(len(from_tree), np.int32)
            members[~from_tree], members[from_tree] = looked_up, nearest.ravel()
        return np.append(0, np.cumsum(counts)), members

    def near(self, positions: Floats, distance: float) -> NDArray[np.bool_]:
        """Which of ``positions`` (m, 3) have a point of the cloud within ``distance``."""
        if self.lattice is None:
            return np.asarray(self.tree.query(positions, workers=1)[0] <= distance)
        lattice, steps = self.lattice, shells(math.ceil(distance + 1))[0]  # half a voxel's diagonal is less than 1
        return _near(positions, lattice.low, lattice.size, lattice.words, steps, distance)

    def _nearest(self, queries: Floats, count: int) -> Numbers:
        found = self.tree.query(queries, k=count, workers=1)[1]
        return np.asarray(found, np.int32).reshape(len(queries), count)


_SHELLS = shells(REACH)


def _joined(rows: Numbers) -> tuple[Ints, Numbers]:
    return np.arange(len(rows) + 1) * rows.shape[1], rows.ravel()


@numba.njit(cache=True)
def _shells_around(
    points: Floats, low: Ints, size: Ints, words: Bits, firsts: Numbers, steps: Ints, rings: Ints, least: int
) -> tuple[Ints, Numbers]:  # pragma: no cover - compiled
    """How many neighbours each point has, 0 where fewer than ``least`` are within reach, and their numbers."""
    counts, members, used = np.zeros(len(points), np.int64), np.empty(2 * least * len(points), np.int32), 0
    jumps = (steps[:, 0] * size[1] + steps[:, 1]) * size[2] + steps[:, 2]
    for i in range(len(points)):
        x, y, z = int(points[i, 0]) - low[0], int(points[i, 1]) - low[1], int(points[i, 2]) - low[2]
        cell = (x * size[1] + y) * size[2] + z
        if used + len(jumps) > len(members):
            longer = np.empty(2 * len(members) + len(jumps), np.int32)
            longer[:used] = members[:used]
            members = longer
        found = 0
        for ring in range(len(rings) - 1):
            for step in range(rings[ring], rings[ring + 1]):
                number = number_at(cell + jumps[step], words, firsts)
                if number >= 0:
                    members[used + found] = number
                    found += 1
            if found >= least:
                counts[i] = found
                used += found
                break
    return counts, members[:used]


@numba.njit(cache=True)
def _near(
    positions: Floats, low: Ints, size: Ints, words: Bits, steps: Ints, distance: float
) -> NDArray[np.bool_]:  # pragma: no cover - compiled
    found = np.zeros(len(positions), np.bool_)
    for i in range(len(positions)):
        x, y, z = positions[i, 0] - low[0], positions[i, 1] - low[1], positions[i, 2] - low[2]
        cx, cy, cz = int(np.rint(x)), int(np.rint(y)), int(np.rint(z))
        for step in steps:
            px, py, pz = cx + step[0], cy + step[1], cz + step[2]
            if not (0 <= px < size[0] and 0 <= py < size[1] and 0 <= pz < size[2]):
                continue
            cell = (px * size[1] + py) * size[2] + pz
            if words[cell >> 6] >> np.uint64(cell & 63) & np.uint64(1) and (
                (px - x) ** 2 + (py - y) ** 2 + (pz - z) ** 2 <= distance * distance
            ):
                found[i] = True
                break
    return found
