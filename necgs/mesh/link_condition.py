"""Whether an edge may collapse without a change of the topology.

The link condition (Dey, Edelsbrunner, Guha, Nekhayev, Topology preserving edge contraction, 1999) with borders and
edges of more than two faces.
"""

from __future__ import annotations

import numba

from necgs.mesh.collapse_state import CollapseState


@numba.njit(cache=True)
def keeps_topology(state: CollapseState, a: int, b: int) -> bool:
    """Whether a and b may become one vertex: the link condition, with borders and edges of more than two faces.

    Refused are collapses that would join two sheets or two borders, let a part, a hole or a border vanish, or put more
    faces at an edge than it has now.
    """
    state.check[0] += 1
    check = state.check[0]
    _count_faces(state, a, 0)
    _count_faces(state, b, 1)
    if state.seen[b, 0] != check:
        return False
    _count_opposite(state, a, b)
    kinds_a, kinds_b = _open_kinds(state, a, b, 0), _open_kinds(state, b, a, 1)
    if kinds_a < 0 or kinds_b < 0:
        return False
    faces = state.around[b, 0]
    other = 3 if faces == 2 else 2 if faces == 1 else 1
    if kinds_a & other and kinds_b & other:
        return False
    return not (_is_across(state, a, b) and _is_across(state, b, a))


@numba.njit(cache=True)
def _count_faces(state: CollapseState, a: int, side: int) -> None:
    """Count the faces at every edge of a vertex."""
    check = state.check[0]
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            for step in (1, 2):
                v = state.faces[corner // 3, (corner + step) % 3]
                if state.seen[v, side] != check:
                    state.seen[v, side] = check
                    state.around[v, side] = 0
                state.around[v, side] += 1
        corner = state.after[corner]


@numba.njit(cache=True)
def _count_opposite(state: CollapseState, a: int, b: int) -> None:
    """Count the faces over the edge of a and b at their third vertices."""
    check = state.check[0]
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            p, q = state.faces[corner // 3, (corner + 1) % 3], state.faces[corner // 3, (corner + 2) % 3]
            if b in (p, q):
                v = p + q - b
                if state.seen[v, 2] != check:
                    state.seen[v, 2] = check
                    state.around[v, 2] = 0
                state.around[v, 2] += 1
        corner = state.after[corner]


@numba.njit(cache=True)
def _open_kinds(state: CollapseState, a: int, b: int, side: int) -> int:
    """Kinds of the edges of a vertex, but for the one to b: 1 a border, 2 more than two faces, 3 both, 0 neither.

    -1: an edge would be joined that must not be.
    """
    check, kinds = state.check[0], 0
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            for step in (1, 2):
                v = state.faces[corner // 3, (corner + step) % 3]
                if v == b:
                    continue
                here = state.around[v, side]
                kinds |= 1 if here == 1 else 2 if here > 2 else 0
                if state.seen[v, 1 - side] == check:
                    if state.seen[v, 2] != check:
                        return -1
                    there = state.around[v, 1 - side]
                    joined = here + there - 2 * state.around[v, 2]
                    if joined < 1 or joined > max(here, there, 2):
                        return -1
        corner = state.after[corner]
    return kinds


@numba.njit(cache=True)
def _is_across(state: CollapseState, a: int, b: int) -> bool:
    """Whether a face of a, not of b, lies between two vertices opposite their edge: with one of b it would coincide."""
    check = state.check[0]
    corner = state.first[a]
    while corner >= 0:
        if state.alive[corner // 3]:
            p, q = state.faces[corner // 3, (corner + 1) % 3], state.faces[corner // 3, (corner + 2) % 3]
            if b not in (p, q) and state.seen[p, 2] == check and state.seen[q, 2] == check:
                return True
        corner = state.after[corner]
    return False
