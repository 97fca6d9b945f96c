"""Connectivity of triangle meshes: any genus, borders, any number of components.

The mesh is conquered face by face. Closed loops of half-edges separate the faces that are known from those that are
not (`necgs.mesh.front`). Of all vertices on them the one with the fewest faces left is the pivot; behind the half-edge
that leads on from it, the gate, there is

* nothing: a border of the mesh;
* a new vertex: its number of faces is coded, and whether it lies at a border;
* the vertex before the pivot on its loop (this completes the pivot), or the one behind the gate's end;
* any other vertex of the loop, which splits it, or one of another loop, which joins them.

As the numbers of faces are known (valences: Touma and Gotsman 1998), most of this follows; the pivots (Alliez and
Desbrun 2001) make splits rare; gates and splits are those of the cut-border machine (Gumhold and Strasser 1998), which
needs no dummy vertices at borders. Valences are coded under mixed adaptive models, see `necgs.mesh.bit_models`.
Vertices are numbered as they appear. Not more is stored than the number of faces, by the caller. An edge that more
than two faces use, or two in the same direction, becomes a border, see `twins`.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from bench.codec import CorruptArchive
from necgs.mesh.binary_coder import Coder, Integers, code_even, is_lost
from necgs.mesh.bit_models import code_adaptive, code_mixed
from necgs.mesh.compiled import inner
from necgs.mesh.front import (
    AT_BORDER,
    BACK,
    BEFORE,
    BEHIND,
    BORDER,
    FACES,
    GATE,
    GONE,
    LEFT,
    LISTED,
    MADE,
    NEW,
    NODES,
    ON,
    OPEN,
    OTHER,
    RIM,
    STATUS,
    VERTEX,
    VERTICES,
    VISITS,
    WAITING,
    Front,
    advance,
    before,
    begin,
    blank,
    is_tangled,
    look,
    preceding,
)

MOST = 24
"""Valences from here on are escaped: coded as a number behind this one."""

INPUTS = 3
LEFTS = 16
RIM_ROWS, GATE_ROWS, NEW_ROWS, CLOSE_ROWS, STRANGER, NEAR_ROWS, SPLIT_ROWS = 0, 4, 8, 12, 28, 29, 45
ESCAPES = SPLIT_ROWS + 16
MIXED = ESCAPES + 32
COUNT = MIXED + 2 * INPUTS * MOST * LEFTS
LIMIT = 60


@dataclass(frozen=True)
class Conquest:
    """A mesh in the order in which the coder visits it.

    Args:
        faces: (f, 3) int64, vertices numbered as they appear.
        origin: (v,) int64: each vertex's number in the input. An input vertex where several fans of faces meet is as
            many vertices here.
    """

    faces: Integers
    origin: Integers


def write_connectivity(coder: Coder, faces: Integers, known: tuple[Integers, Integers]) -> Conquest:
    """Append the faces (f, 3); their number is not written.

    Raises:
        ValueError: a face names a vertex twice; more loops and nodes than can be followed.
    """
    front = before(faces)
    _conquer(coder, *known, front)
    if is_tangled(front):
        raise ValueError("the faces are so tangled that their connectivity cannot be coded: use fewer")
    origin = np.empty(len(front.valence), dtype=np.int64)
    origin[front.number[front.fan]] = faces.ravel()
    return Conquest(front.faces, origin)


def read_connectivity(coder: Coder, count: int, known: tuple[Integers, Integers]) -> Integers:
    """``count`` faces (f, 3) int64; for damaged data any faces, in a time that grows with their number (`ended_well`).

    Raises:
        CorruptArchive: they take longer than those of any mesh.
    """
    front = blank(count)
    _conquer(coder, *known, front)
    if is_tangled(front):
        raise CorruptArchive(f"the coded connectivity is damaged: {count} faces take too long")
    return front.faces


@numba.njit(cache=True)
def _conquer(coder: Coder, table: Integers, weight: Integers, front: Front) -> None:
    """Both directions of the coder."""
    start, encodes = 0, len(front.twin) > 0
    while front.counts[FACES] < len(front.faces):
        while encodes and front.seen[start]:
            start += 1
        first = front.counts[VERTICES]
        begin(front, start)
        for vertex in range(first, first + 3):
            _code_valence(coder, table, weight, front, vertex, front.fan[3 * start + vertex - first] if encodes else 0)
        while front.counts[FACES] < len(front.faces):
            if is_lost(coder) or is_tangled(front):
                return
            pivot = _pivot(front)
            if pivot < 0:
                break
            while front.nodes[pivot, STATUS] == OPEN and front.counts[FACES] < len(front.faces):
                if is_tangled(front):
                    return
                _step(coder, table, weight, front, pivot)


@inner
def _pivot(front: Front) -> int:
    """The open node whose vertex has the fewest faces left, of several the oldest; -1 where none is open.

    A node that is no longer open never is again: it leaves the list.
    """
    best, found = np.int64(1) << 60, np.int64(-1)
    nodes, left, counts, kept = front.nodes, front.vertices[:, LEFT], front.counts, 0
    new = counts[MADE] - counts[LISTED]
    counts[VISITS] += counts[WAITING] + new
    for place in range(counts[WAITING] + new):
        node = front.waiting[place] if place < counts[WAITING] else counts[LISTED] + place - counts[WAITING]
        if nodes[node, STATUS] != OPEN:
            continue
        front.waiting[kept] = node
        kept += 1
        cost = 8 * left[nodes[node, VERTEX]] + min(left[nodes[nodes[node, ON], VERTEX]], 7)
        if cost < best:
            best, found = cost, node
    counts[LISTED], counts[WAITING] = counts[MADE], kept
    return found


@numba.njit(cache=True)
def _step(coder: Coder, table: Integers, weight: Integers, front: Front, pivot: int) -> None:
    """Code what lies behind the pivot's gate, and move the front."""
    symbol, other = OTHER, np.int64(-1)
    if len(front.twin):
        symbol, other = look(front, pivot)
    symbol = _code_symbol(coder, table, front, symbol, pivot)
    if symbol == OTHER:
        other = _code_other(coder, table, front, other, pivot)
        if other < 0:
            symbol = BORDER
    if symbol == BORDER:
        front.nodes[pivot, STATUS] = AT_BORDER
        return
    if symbol == NEW:
        vertex, fan = front.counts[VERTICES], np.int64(0)
        if len(front.twin):
            fan = front.fan[preceding(front.nodes[pivot, GATE])]
        a, b = front.nodes[pivot, VERTEX], front.nodes[front.nodes[pivot, ON], VERTEX]
        _code_valence(coder, table, weight, front, vertex, fan, a, b)
    advance(front, symbol, pivot, other)


