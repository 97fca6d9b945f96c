"""A grid as runs of equal values along its last axis: memory follows the borders between values, not the grid's size.

The grid is read and given back a few slices along its first axis at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.volume.grid_bits import slabs

Grid = NDArray[np.generic]


@dataclass(frozen=True)
class GridRuns:
    """The values of a grid (X, Y, Z).

    Args:
        shape: X, Y, Z.
        rows: int64 (X * Y + 1,), the first run of each line.
        starts: int32 (r,), where each run starts along the last axis.
        values: (r,), of each run, integers or truth values.
    """

    shape: tuple[int, int, int]
    rows: NDArray[np.int64]
    starts: NDArray[np.int32]
    values: Grid

    @classmethod
    def of_slabs(cls, slab: Callable[[int, int], Grid], shape: tuple[int, int, int]) -> GridRuns:
        """Those of ``slab(first, last)``, (last - first, Y, Z), of slices along the first axis; each is read once."""
        rows, starts, values = [np.zeros(1, np.int64)], [], []
        for first, last in slabs(shape[0]):
            lines = np.ascontiguousarray(slab(first, last)).reshape(-1, shape[2])
            counts = np.empty(len(lines), np.int64)
            start, value = _find_runs(lines, counts)
            rows.append(rows[-1][-1] + np.cumsum(counts))
            starts.append(start)
            values.append(value)
        return cls(shape, np.concatenate(rows), np.concatenate(starts), np.concatenate(values))

    def slab(self, first: int, last: int) -> Grid:
        """The slices ``first`` to ``last`` along the first axis, (last - first, Y, Z)."""
        rows = self.rows[first * self.shape[1] : last * self.shape[1] + 1]
        filled = np.empty((len(rows) - 1, self.shape[2]), self.values.dtype)
        _fill_runs(rows, self.starts, self.values, filled)
        return filled.reshape(last - first, *self.shape[1:])


@numba.njit(cache=True)
def run_end(rows, starts, line, run, size):  # type: ignore[no-untyped-def]  # numba
    """Where a line's run ends: at the next one, or with the line."""
    return starts[run + 1] if run + 1 < rows[line + 1] else size


@numba.njit(cache=True)
def _find_runs(lines, counts):  # type: ignore[no-untyped-def]  # numba
    """Starts and values of the runs of lines (l, Z); writes how many each line has into ``counts`` (l,)."""
    for i in range(len(lines)):
        count = 1
        for z in range(1, lines.shape[1]):
            count += lines[i, z] != lines[i, z - 1]
        counts[i] = count
    starts, values = np.empty(counts.sum(), np.int32), np.empty(counts.sum(), lines.dtype)
    at = 0
    for i in range(len(lines)):
        for z in range(lines.shape[1]):
            if z == 0 or lines[i, z] != lines[i, z - 1]:
                starts[at], values[at] = z, lines[i, z]
                at += 1
    return starts, values


@numba.njit(cache=True)
def _fill_runs(rows, starts, values, filled):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(filled)):
        for run in range(rows[i], rows[i + 1]):
            end = run_end(rows, starts, i, run, filled.shape[1])
            filled[i, starts[run] : end] = values[run]
