"""Vertices of a shape predicted from reference shapes of the same connectivity, in integers.

The coded neighbours of a vertex are aligned with the same vertices of each reference by a rotation and a shift; the
vertex's place in the reference goes along. Predictions are averaged by 1 / alignment error^3. The residual is coded in
a local frame: along the surface's normal, and along two tangents, where errors hardly matter.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.compiled import inner
from necgs.mesh.fixed_point import (
    CUBE_BITS,
    TURN_BITS,
    UNIT_BITS,
    Matrix,
    log16,
    nearest_rotation,
    root,
    unit,
)
from necgs.mesh.level_order import Level

FEATURES = 5
"""Logarithms of alignment error, spread of the references, distance and neighbours' residuals; one."""

LEAST_ERROR = 1 << 10
MOST_ERROR = 1 << 19
FIRST_ERROR = CUBE_BITS - 4
FLOOR = 300
"""Added to errors and residuals before their logarithm is taken: 3e-4 of the cube."""

ACTIVE = 4
"""Coded neighbours whose residuals are looked at."""

QUIET = 1 << CUBE_BITS - 6

_ONE = np.int64(1 << TURN_BITS)
_NONE = np.int64(0)
_UNTURNED = (_ONE, _NONE, _NONE, _NONE, _ONE, _NONE, _NONE, _NONE, _ONE)


@dataclass(frozen=True)
class References:
    """Shapes to predict from.

    Args:
        points: (r, v, 3) int64, in 2^-20.
        normals: (r, v, 3) int64 of length 2^14.
    """

    points: Integers
    normals: Integers


@dataclass(frozen=True)
class Prediction:
    """What is known of a level's vertices before they are coded.

    Args:
        points: (m, 3) int64, in 2^-20.
        frames: (m, 3, 3) int64: rows are normal and tangents, of length 2^14.
        features: (m, 5) int64: logarithms in sixteenths of an octave.
    """

    points: Integers
    frames: Integers
    features: Integers


class Scratch(NamedTuple):
    """Arrays that prediction writes to, of what each of r references says of one vertex with k neighbours.

    Args:
        guess, normal: (r, 3).
        error, trust: (r,).
        here, placed: (3,), (k, 3): middle of the coded neighbours, and their places about it.
        there, apart: (3,), (k, 3): the same of a reference.
    """

    guess: Integers
    normal: Integers
    error: Integers
    trust: Integers
    here: Integers
    placed: Integers
    there: Integers
    apart: Integers


def predict(level: Level, known: References, current: Integers, activity: Integers) -> Prediction:
    """Predict a level.

    Args:
        current: (v, 3) int64: positions of the vertices coded so far.
        activity: (v,) int64: the mean size of their residuals, in 2^-20.
    """
    made = _predict(
        level.vertices, level.near, level.weights, level.distance, known.points, known.normals, current, activity
    )
    return Prediction(*made)


@numba.njit(cache=True)
def _predict(
    vertices: Integers, near: Integers, weights: Integers, distance: Integers, refs: Integers, normals: Integers,
    current: Integers, activity: Integers,
) -> tuple[Integers, Integers, Integers]:  # fmt: skip
    count, shapes = len(vertices), len(refs)
    points, frames = np.zeros((count, 3), dtype=np.int64), np.zeros((count, 3, 3), dtype=np.int64)
    features = np.zeros((count, FEATURES), dtype=np.int64)
    rows, middles = np.zeros((3, near.shape[1], 3), dtype=np.int64), np.zeros((2, 3), dtype=np.int64)
    scratch = Scratch(
        np.zeros((shapes, 3), dtype=np.int64), np.zeros((shapes, 3), dtype=np.int64), np.zeros(shapes, dtype=np.int64),
        np.zeros(shapes, dtype=np.int64), middles[0], rows[0], middles[1], rows[1],
    )  # fmt: skip
    _fill(vertices, near, weights, refs, normals, current, scratch, points, frames, features)
    for m in range(count):
        quiet = np.int64(0)
        for j in range(min(ACTIVE, near.shape[1])):
            quiet += activity[near[m, j]]
        quiet = quiet // min(ACTIVE, near.shape[1]) if near.shape[1] else np.int64(QUIET)
        features[m, 2] = log16(distance[m] + 4 * FLOOR)
        features[m, 3] = log16(quiet + FLOOR)
        features[m, 4] = 16
    return points, frames, features