@inner
def _code_symbol(coder: Coder, table: Integers, front: Front, symbol: int, pivot: int) -> int:
    """Write or read a symbol; most follow from the faces left."""
    nodes = front.nodes
    end = nodes[pivot, ON]
    p, q = front.vertices[nodes[pivot, VERTEX]], front.vertices[nodes[end, VERTEX]]
    if p[LEFT] <= 0 or q[LEFT] <= 0:
        return BORDER
    if p[RIM] and q[RIM]:
        row = GATE_ROWS + 2 * np.int64(nodes[nodes[pivot, BACK], STATUS] == OPEN) + np.int64(nodes[end, STATUS] == OPEN)
        if code_adaptive(coder, np.int64(symbol == BORDER), table[row], LIMIT):
            return BORDER
    for kind in (BEFORE, BEHIND):
        vertex = p if kind == BEFORE else q
        if nodes[nodes[pivot, BACK] if kind == BEFORE else end, STATUS] != OPEN:
            continue
        if vertex[NODES] > 1:
            row = CLOSE_ROWS + 2 * min(vertex[LEFT] - 1, 3) + vertex[RIM] + 8 * np.int64(vertex[NODES] > 2)
            if code_adaptive(coder, np.int64(symbol == kind), table[row], LIMIT):
                return kind
        elif vertex[LEFT] == 1 and not vertex[RIM]:
            return kind
    row = NEW_ROWS + np.int64(nodes[end, ON] == nodes[pivot, BACK]) + 2 * np.int64(p[LEFT] > 2)
    return NEW if code_adaptive(coder, np.int64(symbol == NEW), table[row], LIMIT) else OTHER


