"""Vertices of a shape predicted from reference shapes of the same connectivity, in integers.

The coded neighbours of a vertex are aligned with the same vertices of each reference by a rotation and a shift; the
vertex's place in the reference goes along. Predictions are averaged by 1 / alignment error^3. The residual is coded in
a local frame: along the surface's normal, and along two tangents, where errors hardly matter.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.fixed_point import CUBE_BITS, TURN_BITS, UNIT_BITS, log16, nearest_rotation, root, unit, vertex_normals
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


def references(points: Integers, faces: Integers) -> References:
    """References of points (r, v, 3) int64 in 2^-20."""
    return References(points, np.stack([vertex_normals(shape, faces) for shape in points]))


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
    guess, normal = np.zeros((shapes, 3), dtype=np.int64), np.zeros((shapes, 3), dtype=np.int64)
    error, trust = np.zeros(shapes, dtype=np.int64), np.zeros(shapes, dtype=np.int64)
    turn, spare = np.zeros((3, 3), dtype=np.int64), np.zeros((3, 3), dtype=np.int64)
    for m in range(count):
        for r in range(shapes):
            error[r] = _align(refs[r], current, vertices[m], near[m], weights[m], turn, spare, guess[r])
            for i in range(3):
                normal[r, i] = np.int64(0)
                for j in range(3):
                    normal[r, i] += turn[i, j] * normals[r, vertices[m], j]
                normal[r, i] >>= TURN_BITS
            held = min(root(error[r] * error[r] + LEAST_ERROR * LEAST_ERROR), MOST_ERROR)
            trust[r] = (np.int64(1) << 60) // (held * held * held)
        total = trust.sum()
        mean_error, spread, quiet = np.int64(0), np.int64(0), np.int64(0)
        for r in range(shapes):
            trust[r] = max((trust[r] << 16) // total, 1)
        total = trust.sum()
        for i in range(3):
            for r in range(shapes):
                points[m, i] += trust[r] * guess[r, i]
                frames[m, 0, i] += trust[r] * normal[r, i]
            points[m, i] //= total
        for r in range(shapes):
            square = np.int64(0)
            for i in range(3):
                square += (guess[r, i] - points[m, i]) ** 2
            spread += trust[r] * min(square, np.int64(1) << 44)
            mean_error += trust[r] * error[r]
        for j in range(min(ACTIVE, near.shape[1])):
            quiet += activity[near[m, j]]
        quiet = quiet // min(ACTIVE, near.shape[1]) if near.shape[1] else np.int64(QUIET)
        _frame(frames[m])
        features[m, 0] = log16(mean_error // total + FLOOR)
        features[m, 1] = log16(root(spread // total) + FLOOR)
        features[m, 2] = log16(distance[m] + 4 * FLOOR)
        features[m, 3] = log16(quiet + FLOOR)
        features[m, 4] = 16
    return points, frames, features


@numba.njit(cache=True)
def _align(
    ref: Integers, current: Integers, vertex: int, near: Integers, weights: Integers, turn: Integers, spare: Integers,
    guess: Integers,
) -> int:  # fmt: skip
    """Carry a vertex of a reference over into ``guess``; the root mean square error of its neighbours, in 2^-20."""
    count, total = len(near), weights.sum()
    turn[:] = 0
    for i in range(3):
        turn[i, i] = 1 << TURN_BITS
    if count == 0:
        guess[:] = ref[vertex]
        return np.int64(1) << FIRST_ERROR
    there, here = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for i in range(3):
        for j in range(count):
            there[i] += weights[j] * ref[near[j], i]
            here[i] += weights[j] * current[near[j], i]
        there[i] //= total
        here[i] //= total
    if count > 2:
        matrix = np.zeros((3, 3), dtype=np.int64)
        for j in range(count):
            for i in range(3):
                pull = weights[j] * (current[near[j], i] - here[i])
                for k in range(3):
                    matrix[i, k] += pull * (ref[near[j], k] - there[k])
        nearest_rotation(matrix, turn, spare)
    square = np.int64(0)
    for j in range(count):
        for i in range(3):
            moved = np.int64(0)
            for k in range(3):
                moved += turn[i, k] * (ref[near[j], k] - there[k])
            missed = min(abs(current[near[j], i] - here[i] - (moved >> TURN_BITS)), np.int64(1) << 22)
            square += weights[j] * missed * missed
    for i in range(3):
        moved = np.int64(0)
        for k in range(3):
            moved += turn[i, k] * (ref[vertex, k] - there[k])
        guess[i] = min(max(here[i] + (moved >> TURN_BITS), -(np.int64(2) << CUBE_BITS)), np.int64(2) << CUBE_BITS)
    return root(square // total)


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def displaced(points: Integers, frames: Integers, codes: Integers, steps: Integers) -> Integers:
    """Predicted points (m, 3) moved by codes (m, 3) times steps (3,) along the frames' rows."""
    moved = points.copy()
    for m in range(len(points)):
        for i in range(3):
            total = np.int64(0)
            for row in range(3):
                total += frames[m, row, i] * codes[m, row] * steps[row]
            place = moved[m, i] + ((total + (1 << UNIT_BITS - 1)) >> UNIT_BITS)
            moved[m, i] = min(max(place, -(np.int64(2) << CUBE_BITS)), np.int64(2) << CUBE_BITS)
    return moved