@inner
def _fill(
    vertices: Integers, near: Integers, weights: Integers, refs: Integers, normals: Integers, current: Integers,
    scratch: Scratch, points: Integers, frames: Integers, features: Integers,
) -> None:  # fmt: skip
    """Points, frames, and the first two features, of arrays of zeros."""
    guess, normal, error, trust = scratch.guess, scratch.normal, scratch.error, scratch.trust
    for m in range(len(vertices)):
        _centre(current, near[m], weights[m], scratch.here, scratch.placed)
        for r in range(len(refs)):
            error[r], turn = _align(refs[r], vertices[m], near[m], weights[m], scratch, guess[r])
            x, y, z = normals[r, vertices[m], 0], normals[r, vertices[m], 1], normals[r, vertices[m], 2]
            for i in range(3):
                normal[r, i] = (turn[3 * i] * x + turn[3 * i + 1] * y + turn[3 * i + 2] * z) >> TURN_BITS
            held = min(root(error[r] * error[r] + LEAST_ERROR * LEAST_ERROR), MOST_ERROR)
            trust[r] = (np.int64(1) << 60) // (held * held * held)
        total, sum_of_trust = np.int64(0), trust.sum()
        mean_error, spread = np.int64(0), np.int64(0)
        for r in range(len(refs)):
            trust[r] = max((trust[r] << 16) // sum_of_trust, 1)
            total += trust[r]
        for i in range(3):
            for r in range(len(refs)):
                points[m, i] += trust[r] * guess[r, i]
                frames[m, 0, i] += trust[r] * normal[r, i]
            points[m, i] //= total
        for r in range(len(refs)):
            square = np.int64(0)
            for i in range(3):
                square += (guess[r, i] - points[m, i]) ** 2
            spread += trust[r] * min(square, np.int64(1) << 44)
            mean_error += trust[r] * error[r]
        _frame(frames[m])
        features[m, 0] = log16(mean_error // total + FLOOR)
        features[m, 1] = log16(root(spread // total) + FLOOR)


@inner
def _centre(points: Integers, near: Integers, weights: Integers, middle: Integers, out: Integers) -> None:
    """The weighted ``middle`` of some points, and where they are about it."""
    x, y, z, total = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for j in range(len(near)):
        x += weights[j] * points[near[j], 0]
        y += weights[j] * points[near[j], 1]
        z += weights[j] * points[near[j], 2]
        total += weights[j]
    if total:
        middle[0], middle[1], middle[2] = x // total, y // total, z // total
    for j in range(len(near)):
        for i in range(3):
            out[j, i] = points[near[j], i] - middle[i]


@inner
def _align(
    ref: Integers, vertex: int, near: Integers, weights: Integers, scratch: Scratch, guess: Integers
) -> tuple[int, Matrix]:  # fmt: skip
    """Carry a vertex of a reference over into ``guess``; the root mean square error of its neighbours, in 2^-20.

    ``scratch.here`` and ``placed`` are those of `_centre`; ``there`` and ``apart`` get the same of the reference.
    """
    here, placed, there, apart = scratch.here, scratch.placed, scratch.there, scratch.apart
    turn = _UNTURNED
    if len(near) == 0:
        for axis in range(3):
            guess[axis] = ref[vertex, axis]
        return np.int64(1) << FIRST_ERROR, turn
    _centre(ref, near, weights, there, apart)
    if len(near) > 2:
        turn = nearest_rotation(_covariance(placed, apart, weights))
    a, b, c, d, e, f, g, h, i = turn
    square, total, most = np.int64(0), np.int64(0), np.int64(1) << 22
    for j in range(len(near)):
        x, y, z = apart[j, 0], apart[j, 1], apart[j, 2]
        missed = min(abs(placed[j, 0] - ((a * x + b * y + c * z) >> TURN_BITS)), most)
        sum_of_squares = missed * missed
        missed = min(abs(placed[j, 1] - ((d * x + e * y + f * z) >> TURN_BITS)), most)
        sum_of_squares += missed * missed
        missed = min(abs(placed[j, 2] - ((g * x + h * y + i * z) >> TURN_BITS)), most)
        square += weights[j] * (sum_of_squares + missed * missed)
        total += weights[j]
    x, y, z = ref[vertex, 0] - there[0], ref[vertex, 1] - there[1], ref[vertex, 2] - there[2]
    for axis in range(3):
        moved = (turn[3 * axis] * x + turn[3 * axis + 1] * y + turn[3 * axis + 2] * z) >> TURN_BITS
        guess[axis] = min(max(here[axis] + moved, -(np.int64(2) << CUBE_BITS)), np.int64(2) << CUBE_BITS)
    return root(square // total), turn


@inner
def _covariance(one: Integers, other: Integers, weights: Integers) -> Matrix:
    a, b, c = np.int64(0), np.int64(0), np.int64(0)
    d, e, f = np.int64(0), np.int64(0), np.int64(0)
    g, h, i = np.int64(0), np.int64(0), np.int64(0)
    for j in range(len(weights)):
        x, y, z = other[j, 0], other[j, 1], other[j, 2]
        pull = weights[j] * one[j, 0]
        a, b, c = a + pull * x, b + pull * y, c + pull * z
        pull = weights[j] * one[j, 1]
        d, e, f = d + pull * x, e + pull * y, f + pull * z
        pull = weights[j] * one[j, 2]
        g, h, i = g + pull * x, h + pull * y, i + pull * z
    return a, b, c, d, e, f, g, h, i


@inner
def _frame(frame: Integers) -> None:
    """Fill in the tangents of the normal in the first row, and make all three of length 2^14."""
    unit(frame[0])
    axis = 0
    for i in range(1, 3):
        if abs(frame[0, i]) < abs(frame[0, axis]):
            axis = i
    frame[1, (axis + 1) % 3], frame[1, (axis + 2) % 3] = frame[0, (axis + 2) % 3], -frame[0, (axis + 1) % 3]
    unit(frame[1])
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        frame[2, i] = (frame[0, j] * frame[1, k] - frame[0, k] * frame[1, j]) >> UNIT_BITS


@inner
def displace(
    vertices: Integers, points: Integers, frames: Integers, codes: Integers, steps: Integers, current: Integers,
    activity: Integers,
) -> None:  # fmt: skip
    """Enter a level: its predicted points (m, 3) moved by codes (m, 3) times steps (3,) along the frames' rows.

    Args:
        vertices: (m,), where in ``current`` they are entered, and in ``activity`` the mean size of their residuals.
    """
    for m in range(len(points)):
        size = np.int64(0)
        for i in range(3):
            size += abs(codes[m, i]) * steps[i]
            total = np.int64(0)
            for row in range(3):
                total += frames[m, row, i] * codes[m, row] * steps[row]
            place = points[m, i] + ((total + (1 << UNIT_BITS - 1)) >> UNIT_BITS)
            current[vertices[m], i] = min(max(place, -(np.int64(2) << CUBE_BITS)), np.int64(2) << CUBE_BITS)
        activity[vertices[m]] = min(size // 3, np.int64(2) << CUBE_BITS)
