"""Vertices as a Gaussian field: the best linear prediction of each from all that come before it, in integers.

Two triangles that share an edge tend to form a parallelogram. The sum of the squares of how far they miss it, over all
edges, is the energy of a Gaussian field (plus a little of the edges' squared lengths, which holds borders and single
triangles). Eliminating the vertices from the last to the first (L D L^T by rows) gives each one's mean given the ones
before it, whatever comes later being unknown, and its variance: what parallelogram predictors approximate by the one
to five parallelograms at hand.

All numbers are 64-bit integers with `ONE` as one, and every division rounds down: encoder and decoder agree.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numba
import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.fixed_point import root

ONE_BITS = 24
ONE = 1 << ONE_BITS
STRETCH = ONE >> 7
"""Weight of an edge's squared length, beside a parallelogram's 1."""

RIDGE = ONE >> 14
DEVIATION_BITS = 10
_EVEN = 1 << DEVIATION_BITS
MAX_WORK = 1 << 29
"""Multiplications that a factorisation may take: about half a second. Larger meshes go without a field."""


@dataclass(frozen=True)
class Field:
    """The predictions of n vertices.

    Args:
        order: (n,) int64: which vertex comes when; neighbours near each other.
        first: (n,) int64: the earliest place that the prediction at a place looks at.
        start: (n + 1,) int64: where a place's factors begin.
        factors: of the vertices at places ``first[k]`` to ``k - 1``, in units of 1 / `ONE`.
        deviation: (n,) int64: expected size of a residual, in relation to each other, units of 2^-10.
    """

    order: Integers
    first: Integers
    start: Integers
    factors: Integers
    deviation: Integers


@numba.njit(cache=True)
def neighbours(faces: Integers, twin: Integers, count: int) -> tuple[Integers, Integers]:
    """Vertices that share an edge: (count + 1,) where each one's begin, and their numbers.

    At an edge with more than two faces they are listed once for each.
    """
    begins = np.zeros(count + 2, dtype=np.int64)
    for h in range(len(twin)):
        begins[faces[h // 3, h % 3] + 2] += 1
        if twin[h] < 0:
            begins[faces[h // 3, (h + 1) % 3] + 2] += 1
    for vertex in range(count):
        begins[vertex + 2] += begins[vertex + 1]
    near = np.empty(begins[count + 1], dtype=np.int64)
    for h in range(len(twin)):
        a, b = faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3]
        near[begins[a + 1]] = b
        begins[a + 1] += 1
        if twin[h] < 0:
            near[begins[b + 1]] = a
            begins[b + 1] += 1
    return begins[: count + 1], near


def diamonds(faces: Integers, twin: Integers) -> Integers:
    """Pairs of triangles: (e, 4) int64, the ends of their common edge and the two vertices opposite of it."""
    corner = np.flatnonzero((twin >= 0) & (np.arange(len(twin)) < twin))
    flat = faces.ravel()

    def turned(at: Integers, by: int) -> Integers:
        picked: Integers = flat[at - at % 3 + (at + by) % 3]
        return picked

    return np.stack([turned(corner, 0), turned(corner, 1), turned(corner, 2), turned(twin[corner], 2)], axis=1)


def field_of(faces: Integers, twin: Integers, count: int) -> Field:
    """The field of a mesh; one that predicts nothing where it would take more than `MAX_WORK`."""
    begins, near = neighbours(faces, twin, count)
    order = _breadth_first(begins, near)
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    pairs = place[diamonds(faces, twin)]
    first = _first(place, begins, near, pairs)
    width = np.arange(count) - first
    if int((width * width).sum()) > MAX_WORK:
        return no_field(order)
    start = np.concatenate([[0], np.cumsum(width)])
    factors, deviation = _factorise(first, start, pairs, place, begins, near)
    return Field(order, first, start, factors, deviation)


def no_field(order: Integers) -> Field:
    """A field that predicts nothing, of vertices in this order."""
    count, nothing = len(order), np.zeros(0, dtype=np.int64)
    return Field(order, np.arange(count), np.zeros(count + 1, dtype=np.int64), nothing, np.full(count, _EVEN))


def well_predicted_first(faces: Integers, rows: Integers, count: int) -> Integers:
    """Vertices (count,) in an order that puts those next that most pairs of triangles predict; the latest first.

    The order of Draco's traversal by prediction degree. It goes along the flat strips that machine parts consist of.

    Args:
        faces: (f, 3).
        rows: (r, 4): three vertices and the one that they predict.
    """
    members = rows[:, :3].ravel()
    of_vertex = np.argsort(members, kind="stable")
    return _by_degree(faces, rows, of_vertex, np.searchsorted(members[of_vertex], np.arange(count + 1)))


@numba.njit(cache=True)
def _by_degree(faces: Integers, rows: Integers, of_vertex: Integers, begins: Integers) -> Integers:
    count = len(begins) - 1
    order, done, filled = np.empty(count, dtype=np.int64), np.zeros(count, dtype=np.bool_), 0
    degree, missing, pushes = np.zeros(count, dtype=np.int64), np.full(len(rows), 3), 0
    heap = [(np.int64(0), np.int64(0), np.int64(0))]
    heap.pop()
    for corner in range(3 * len(faces)):
        vertex = faces[corner // 3, corner % 3]
        while True:
            if not done[vertex]:
                order[filled], done[vertex] = vertex, True
                filled += 1
                for i in range(begins[vertex], begins[vertex + 1]):
                    row = of_vertex[i] // 3
                    missing[row] -= 1
                    target = rows[row, 3]
                    if missing[row] == 0 and not done[target]:
                        degree[target] += 1
                        pushes += 1
                        heapq.heappush(heap, (-degree[target], np.int64(-pushes), target))
            if len(heap) == 0 or corner % 3 < 2:
                break
            vertex = heapq.heappop(heap)[2]
    return order


@numba.njit(cache=True)
def _breadth_first(begins: Integers, near: Integers) -> Integers:
    """Vertices by distance in edges, each component from an end of it."""
    count = len(begins) - 1
    order, seen = np.empty(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    filled = 0
    for vertex in range(count):
        if seen[vertex] == 2:
            continue
        source = np.int64(vertex)
        for sweep in (1, 2):
            order[filled], seen[source], end, head = source, sweep, filled + 1, filled
            while head < end:
                for i in range(begins[order[head]], begins[order[head] + 1]):
                    if seen[near[i]] < sweep:
                        seen[near[i]] = sweep
                        order[end] = near[i]
                        end += 1
                head += 1
            source = order[end - 1]
        filled = end
    return order


@numba.njit(cache=True)
def _first(place: Integers, begins: Integers, near: Integers, pairs: Integers) -> Integers:
    """Earliest place linked to each place or to a later one that reaches over it."""
    first = np.arange(len(place))
    for vertex in range(len(place)):
        for i in range(begins[vertex], begins[vertex + 1]):
            first[place[vertex]] = min(first[place[vertex]], place[near[i]])
    for pair in pairs:
        low = pair.min()
        for end in pair:
            first[end] = min(first[end], low)
    for k in range(len(place) - 2, -1, -1):
        first[k] = min(first[k], first[k + 1])
    return first


@numba.njit(cache=True)
def _factorise(
    first: Integers, start: Integers, pairs: Integers, place: Integers, begins: Integers, near: Integers
) -> tuple[Integers, Integers]:
    """Energy's matrix, then its elimination from the last vertex to the first."""
    count = len(first)
    lower, diagonal = np.zeros(start[count], dtype=np.int64), np.full(count, RIDGE)
    signs = np.array([1, 1, -1, -1])
    for pair in pairs:
        for a in range(4):
            for b in range(4):
                if pair[a] == pair[b]:
                    diagonal[pair[a]] += ONE * signs[a] * signs[b]
                elif pair[b] < pair[a]:
                    lower[start[pair[a]] + pair[b] - first[pair[a]]] += ONE * signs[a] * signs[b]
    for vertex in range(count):
        k = place[vertex]
        for i in range(begins[vertex], begins[vertex + 1]):
            diagonal[k] += STRETCH
            if place[near[i]] < k:
                lower[start[k] + place[near[i]] - first[k]] -= STRETCH
    deviation = np.empty(count, dtype=np.int64)
    for k in range(count - 1, -1, -1):
        pivot = max(diagonal[k], RIDGE)
        deviation[k] = max(root((np.int64(1) << (ONE_BITS + 2 * DEVIATION_BITS)) // pivot), 1)
        row = lower[start[k] : start[k + 1]]
        for i in range(len(row)):
            value = row[i]
            if value == 0:
                continue
            factor = (value << ONE_BITS) // pivot
            at = first[k] + i
            other = lower[start[at] : start[at + 1]]
            shift = first[k] - first[at]
            for j in range(i):
                other[shift + j] -= (factor * row[j]) >> ONE_BITS
            diagonal[at] -= (factor * value) >> ONE_BITS
        for i in range(len(row)):
            row[i] = -((row[i] << ONE_BITS) // pivot)
    return lower, deviation


@numba.njit(cache=True)
def mean(factors: Integers, first: int, values: Integers, bits: int) -> int:
    """Prediction from the values at places ``first`` on, in 2^-bits of their unit."""
    total = np.int64(0)
    for i in range(len(factors)):
        total += factors[i] * values[first + i]
    return total >> (ONE_BITS - bits)
