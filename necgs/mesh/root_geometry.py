"""Vertices of a mesh on a lattice, by themselves: what a shape costs that is predicted from no other.

For every coordinate several predictors compete (see `necgs.mesh.mixture`): the mean of the Gaussian field of the whole
mesh, with two widths that follow how well the neighbours were predicted; a parallelogram, with two widths, and as it
is; the mean of all parallelograms at hand; the same coordinate as a vertex of the triangle next to it, which machine
parts are full of; what values were seen before. Bodies choose the field, parts the parallelogram and the equal
coordinates, on their own. Parts of flat strips are coded plainly: without a field, vertices that most triangles predict
come first.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import Coder, Integers, is_lost
from necgs.mesh.corner_table import twins
from necgs.mesh.gaussian_field import (
    DEVIATION_BITS,
    Field,
    diamonds,
    field_of,
    mean,
    neighbours,
    no_field,
    well_predicted_first,
)
from necgs.mesh.mixture import (
    BINS,
    EVIDENCE_BITS,
    HISTOGRAMS,
    RATE,
    UNIT_BITS,
    bits_of,
    code_value,
    enter,
    learn,
    weigh,
)

FIELD, FIELD_WIDE, GATE, GATE_WIDE, SEVERAL, SAME_A, SAME_B, SAME_C, EACH = range(9)
MOST_EACH = 4
KINDS = EACH + MOST_EACH
SEEN, MISSED, EVEN = KINDS, KINDS + 1, KINDS + 2
LONE: Integers = np.array([SAME_A <= kind <= SAME_C or kind >= SEEN for kind in range(EVEN + 1)], dtype=np.int64)
SPIKE = 2
SHARP = 14
SHIFT = 6
SCALE_START = 24

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scaffold:
    """What predictors need to know of the connectivity.

    Args:
        field: the Gaussian field.
        gates: (v, 3): for each place in its order a triangle next to the vertex: ends of the common edge, far vertex;
            -1 without one.
        begins, near: neighbours, see `neighbours`.
        pair_begins, pairs: per place, all such triangles.
    """

    field: Field
    gates: Integers
    begins: Integers
    near: Integers
    pair_begins: Integers
    pairs: Integers


def scaffold(faces: Integers, count: int, plain: bool) -> Scaffold:
    """The scaffold of faces (f, 3) over ``count`` vertices; a ``plain`` one has another order, and no field."""
    twin = twins(faces)
    rows = diamonds(faces, twin)
    rows = np.concatenate([rows[:, [0, 1, 2, 3]], rows[:, [0, 1, 3, 2]]])  # ends, far vertex, vertex to predict
    field = no_field(well_predicted_first(faces, rows, count)) if plain else field_of(faces, twin, count)
    place = np.empty(count, dtype=np.int64)
    place[field.order] = np.arange(count)
    rows = rows[(place[rows[:, :3]] < place[rows[:, 3:]]).all(axis=1)]
    target = place[rows[:, 3]]
    latest = place[rows[:, :3]].max(axis=1)
    order = np.lexsort((-latest, target))
    rows, target = rows[order], target[order]
    pair_begins = np.searchsorted(target, np.arange(count + 1))
    gates = np.full((count, 3), -1, dtype=np.int64)
    has = pair_begins[:-1] < pair_begins[1:]
    gates[has] = rows[pair_begins[:-1][has], :3]
    return Scaffold(field, gates, *neighbours(faces, twin, count), pair_begins, np.ascontiguousarray(rows[:, :3]))


def write_vertices(
    coder: Coder, frame: Scaffold, wanted: Floats, count: int, weights: Integers, hessians: Floats, price: float
) -> Integers:
    """Append the lattice points (v, 3) in 0..count-1 nearest to ``wanted``, or cheaper ones; returns what was coded.

    Args:
        wanted: (v, 3) float64, in steps of the lattice.
        hessians: (v, 3, 3): the distortion of moving a vertex by d steps is d^T H d / 2; empty: code as they are.
        price: of a bit, in the same unit.
    """
    return _code(coder, *_flat(frame), wanted, count, weights, hessians, price)


def read_vertices(coder: Coder, frame: Scaffold, count: int, weights: Integers) -> Integers:
    """Lattice points (v, 3) in 0..count-1."""
    nothing = np.zeros((len(frame.gates), 3))
    return _code(coder, *_flat(frame), nothing, count, weights, np.zeros((0, 3, 3)), 0.0)


def _flat(frame: Scaffold) -> tuple[Integers, ...]:
    field = frame.field
    return (
        field.order, field.first, field.start, field.factors, field.deviation, frame.gates, frame.begins, frame.near,
        frame.pair_begins, frame.pairs,
    )  # fmt: skip


@numba.njit(cache=True)
def _code(
    coder: Coder, order: Integers, first: Integers, start: Integers, factors: Integers, deviation: Integers,
    gates: Integers, begins: Integers, near: Integers, pair_begins: Integers, pairs: Integers, wanted: Floats,
    count: int, weights: Integers, hessians: Floats, price: float,
) -> Integers:  # fmt: skip
    """Both directions of the coder."""
    total = len(order)
    placed, coded = np.zeros((3, total), dtype=np.int64), np.zeros((total, 3), dtype=np.int64)
    activity = np.full((total, 2), -1, dtype=np.int64)
    overall = np.array([SCALE_START, 16, 1])
    centres, widths = np.zeros((3, KINDS), dtype=np.int64), np.ones((3, KINDS), dtype=np.int64)
    cases, rates = np.zeros(3, dtype=np.int64), np.zeros((3, KINDS), dtype=np.int64)
    evidence, mixing = np.zeros(EVEN + 1, dtype=np.int64), np.zeros(EVEN + 1, dtype=np.int64)
    sums, places = np.zeros((3, HISTOGRAMS, BINS + 1), dtype=np.int64), np.zeros((3, HISTOGRAMS, 3), dtype=np.int64)
    while count >> places[0, 0, 1] > BINS:
        places[:, 0, 1] += 1
    chance = np.zeros(EVEN + 1, dtype=np.int64)
    half, point, plain = count >> 1, np.zeros(3, dtype=np.int64), start[total] == 0
    for k in range(total):
        if is_lost(coder):
            break
        vertex = order[k]
        here = factors[start[k] : start[k + 1]]
        for axis in range(3):
            if plain:
                centres[axis, :2] = (coded[order[k - 1], axis] if k else half) << UNIT_BITS
            else:
                centres[axis, :2] = mean(here, first[k], placed[axis], UNIT_BITS) + (half << UNIT_BITS)
        span = _opinions(
            k, vertex, deviation[k], gates[k], begins, near, pairs[pair_begins[k] : pair_begins[k + 1]], coded,
            activity, overall, centres, widths, cases,
        )  # fmt: skip
        for axis in range(3):
            for i in range(KINDS):
                rates[axis, i] = RATE // widths[axis, i] if widths[axis, i] else 0
        if plain and gates[k, 0] >= 0:
            centres[:, FIELD] = centres[:, FIELD_WIDE] = centres[:, SEVERAL]
        for axis in range(3):
            point[axis] = min(max(np.int64(np.floor(wanted[vertex, axis] + 0.5)), 0), count - 1)
            places[axis, 1, 0] = (centres[axis, GATE] >> UNIT_BITS) - (BINS >> 1)
        if len(hessians) and price > 0:
            _choose(point, wanted[vertex], count, centres, rates, cases, weights, sums, places, hessians[vertex], price)
        evidence[:] = 1 << EVIDENCE_BITS
        missed = np.zeros(2, dtype=np.int64)
        for axis in range(3):
            row = weights[cases[axis]]
            weigh(row, evidence, rates[axis], sums[axis], mixing)
            value = code_value(coder, point[axis], count, centres[axis], rates[axis], mixing, sums[axis], places[axis])
            learn(
                value,
                count,
                centres[axis],
                rates[axis],
                mixing,
                sums[axis],
                places[axis],
                row,
                evidence,
                LONE,
                SHIFT,
                chance,
            )
            for i in range(HISTOGRAMS):
                enter(value, i, sums[axis], places[axis])
            coded[vertex, axis], placed[axis, k] = value, value - half
            missed[0] += abs((value << UNIT_BITS) - centres[axis, FIELD])
            missed[1] += abs((value << UNIT_BITS) - centres[axis, GATE])
        activity[vertex, 0] = min((missed[0] << DEVIATION_BITS) // (3 * deviation[k]), 1 << 20)
        activity[vertex, 1] = min((missed[1] << 4) // (3 * span), 1 << 10)
        overall[0] += activity[vertex, 0]
        overall[1] += activity[vertex, 1]
        overall[2] += 1
    return coded


@numba.njit(cache=True)
def _opinions(
    k: int, vertex: int, deviation: int, gate: Integers, begins: Integers, near: Integers, pairs: Integers,
    coded: Integers, activity: Integers, overall: Integers, centres: Integers, widths: Integers, cases: Integers,
) -> int:  # fmt: skip
    """Centres and widths of all predictors but the field's centre, and the case of each axis; the gate's size."""
    heard, loud = np.zeros(2, dtype=np.int64), np.int64(1)
    for i in range(2):
        heard[i] = overall[i] // overall[2]
    for i in range(begins[vertex], begins[vertex + 1]):
        if activity[near[i], 0] >= 0:
            heard[0] += activity[near[i], 0]
            heard[1] += activity[near[i], 1]
            loud += 1
    width = max((deviation * heard[0] // loud) >> DEVIATION_BITS, 2)
    span = np.int64(1)
    for axis in range(3):
        widths[axis, FIELD], widths[axis, FIELD_WIDE] = (width * 7 >> 4) + 2, (width * 22 >> 4) + 2
        widths[axis, GATE:] = 0
        cases[axis] = 0
    if gate[0] < 0:
        for axis in range(3):
            centres[axis, GATE] = centres[axis, FIELD]
        return 16 << UNIT_BITS
    a, b, c = coded[gate[0]], coded[gate[1]], coded[gate[2]]
    for axis in range(3):
        span += abs(a[axis] - b[axis]) + abs(a[axis] - c[axis]) + abs(b[axis] - c[axis])
    span = (span << UNIT_BITS) // 6 + 8
    wide = max(span * (heard[1] // loud) >> 4, 2)
    for axis in range(3):
        x, y, z = a[axis], b[axis], c[axis]
        centres[axis, GATE] = centres[axis, GATE_WIDE] = (x + y - z) << UNIT_BITS
        total = np.int64(0)
        for i, pair in enumerate(pairs):
            corner = coded[pair[0], axis] + coded[pair[1], axis] - coded[pair[2], axis]
            total += corner
            if i < MOST_EACH:
                centres[axis, EACH + i], widths[axis, EACH + i] = corner << UNIT_BITS, SHARP
        centres[axis, SEVERAL] = (total << UNIT_BITS) // len(pairs)
        centres[axis, SAME_A], centres[axis, SAME_B], centres[axis, SAME_C] = (
            x << UNIT_BITS,
            y << UNIT_BITS,
            z << UNIT_BITS,
        )
        widths[axis, GATE], widths[axis, GATE_WIDE] = (wide * 6 >> 4) + 1, (wide * 22 >> 4) + 2
        widths[axis, SAME_A] = widths[axis, SAME_B] = widths[axis, SAME_C] = SPIKE
        widths[axis, SEVERAL] = (wide * 11 >> 4) + 2
        cases[axis] = 1
        if x == y:
            cases[axis] = 5 if y == z else 2
        elif x == z:
            cases[axis] = 3
        elif y == z:
            cases[axis] = 4
    return span


@numba.njit(cache=True)
def _choose(
    point: Integers, wanted: Floats, count: int, centres: Integers, rates: Integers, cases: Integers,
    weights: Integers, sums: Integers, places: Integers, hessian: Floats, price: float,
) -> None:  # fmt: skip
    """Move ``point`` to the lattice point about it with the least distortion plus price of its bits (encoder only)."""
    cost = np.full((3, 3), 1e30)
    evidence, mixing = np.full(EVEN + 1, 1 << EVIDENCE_BITS), np.zeros(EVEN + 1, dtype=np.int64)
    for axis in range(3):
        weigh(weights[cases[axis]], evidence, rates[axis], sums[axis], mixing)
        for i in range(3):
            value = point[axis] + i - 1
            if 0 <= value < count:
                cost[axis, i] = bits_of(value, count, centres[axis], rates[axis], mixing, sums[axis], places[axis])
    best, found = 1e300, 13
    missed = np.zeros(3)
    for i in range(27):
        picks = (i // 9, i // 3 % 3, i % 3)
        value = 0.0
        for axis in range(3):
            missed[axis] = point[axis] + picks[axis] - 1 - wanted[axis]
            value += price * cost[axis, picks[axis]]
        for a in range(3):
            for b in range(3):
                value += 0.5 * missed[a] * hessian[a, b] * missed[b]
        if value < best:
            best, found = value, i
    point[0] += found // 9 - 1
    point[1] += found // 3 % 3 - 1
    point[2] += found % 3 - 1
