"""The front between the faces that a connectivity coder knows and those that it does not: closed loops of half-edges.

A node of a loop is a vertex at one gap between known faces (a vertex may have several); its gate is the half-edge from
it to the next node, seen from the unknown side. Encoder and decoder move the front alike; the encoder also keeps track
of where in its mesh the front runs, in the arrays about corners, which are empty in a decoder.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.compiled import inner
from necgs.mesh.corner_table import fans, twins

NEW, BEFORE, BEHIND, BORDER, OTHER = range(5)
OPEN, AT_BORDER, GONE = range(3)
VERTEX, BACK, ON, STATUS, GATE = range(5)
"""Columns of a node: vertex, neighbours on the loop, status of the gate, the gate's half-edge (encoder; or -1)."""

LEFT, RIM, NODES = range(3)
"""Columns of a vertex: faces about it that are not known yet, 1 at a border of the mesh, nodes that it has."""

MADE, VERTICES, FACES, LISTED, WAITING, VISITS, ALLOWED = range(7)
"""Counts: nodes, vertices, faces so far; nodes that were put on the list of open ones, those still on it; how many
nodes were looked at to find pivots and tips, and how many may be."""

MOST_VISITS, FREE_FACES = 1 << 15, 1 << 10
"""Nodes that may be looked at for each face, and for so many more. That grows with the length of the front: 300 on a
sphere of 300,000 faces, 2,000 on a sponge of as many; only a mesh that is no surface of a solid needs more."""


class Front(NamedTuple):
    """Everything about a conquest that changes, as int64 arrays."""

    counts: Integers
    waiting: Integers
    nodes: Integers
    vertices: Integers
    faces: Integers
    twin: Integers
    fan: Integers
    valence: Integers
    number: Integers
    at: Integers
    seen: Integers


def blank(count: int) -> Front:
    """A decoder's front, for ``count`` faces."""
    return _front(count, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.int64))


def before(faces: Integers) -> Front:
    """An encoder's front, before faces (f, 3); see `twins` for what it raises."""
    twin = twins(faces)
    fan, count = fans(twin)
    valence = np.zeros((count, 2), dtype=np.int64)
    valence[:, 0] = np.bincount(fan, minlength=count)
    at_border = np.flatnonzero(twin < 0)
    valence[fan[at_border], 1] = valence[fan[at_border - at_border % 3 + (at_border + 1) % 3], 1] = 1
    return _front(len(faces), twin, fan, valence)


