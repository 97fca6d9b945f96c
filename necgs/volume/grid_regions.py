"""Connected regions of equal values in a grid, as runs along its last axis.

A run is a stretch of equal values, so there are as many as the grid's lines cross a border: memory follows the borders
between the regions, and the grid is read twice and nothing else. Points are connected along the axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GridRegions:
    """The regions of a grid (X, Y, Z).

    Args:
        shape: X, Y, Z.
        rows: int64 (X * Y + 1,), the first run of each line.
        starts: int32 (r,), where each run starts along the last axis.
        region: int32 (r,), of each run; numbered by value, then by first point.
        values: (n,), of each region.
        last: int64 (n,), flat index of each region's last point.
    """

    shape: tuple[int, int, int]
    rows: NDArray[np.int64]
    starts: NDArray[np.int32]
    region: NDArray[np.int32]
    values: NDArray[np.generic]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, grid: NDArray[np.generic]) -> GridRegions:
        """The regions of a grid of integers or truth values."""
        lines = np.ascontiguousarray(grid).reshape(-1, grid.shape[2])
        rows = np.zeros(len(lines) + 1, np.int64)
        _count_runs(lines, rows)
        np.cumsum(rows, out=rows)
        starts = np.empty(rows[-1], np.int32)
        _find_runs(lines, rows, starts)
        parent = np.arange(rows[-1], dtype=np.int32)
        _join_runs(lines, rows, starts, parent, grid.shape[1])
        first = np.flatnonzero(parent == np.arange(len(parent)))
        values = lines[np.searchsorted(rows, first, side="right") - 1, starts[first]]
        order = np.argsort(values, kind="stable")
        number = np.empty(len(parent), np.int32)
        number[first[order]] = np.arange(len(first))
        region = number[parent]
        last = np.empty(len(first), np.int64)
        _last_points(rows, starts, region, lines.shape[1], last)
        shape = (int(grid.shape[0]), int(grid.shape[1]), int(grid.shape[2]))
        return cls(shape, rows, starts, region, values[order], last)

    def filled(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """A grid of ``values`` (n,), one for each region."""
        filled = np.empty((len(self.rows) - 1, self.shape[2]), values.dtype)
        _fill_runs(self.rows, self.starts, self.region, values, filled)
        return filled.reshape(self.shape)

    def at(self, points: NDArray[np.int64]) -> NDArray[np.int32]:
        """The regions of points, given by flat index (m,)."""
        found = np.empty(len(points), np.int32)
        _find_points(self.rows, self.starts, self.region, self.shape[2], points, found)
        return found

    def links(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of regions (p, 2) that touch, the smaller number first; edges of the grid between them (p,)."""
        pairs = np.empty((0, 2), np.int64), np.empty(0, np.int64)
        count = _touching(self.rows, self.starts, self.region, self.shape[1], self.shape[2], *pairs)
        pairs = np.empty((count, 2), np.int64), np.empty(count, np.int64)
        _touching(self.rows, self.starts, self.region, self.shape[1], self.shape[2], *pairs)
        found, row = np.unique(pairs[0], axis=0, return_inverse=True)
        return found, np.bincount(row.reshape(-1), weights=pairs[1]).astype(np.int64)


@numba.njit(cache=True)
def _count_runs(lines, rows):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(lines)):
        count = 1
        for z in range(1, lines.shape[1]):
            count += lines[i, z] != lines[i, z - 1]
        rows[i + 1] = count


@numba.njit(cache=True)
def _find_runs(lines, rows, starts):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(lines)):
        at = rows[i]
        starts[at] = 0
        for z in range(1, lines.shape[1]):
            if lines[i, z] != lines[i, z - 1]:
                at += 1
                starts[at] = z


@numba.njit(cache=True)
def _end(rows, starts, line, run, size):  # type: ignore[no-untyped-def]  # numba
    """Where a line's run ends: at the next one, or with the line."""
    return starts[run + 1] if run + 1 < rows[line + 1] else size


@numba.njit(cache=True)
def _root(parent, run):  # type: ignore[no-untyped-def]  # numba
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@numba.njit(cache=True)
def _join_runs(lines, rows, starts, parent, width):  # type: ignore[no-untyped-def]  # numba
    """Union of touching runs of one value; afterwards each run's parent is the first run of its region."""
    for i in range(len(lines)):
        for beside in (True, False):
            other = i - 1 if beside else i - width
            if other < 0 or (beside and i % width == 0):
                continue
            one, two = rows[i], rows[other]
            while one < rows[i + 1] and two < rows[other + 1]:
                if lines[i, starts[one]] == lines[other, starts[two]]:
                    a, b = _root(parent, one), _root(parent, two)
                    parent[max(a, b)] = min(a, b)
                one_end = _end(rows, starts, i, one, lines.shape[1])
                two_end = _end(rows, starts, other, two, lines.shape[1])
                one, two = one + (one_end <= two_end), two + (two_end <= one_end)
    for run in range(len(parent)):
        parent[run] = _root(parent, run)


@numba.njit(cache=True)
def _last_points(rows, starts, region, size, last):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(rows) - 1):
        for run in range(rows[i], rows[i + 1]):
            end = _end(rows, starts, i, run, size)
            last[region[run]] = i * size + end - 1


@numba.njit(cache=True)
def _fill_runs(rows, starts, region, values, filled):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(filled)):
        for run in range(rows[i], rows[i + 1]):
            end = _end(rows, starts, i, run, filled.shape[1])
            filled[i, starts[run] : end] = values[region[run]]


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
                one_end = _end(rows, starts, i, one, size)
                two_end = _end(rows, starts, other, two, size)
                if region[one] != region[two]:
                    if room:
                        pairs[count, 0], pairs[count, 1] = min(region[one], region[two]), max(region[one], region[two])
                        edges[count] = min(one_end, two_end) - max(starts[one], starts[two])
                    count += 1
                one, two = one + (one_end <= two_end), two + (two_end <= one_end)
    return count
