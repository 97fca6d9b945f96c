"""Connected regions of equal values in a grid: runs along its last axis that touch along the others.

Memory follows the borders between the regions. Points are connected along the axes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.volume.grid_runs import GridRuns, run_end


@dataclass(frozen=True)
class GridRegions:
    """The regions of a grid (X, Y, Z).

    Args:
        runs: of the grid; r of them.
        region: int32 (r,), of each run; numbered by value, then by first point.
        values: (n,), of each region.
        last: int64 (n,), flat index of each region's last point.
    """

    runs: GridRuns
    region: NDArray[np.int32]
    values: NDArray[np.generic]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, runs: GridRuns) -> GridRegions:
        """The regions of a grid."""
        _, width, size = runs.shape
        parent = np.arange(len(runs.starts), dtype=np.int32)
        _join_runs(runs.rows, runs.starts, runs.values, parent, width, size)
        first = np.flatnonzero(parent == np.arange(len(parent)))
        order = np.argsort(runs.values[first], kind="stable")
        number = np.empty(len(parent), np.int32)
        number[first[order]] = np.arange(len(first))
        region = number[parent]
        last = np.empty(len(first), np.int64)
        _last_points(runs.rows, runs.starts, region, size, last)
        return cls(runs, region, runs.values[first[order]], last)

    def filled(self, values: NDArray[np.generic]) -> GridRuns:
        """A grid of ``values`` (n,), one for each region; runs side by side may have the same."""
        return replace(self.runs, values=values[self.region])

    def at(self, points: NDArray[np.int64]) -> NDArray[np.int32]:
        """The regions of points, given by flat index (m,)."""
        found = np.empty(len(points), np.int32)
        _find_points(self.runs.rows, self.runs.starts, self.region, self.runs.shape[2], points, found)
        return found

    def links(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of regions (p, 2) that touch, the smaller number first; edges of the grid between them (p,)."""
        grid = self.runs.rows, self.runs.starts, self.region, *self.runs.shape[1:]
        count = _touching(*grid, np.empty((0, 2), np.int64), np.empty(0, np.int64))
        pairs = np.empty((count, 2), np.int64), np.empty(count, np.int64)
        _touching(*grid, *pairs)
        found, row = np.unique(pairs[0], axis=0, return_inverse=True)
        return found, np.bincount(row.reshape(-1), weights=pairs[1]).astype(np.int64)


@numba.njit(cache=True)
def _root(parent, run):  # type: ignore[no-untyped-def]  # numba
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@numba.njit(cache=True)
def _join_runs(rows, starts, values, parent, width, size):  # type: ignore[no-untyped-def]  # numba
    """Union of touching runs of one value; afterwards each run's parent is the first run of its region."""
    for i in range(len(rows) - 1):
        for beside in (True, False):
            other = i - 1 if beside else i - width
            if other < 0 or (beside and i % width == 0):
                continue
            one, two = rows[i], rows[other]
            while one < rows[i + 1] and two < rows[other + 1]:
                if values[one] == values[two]:
                    a, b = _root(parent, one), _root(parent, two)
                    parent[max(a, b)] = min(a, b)
                one_end = run_end(rows, starts, i, one, size)
                two_end = run_end(rows, starts, other, two, size)
                one, two = one + (one_end <= two_end), two + (two_end <= one_end)
    for run in range(len(parent)):
        parent[run] = _root(parent, run)


@numba.njit(cache=True)
def _last_points(rows, starts, region, size, last):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(rows) - 1):
        for run in range(rows[i], rows[i + 1]):
            end = run_end(rows, starts, i, run, size)
            last[region[run]] = i * size + end - 1


@numba.njit(cache=True)
def _find_points(rows, starts, region, size, points, found):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(points)):
        line, z = points[i] // size, points[i] % size
        low, high = rows[line], rows[line + 1]
        while high - low > 1:
            middle = (low + high) // 2
            if starts[middle] <= z:
                low = middle
            else:
                high = middle
        found[i] = region[low]


@numba.njit(cache=True)
def _touching(rows, starts, region, width, size, pairs, edges):  # type: ignore[no-untyped-def]  # numba
    """Stretches along which two regions touch, edges of the grid that cross there; without room only counted."""
    count, room = 0, len(edges)
    for i in range(len(rows) - 1):
        for run in range(rows[i], rows[i + 1] - 1):
            if room:
                pairs[count, 0] = min(region[run], region[run + 1])
                pairs[count, 1], edges[count] = max(region[run], region[run + 1]), 1
            count += 1
        for beside in (True, False):
            other = i - 1 if beside else i - width
            if other < 0 or (beside and i % width == 0):
                continue
            one, two = rows[i], rows[other]
            while one < rows[i + 1] and two < rows[other + 1]:
                one_end = run_end(rows, starts, i, one, size)
                two_end = run_end(rows, starts, other, two, size)
                if region[one] != region[two]:
                    if room:
                        pairs[count, 0], pairs[count, 1] = min(region[one], region[two]), max(region[one], region[two])
                        edges[count] = min(one_end, two_end) - max(starts[one], starts[two])
                    count += 1
                one, two = one + (one_end <= two_end), two + (two_end <= one_end)
    return count