def _front(count: int, twin: Integers, fan: Integers, valence: Integers) -> Front:
    room = 3 * count + 3
    zeros = [np.zeros(shape, dtype=np.int64) for shape in (7, room, (room, 5), (room, 3), (count, 3))]
    zeros[0][ALLOWED] = MOST_VISITS * (count + FREE_FACES)
    unknown = [np.full(length, -1, dtype=np.int64) for length in (len(valence), len(twin))]
    return Front(*zeros, twin, fan, valence, *unknown, np.zeros(len(twin) // 3, dtype=np.int64))


@inner
def is_tangled(front: Front) -> bool:
    """Whether more nodes were looked at than may be."""
    return front.counts[VISITS] > front.counts[ALLOWED]


@inner
def following(corner: int) -> int:
    """The next corner of the face."""
    return corner + 1 if corner % 3 < 2 else corner - 2


@inner
def preceding(corner: int) -> int:
    """The corner before in the face."""
    return corner - 1 if corner % 3 else corner + 2


@inner
def begin(front: Front, start: int) -> None:
    """The first face of a component, ``start`` in the encoder's mesh: three nodes, three new vertices."""
    made, vertices, done = front.counts[:3]
    for k in range(3):
        gate = np.int64(-1)
        if len(front.twin):
            gate = front.twin[3 * start + (2 - k)]
            front.number[front.fan[3 * start + k]] = vertices + k
            front.seen[start] = 1
        front.nodes[made + k] = (vertices + (3 - k) % 3, made + (k + 2) % 3, made + (k + 1) % 3, OPEN, gate)
        if gate >= 0:
            front.at[gate] = made + k
        front.faces[done, k] = vertices + k
        front.vertices[vertices + k, NODES] = 1
    front.counts[:3] = (made + 3, vertices + 3, done + 1)


@inner
def look(front: Front, pivot: int) -> tuple[int, int]:
    """What lies behind a gate in the encoder's mesh, and the node of the tip where that is `OTHER`."""
    gate = front.nodes[pivot, GATE]
    if gate < 0:
        return BORDER, -1
    third = preceding(gate)
    if front.number[front.fan[third]] < 0:
        return NEW, -1
    if front.at[third] >= 0 and front.at[third] == front.nodes[pivot, BACK]:
        return BEFORE, -1
    if front.at[following(gate)] >= 0 and front.at[following(gate)] == front.nodes[pivot, ON]:
        return BEHIND, -1
    current = third  # turn about the tip, through unknown faces, to the end of its gap: clockwise, else the other way
    while current >= 0:
        if front.at[current] >= 0:
            return OTHER, front.at[current]
        across = front.twin[current]
        current = following(across) if across >= 0 else np.int64(-1)
    current = third
    while front.at[preceding(current)] < 0:
        current = front.twin[preceding(current)]
    return OTHER, front.nodes[front.at[preceding(current)], ON]


@inner
def advance(front: Front, symbol: int, pivot: int, other: int) -> None:
    """Take the face behind the pivot's gate to the known side; ``other`` is the tip's node for `OTHER`."""
    nodes, vertices = front.nodes, front.vertices
    end = nodes[pivot, ON]
    back, ahead = nodes[pivot, BACK], nodes[end, ON]
    tip = front.counts[VERTICES]
    if symbol == NEW:
        front.counts[VERTICES] += 1
    else:
        tip = nodes[back if symbol == BEFORE else ahead if symbol == BEHIND else other, VERTEX]
    done = front.counts[FACES]
    front.faces[done] = (nodes[pivot, VERTEX], nodes[end, VERTEX], tip)
    front.counts[FACES] = done + 1
    for k in range(3):
        vertices[front.faces[done, k], LEFT] -= 1
    near, far = np.int64(-1), np.int64(-1)
    if len(front.twin):
        gate = nodes[pivot, GATE]
        front.seen[gate // 3] = 1
        front.number[front.fan[preceding(gate)]] = tip
        near, far = front.twin[preceding(gate)], front.twin[following(gate)]
    if (symbol in (BEFORE, BEHIND)) and back == ahead:
        for node in (pivot, end, back):
            _remove(front, node)
    elif symbol == BEFORE:
        _remove(front, pivot)
        _join(front, back, end, far)
    elif symbol == BEHIND:
        _remove(front, end)
        _join(front, pivot, ahead, near)
    else:
        _insert(front, pivot, end, other, tip, near, far)


@inner
def _remove(front: Front, node: int) -> None:
    front.nodes[node, STATUS] = GONE
    front.vertices[front.nodes[node, VERTEX], NODES] -= 1


@inner
def _join(front: Front, one: int, two: int, gate: int) -> None:
    """Make ``two`` the node behind ``one``, with a gate between them."""
    front.nodes[one, ON], front.nodes[two, BACK] = two, one
    front.nodes[one, GATE] = gate
    if gate >= 0:
        front.at[gate] = one


@inner
def _insert(front: Front, pivot: int, end: int, other: int, tip: int, near: int, far: int) -> None:
    """A node for the tip between pivot and end; where the tip has one already, ``other``, the loops are crossed."""
    made = front.counts[MADE]
    front.counts[MADE] = made + 1
    front.nodes[made] = (tip, pivot, end, OPEN, far)
    front.vertices[tip, NODES] += 1
    _join(front, made, end, far)
    if other < 0:
        _join(front, pivot, made, near)
        return
    last = front.nodes[other, BACK]
    front.nodes[last, ON], front.nodes[made, BACK] = made, last
    _join(front, pivot, other, near)
