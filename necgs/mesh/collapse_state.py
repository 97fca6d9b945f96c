"""The mesh that an edge collapse works on, in arrays that compiled code shares."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np


class CollapseState(NamedTuple):
    """A mesh that shrinks. Corner c is corner c % 3 of face c // 3; each vertex has a linked list of its corners.

    Args:
        positions: float64 (v, n, 3), of n shapes.
        quadrics: float64 (v, n, 10).
        faces: int64 (f, 3).
        alive: bool (f,).
        first, last: int64 (v,), ends of each vertex's list of corners; -1 for none.
        after: int64 (3 f,), the next corner of the list.
        stamp: int64 (v,), counts the changes of a vertex; -1 once it is merged away.
        seen: int64 (v, 3), the check in which a vertex was last met around a, around b, and opposite their edge.
        around: int64 (v, 3), faces at the edges from a and from b to a vertex and faces over their edge, in that check.
        check: int64 (1,), number of the present check.
    """

    positions: np.ndarray
    quadrics: np.ndarray
    faces: np.ndarray
    alive: np.ndarray
    first: np.ndarray
    last: np.ndarray
    after: np.ndarray
    stamp: np.ndarray
    seen: np.ndarray
    around: np.ndarray
    check: np.ndarray


@numba.njit(cache=True)
def start_state(positions: np.ndarray, faces: np.ndarray, quadrics: np.ndarray) -> CollapseState:
    """The state before any collapse; see `CollapseState` for the arrays."""
    v, f = len(positions), len(faces)
    first, last, after = np.full(v, -1, np.int64), np.full(v, -1, np.int64), np.full(3 * f, -1, np.int64)
    for c in range(3 * f):
        vertex = faces[c // 3, c % 3]
        if first[vertex] < 0:
            first[vertex] = c
        else:
            after[last[vertex]] = c
        last[vertex] = c
    return CollapseState(
        positions.copy(),
        quadrics.copy(),
        faces.copy(),
        np.ones(f, np.bool_),
        first,
        last,
        after,
        np.zeros(v, np.int64),
        np.zeros((v, 3), np.int64),
        np.zeros((v, 3), np.int64),
        np.zeros(1, np.int64),
    )


@numba.njit(cache=True)
def used_vertices(state: CollapseState) -> np.ndarray:
    """The vertices of the faces that are left, int64, rising."""
    mark = np.zeros(len(state.first), np.bool_)
    for f in range(len(state.faces)):
        if state.alive[f]:
            for t in range(3):
                mark[state.faces[f, t]] = True
    return np.flatnonzero(mark)
