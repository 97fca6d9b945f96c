"""What prediction needs of arithmetic, in 64-bit integers: roots, logarithms, the nearest rotation, unit vectors.

Positions are in `CUBE`-ths of the cube's half side. Results are defined by integers alone, hence the same everywhere.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import math

import numba
import numpy as np

from necgs.mesh.binary_coder import Integers

CUBE_BITS = 20
CUBE = 1 << CUBE_BITS
UNIT_BITS = 14
"""Unit vectors are of length 2^14."""

TURN_BITS = 23
"""Rotations have entries in 2^-23."""

SIXTEENTHS: Integers = np.array(
    [math.isqrt(math.isqrt(math.isqrt(math.isqrt(1 << 256 + i)))) for i in range(1, 16)], dtype=np.int64
)
"""floor(2^(16 + i/16)) for i = 1 ... 15: nested floors of square roots are the floor of the sixteenth root."""

NEWTON_STEPS = 12
BOUND = 1 << 29


@numba.njit(cache=True)
def root(value: int) -> int:
    """The integer square root; the first guess in floating point is put right in integers."""
    if value <= 0:
        return np.int64(0)
    guess = np.int64(math.sqrt(value))
    while guess * guess > value:
        guess -= 1
    while (guess + 1) * (guess + 1) <= value:
        guess += 1
    return guess


@numba.njit(cache=True)
def log16(value: int) -> int:
    """floor(16 log2(value)) for value >= 1, exact to one unit."""
    octave, shifted = np.int64(0), value
    while shifted >= 1 << 17:
        shifted >>= 1
        octave += 1
    while shifted < 1 << 16:
        shifted <<= 1
        octave -= 1
    part = np.int64(0)
    while part < 15 and shifted >= SIXTEENTHS[part]:
        part += 1
    return 16 * (octave + 16) + part


@numba.njit(cache=True)
def unit(vector: Integers) -> None:
    """Scale a vector (3,) to length 2^14 in place; nothing becomes the first axis."""
    largest = max(abs(vector[0]), abs(vector[1]), abs(vector[2]))
    if largest == 0:
        vector[0] = 1 << UNIT_BITS
        return
    while largest >= 1 << 28:
        largest >>= 1
        for i in range(3):
            vector[i] >>= 1
    while largest < 1 << 27:
        largest <<= 1
        for i in range(3):
            vector[i] <<= 1
    length = root(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
    for i in range(3):
        vector[i] = (vector[i] << UNIT_BITS) // length


@numba.njit(cache=True)
def _cofactors(m: Integers, out: Integers) -> int:
    """Cofactors and determinant of m (3, 3), all in 2^-23."""
    for i in range(3):
        for j in range(3):
            a, b, c, d = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
            out[i, j] = (m[a, c] * m[b, d] - m[a, d] * m[b, c]) >> TURN_BITS
    return (m[0, 0] * (out[0, 0] >> 3) + m[0, 1] * (out[0, 1] >> 3) + m[0, 2] * (out[0, 2] >> 3)) >> (TURN_BITS - 3)


@numba.njit(cache=True)
def nearest_rotation(matrix: Integers, turn: Integers, spare: Integers) -> None:
    """The rotation nearest to a covariance (3, 3), into ``turn``: Newton's steps of the polar decomposition.

    A part of the identity is added first, 2 % of the sum of the diagonal's magnitudes, doubled until the inverse
    is below 32: directions of which the covariance knows nothing do not turn.
    """
    size = abs(matrix[0, 0]) + abs(matrix[1, 1]) + abs(matrix[2, 2])
    for i in range(3):
        for j in range(3):
            size = max(size, abs(matrix[i, j]))
    down, up = 0, 0
    while size >> down >= 1 << TURN_BITS:
        down += 1
    while size != 0 and size << up < 1 << (TURN_BITS - 1):
        up += 1
    share = np.int64(1) << (TURN_BITS - 6)
    while True:
        for i in range(3):
            for j in range(3):
                turn[i, j] = (matrix[i, j] >> down) << up
            turn[i, i] += share
        determinant, worst = _cofactors(turn, spare), np.int64(0)
        for i in range(3):
            for j in range(3):
                worst = max(worst, abs(spare[i, j]))
        if determinant > worst >> 5 or share > 4 << TURN_BITS:
            break
        share <<= 1
    for _ in range(NEWTON_STEPS):
        determinant = max(_cofactors(turn, spare), 1)
        for i in range(3):
            for j in range(3):
                inverse = min(max((spare[i, j] << TURN_BITS) // determinant, -BOUND), BOUND)
                turn[i, j] = (turn[i, j] + inverse) >> 1


@numba.njit(cache=True)
def vertex_normals(points: Integers, faces: Integers) -> Integers:
    """(v, 3) int64 of length 2^14: faces about a vertex by their areas, as it is about points in `CUBE`-ths."""
    normals = np.zeros_like(points)
    for face in faces:
        a, b, c = points[face[0]], points[face[1]], points[face[2]]
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            value = ((b[j] - a[j]) * (c[k] - a[k]) - (b[k] - a[k]) * (c[j] - a[j])) >> 6
            for corner in face:
                normals[corner, i] += value
    for normal in normals:
        unit(normal)
    return normals
