"""What prediction needs of arithmetic, in 64-bit integers: roots, logarithms, the nearest rotation, unit vectors.

Positions are in `CUBE`-ths of the cube's half side. Results are defined by integers alone, hence the same everywhere.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import math
from typing import TypeAlias

import numba
import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.compiled import inner

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

_SMALL = 1 << 50 - TURN_BITS
_FAR_FROM_BOUND = 5

Matrix: TypeAlias = tuple[int, int, int, int, int, int, int, int, int]
"""3 x 3, row by row: compiled code keeps it in registers, which halves the time of a rotation."""


@inner
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


@inner
def _length(value: int) -> int:
    """Bits of a number from 0 on: floor(log2(value)) + 1."""
    bits = np.int64(0)
    for step in (32, 16, 8, 4, 2, 1):
        more = np.int64(value >> step > 0) * step
        bits += more
        value >>= more
    return bits + value


@inner
def log16(value: int) -> int:
    """floor(16 log2(value)) for value >= 1, exact to one unit."""
    octave = _length(value) - 17
    shifted = value >> octave if octave >= 0 else value << -octave
    part = np.int64(0)
    for bound in SIXTEENTHS:
        part += shifted >= bound
    return 16 * (octave + 16) + part


@inner
def unit(vector: Integers) -> None:
    """Scale a vector (3,) to length 2^14 in place; nothing becomes the first axis."""
    largest = max(abs(vector[0]), abs(vector[1]), abs(vector[2]))
    if largest == 0:
        vector[0] = 1 << UNIT_BITS
        return
    bits = _length(largest) - 28
    for i in range(3):
        vector[i] = vector[i] >> bits if bits >= 0 else vector[i] << -bits
    length = root(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
    for i in range(3):
        vector[i] = (vector[i] << UNIT_BITS) // length


@inner
def _cofactors(m: Matrix) -> tuple[Matrix, int]:
    """Cofactors and determinant of m, all in 2^-23."""
    a, b, c, d, e, f, g, h, i = m
    found = (
        (e * i - f * h) >> TURN_BITS, (f * g - d * i) >> TURN_BITS, (d * h - e * g) >> TURN_BITS,
        (h * c - i * b) >> TURN_BITS, (i * a - g * c) >> TURN_BITS, (g * b - h * a) >> TURN_BITS,
        (b * f - c * e) >> TURN_BITS, (c * d - a * f) >> TURN_BITS, (a * e - b * d) >> TURN_BITS,
    )  # fmt: skip
    determinant = (a * (found[0] >> 3) + b * (found[1] >> 3) + c * (found[2] >> 3)) >> (TURN_BITS - 3)
    return found, determinant


@inner
def _halfway(entry: int, cofactor: int, determinant: int) -> int:
    """The mean of an entry and that of the inverse's transpose, which is within `BOUND`; no determinant is zero."""
    inverse = min(max((cofactor << TURN_BITS) // determinant, -BOUND), BOUND)
    return (entry + inverse) >> 1


@inner
def _halfway_fast(entry: int, cofactor: int, reciprocal: float) -> int:
    """The same from the determinant's reciprocal, for what is far from all bounds, see `nearest_rotation`."""
    return (entry + np.int64(np.floor((float(cofactor << TURN_BITS) + 0.5) * reciprocal))) >> 1


@inner
def nearest_rotation(matrix: Matrix) -> Matrix:
    """The rotation nearest to a covariance: Newton's steps of the polar decomposition.

    A part of the identity is added first, 2 % of the sum of the diagonal's magnitudes, doubled until the inverse
    is below 32: directions of which the covariance knows nothing do not turn.

    Divisions take half of a decoder's time here. Where the numerator n is below 2^50 and the quotient below 2^29,
    one reciprocal serves all nine: (n + 1/2) / d is 1 / (2 d) away from every integer at least, and what floating point
    misses of it, 2^-52 of the quotient, is half of that at most: the floor is that of the division in integers.
    """
    turn = _regular(matrix)
    for _ in range(NEWTON_STEPS):
        a, b, c, d, e, f, g, h, i = turn
        found, whole = _cofactors(turn)
        whole = max(whole, 1)
        worst = np.int64(0)
        for cofactor in found:
            worst = max(worst, abs(cofactor))
        if worst < _SMALL and worst >> _FAR_FROM_BOUND < whole:
            part = 1.0 / float(whole)
            turn = (
                _halfway_fast(a, found[0], part), _halfway_fast(b, found[1], part), _halfway_fast(c, found[2], part),
                _halfway_fast(d, found[3], part), _halfway_fast(e, found[4], part), _halfway_fast(f, found[5], part),
                _halfway_fast(g, found[6], part), _halfway_fast(h, found[7], part), _halfway_fast(i, found[8], part),
            )  # fmt: skip
        else:
            turn = (
                _halfway(a, found[0], whole), _halfway(b, found[1], whole), _halfway(c, found[2], whole),
                _halfway(d, found[3], whole), _halfway(e, found[4], whole), _halfway(f, found[5], whole),
                _halfway(g, found[6], whole), _halfway(h, found[7], whole), _halfway(i, found[8], whole),
            )  # fmt: skip
    return turn


@inner
def _regular(matrix: Matrix) -> Matrix:
    """A covariance scaled to entries of about one, plus as much of the identity as its inverse needs."""
    size = abs(matrix[0]) + abs(matrix[4]) + abs(matrix[8])
    for entry in matrix:
        size = max(size, abs(entry))
    bits = _length(size) - TURN_BITS
    down, up = max(bits, 0), max(-bits, 0)
    a, b, c, d, e, f, g, h, i = matrix
    b, c, d, f, g, h = (
        (b >> down) << up, (c >> down) << up, (d >> down) << up, (f >> down) << up, (g >> down) << up, (h >> down) << up
    )  # fmt: skip
    a, e, i = (a >> down) << up, (e >> down) << up, (i >> down) << up
    share = np.int64(1) << (TURN_BITS - 6)
    while True:
        turn = (a + share, b, c, d, e + share, f, g, h, i + share)
        found, determinant = _cofactors(turn)
        worst = np.int64(0)
        for entry in found:
            worst = max(worst, abs(entry))
        if determinant > worst >> 5 or share > 4 << TURN_BITS:
            return turn
        share <<= 1


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