@numba.njit(cache=True)
def _code_valence(
    coder: Coder, table: Integers, weight: Integers, front: Front, vertex: int, fan: int, a: int = -1, b: int = -1
) -> None:
    """Write or read a new vertex's number of faces and its place; ``a`` and ``b`` are the gate's vertices."""
    valence, rim = np.int64(1), np.int64(0)
    if len(front.twin):
        valence, rim = front.valence[fan, 0], front.valence[fan, 1]
    near = np.int64(0) if a < 0 else front.vertices[a, RIM] + front.vertices[b, RIM] + 1
    rim = code_adaptive(coder, rim, table[RIM_ROWS + near], 250)
    rows, value = np.empty(INPUTS, dtype=np.int64), np.int64(1)
    left_a, left_b = np.int64(0), np.int64(0)
    if a >= 0:
        left_a, left_b = min(front.vertices[a, LEFT], LEFTS - 1), min(front.vertices[b, LEFT], LEFTS - 1)
    base = MIXED + rim * INPUTS * MOST * LEFTS
    while value < MOST:
        rows[0] = base + value * LEFTS + left_a
        rows[1] = base + MOST * LEFTS + value * LEFTS + left_b
        rows[2] = base + 2 * MOST * LEFTS + value * LEFTS
        if code_mixed(coder, np.int64(value == valence), table, rows, weight[rim * MOST + value], LIMIT):
            break
        value += 1
    if value == MOST:
        value += code_number(coder, valence - MOST, table[ESCAPES:MIXED])
    front.vertices[vertex, LEFT], front.vertices[vertex, RIM] = value, rim
    front.vertices[vertex, NODES] = 1 if a < 0 else 0
    if a < 0:
        front.vertices[vertex, LEFT] -= 1


@inner
def code_number(coder: Coder, value: int, table: Integers) -> int:
    """Write or read a number from 0 on: its length in bits one by one, then the bits, under 32 models."""
    length = 0
    while length < 30 and code_adaptive(coder, np.int64((value + 1) >> (length + 1) > 0), table[length], LIMIT):
        length += 1
    found = np.int64(1)
    for bit in range(length - 1, -1, -1):
        found = 2 * found + code_even(coder, ((value + 1) >> bit) & 1, 2)
    return found - 1


@numba.njit(cache=True)
def _code_other(coder: Coder, table: Integers, front: Front, other: int, pivot: int) -> int:
    """Write or read a node of the loop, or else of another loop; -1 without one.

    A neighbour of the gate is among them: at cut edges two borders may join the same vertices.
    """
    nodes = front.nodes
    first = nodes[nodes[pivot, ON], ON]
    own, index, current = 0, -1, first
    while current != pivot:
        if current == other:
            index = own
        own, current = own + 1, nodes[current, ON]
    front.counts[VISITS] += own
    if own == 0 or code_adaptive(coder, np.int64(index < 0), table[STRANGER], LIMIT):
        return _code_stranger(coder, front, other, pivot)
    index = _code_place(coder, table, index, own)
    for _ in range(index):
        first = nodes[first, ON]
    return first


@inner
def _code_place(coder: Coder, table: Integers, index: int, count: int) -> int:
    """Write or read one of 0..count-1: near one of the ends, but not there, or anywhere."""
    for near in range(min(max(count - 2, 0), 8)):
        place = 1 + (near >> 1) if near % 2 == 0 else count - 2 - (near >> 1)
        if code_adaptive(coder, np.int64(index == place), table[NEAR_ROWS + near], LIMIT):
            return place
    return code_even(coder, index, count)


@numba.njit(cache=True)
def _code_stranger(coder: Coder, front: Front, other: int, pivot: int) -> int:
    """Write or read a node of another loop; -1 where there is none."""
    made = front.counts[MADE]
    front.counts[VISITS] += made
    own, current = np.zeros(made, dtype=np.bool_), np.int64(pivot)
    while not own[current]:
        own[current] = True
        current = front.nodes[current, ON]
    strangers = np.flatnonzero(~own & (front.nodes[:made, STATUS] != GONE))
    if not len(strangers):
        return -1
    return strangers[code_even(coder, np.searchsorted(strangers, other), len(strangers))]
