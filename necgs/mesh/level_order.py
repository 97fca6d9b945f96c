"""The order in which the vertices of a group's shapes are coded, from the root shape alone.

Farthest first: each vertex is as far as can be, along edges, from those before it (Gonzalez 1985), so the coded ones
always cover the shape evenly. They are coded in levels, each 1.6 times as long as all before; a vertex is predicted
from the twelve nearest of earlier levels. Lengths are integers, so both sides find the same.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numba
import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.corner_table import twins
from necgs.mesh.fixed_point import CUBE_BITS, root
from necgs.mesh.gaussian_field import neighbours

NEAREST = 12
FIRST_LEVELS = (1, 2, 4)
GROWTH = (8, 5)
FAR = 1 << 40
WEIGHT_BITS = 24
"""Weight 2^24 / (2^10 d / d_last + 102)^2 of a neighbour at distance d: 1600 next to the vertex, 13 at the end."""


@dataclass(frozen=True)
class Level:
    """Vertices that are predicted at the same time.

    Args:
        vertices: (m,) int64.
        near: (m, k) int64, k <= 12: the nearest coded vertices, nearest first; k = 0 in the first level.
        weights: (m, k) int64.
        distance: (m,) int64: to the nearest one, in 2^-20.
    """

    vertices: Integers
    near: Integers
    weights: Integers
    distance: Integers


def levels_of(points: Integers, faces: Integers) -> tuple[Level, ...]:
    """The levels of a root shape: points (v, 3) int64 in 2^-20 of the cube's half side, faces (f, 3)."""
    begins, near = neighbours(faces, twins(faces), len(points))
    lengths = _lengths(points, begins, near)
    order = _farthest_first(begins, near, lengths)
    rank = np.empty(len(points), dtype=np.int64)
    rank[order] = np.arange(len(points))
    found, at = [], 0
    for end in _ends(len(points)):
        vertices = order[at:end]
        if at:
            close, distance = _nearest(vertices, at, order, rank, begins, near, lengths, points, min(NEAREST, at))
            last = np.maximum(distance[:, -1:], 1)
            weights = (1 << WEIGHT_BITS) // ((distance << 10) // last + 102) ** 2
            found.append(Level(vertices, close, weights, distance[:, 0].copy()))
        else:
            nothing = np.zeros((end, 0), dtype=np.int64)
            found.append(Level(vertices, nothing, nothing, np.full(end, 1 << CUBE_BITS - 2)))
        at = end
    return tuple(found)


def _ends(count: int) -> list[int]:
    """Where levels end: 1, 2, 4, 7, 12, 20, ... vertices."""
    ends = list(FIRST_LEVELS)
    while ends[-1] < count:
        ends.append(-(-ends[-1] * GROWTH[0] // GROWTH[1]))
    return [end for end in ends if end < count] + [count]


@numba.njit(cache=True)
def _lengths(points: Integers, begins: Integers, near: Integers) -> Integers:
    """Of every link of `neighbours`; 1 at least."""
    lengths = np.empty(len(near), dtype=np.int64)
    for vertex in range(len(points)):
        for i in range(begins[vertex], begins[vertex + 1]):
            square = np.int64(0)
            for axis in range(3):
                square += (points[vertex, axis] - points[near[i], axis]) ** 2
            lengths[i] = max(root(square), 1)
    return lengths


@numba.njit(cache=True)
def _farthest_first(begins: Integers, near: Integers, lengths: Integers) -> Integers:
    count = len(begins) - 1
    distance, order = np.full(count, FAR), np.empty(count, dtype=np.int64)
    taken = np.zeros(count, dtype=np.bool_)
    farthest = [(np.int64(-FAR), np.int64(0))]
    for vertex in range(1, count):
        farthest.append((np.int64(-FAR), np.int64(vertex)))
    filled = 0
    while filled < count:
        minus, vertex = heapq.heappop(farthest)
        if taken[vertex]:
            continue
        if -minus != distance[vertex]:
            heapq.heappush(farthest, (-distance[vertex], vertex))
            continue
        order[filled], taken[vertex], distance[vertex] = vertex, True, 0
        filled += 1
        ahead = [(np.int64(0), vertex)]
        while len(ahead):
            walked, here = heapq.heappop(ahead)
            if walked > distance[here]:
                continue
            for i in range(begins[here], begins[here + 1]):
                if walked + lengths[i] < distance[near[i]]:
                    distance[near[i]] = walked + lengths[i]
                    heapq.heappush(ahead, (walked + lengths[i], near[i]))
    return order


@numba.njit(cache=True)
def _nearest(
    vertices: Integers, coded: int, order: Integers, rank: Integers, begins: Integers, near: Integers,
    lengths: Integers, points: Integers, wanted: int,
) -> tuple[Integers, Integers]:  # fmt: skip
    """For each vertex the ``wanted`` nearest of the first ``coded``: along edges, or straight where those are fewer."""
    count = len(rank)
    close, distance = (
        np.empty((len(vertices), wanted), dtype=np.int64),
        np.empty((len(vertices), wanted), dtype=np.int64),
    )
    best, stamp = np.empty(count, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    for m in range(len(vertices)):
        found, start = 0, vertices[m]
        best[start], stamp[start] = 0, m
        ahead = [(np.int64(0), start)]
        while len(ahead) and found < wanted:
            walked, here = heapq.heappop(ahead)
            if walked > best[here]:
                continue
            if rank[here] < coded:
                close[m, found], distance[m, found] = here, walked
                found += 1
            for i in range(begins[here], begins[here + 1]):
                there = near[i]
                if stamp[there] != m or walked + lengths[i] < best[there]:
                    best[there], stamp[there] = walked + lengths[i], m
                    heapq.heappush(ahead, (walked + lengths[i], there))
        if found < wanted:
            _through_air(points, start, order[:coded], close[m], distance[m])
    return close, distance


@numba.njit(cache=True)
def _through_air(points: Integers, start: int, coded: Integers, close: Integers, distance: Integers) -> None:
    """The nearest coded vertices by straight distance; of equally near ones those that were coded first."""
    found, wanted = 0, len(close)
    for vertex in coded:
        square = np.int64(0)
        for axis in range(3):
            square += (points[start, axis] - points[vertex, axis]) ** 2
        if found == wanted and square >= distance[wanted - 1] ** 2:
            continue
        far = root(square)
        if found == wanted and far >= distance[wanted - 1]:
            continue
        place = min(found, wanted - 1)
        while place > 0 and distance[place - 1] > far:
            close[place], distance[place] = close[place - 1], distance[place - 1]
            place -= 1
        close[place], distance[place] = vertex, far
        found = min(found + 1, wanted)
