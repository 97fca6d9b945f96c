"""The decoder's arithmetic equals its definition, written down in Python's integers, which know no bounds."""

# mypy: disable-error-code="arg-type"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

import math

import numpy as np
import pytest

from necgs.mesh.fixed_point import BOUND, NEWTON_STEPS, TURN_BITS, UNIT_BITS, log16, nearest_rotation, unit

Rows = list[list[int]]


def cofactors(m: Rows) -> tuple[Rows, int]:
    found = [[0] * 3 for _ in range(3)]
    for i in range(3):
        for j in range(3):
            a, b, c, d = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
            found[i][j] = (m[a][c] * m[b][d] - m[a][d] * m[b][c]) >> TURN_BITS
    return found, sum(m[0][k] * (found[0][k] >> 3) for k in range(3)) >> (TURN_BITS - 3)


def defined_rotation(matrix: Rows) -> list[int]:
    """Scale to about one, add to the diagonal until it can be inverted, then the mean with the inverse, 12 times."""
    size = max(sum(abs(matrix[k][k]) for k in range(3)), *(abs(entry) for row in matrix for entry in row))
    down = max(size.bit_length() - TURN_BITS, 0)
    up = max(TURN_BITS - size.bit_length(), 0)
    share = 1 << (TURN_BITS - 6)
    while True:
        turn = [[((matrix[i][j] >> down) << up) + share * (i == j) for j in range(3)] for i in range(3)]
        found, determinant = cofactors(turn)
        if determinant > max(abs(entry) for row in found for entry in row) >> 5 or share > 4 << TURN_BITS:
            break
        share *= 2
    for _ in range(NEWTON_STEPS):
        found, determinant = cofactors(turn)
        for i in range(3):
            for j in range(3):
                inverse = (found[i][j] << TURN_BITS) // max(determinant, 1)
                turn[i][j] = (turn[i][j] + min(max(inverse, -BOUND), BOUND)) >> 1
    return [entry for row in turn for entry in row]


def covariances() -> list[Rows]:
    """Of points of all sizes, in space, in a plane, on a line, at one place, and mirrored."""
    generator = np.random.default_rng(7)
    found = []
    for count in range(400):
        flat = [[1.0, 1.0, 1.0], [1.0, 1.0, 1e-3], [1.0, 1e-3, 0.0], [1.0, 1.0, -1.0], [0.0, 0.0, 0.0]][count % 5]
        here = generator.normal(size=(1 + count % 12, 3)) * 2.0 ** generator.uniform(0, 28)
        there = here * flat + generator.normal(size=here.shape) * 2.0 ** generator.uniform(-2, 20)
        found.append([[int(entry) for entry in row] for row in here.T @ there])
    return found


def test_rotations_are_those_of_the_definition() -> None:
    for matrix in covariances():
        rows = [np.int64(entry) for row in matrix for entry in row]
        assert list(nearest_rotation(tuple(rows))) == defined_rotation(matrix)


def test_a_turned_cloud_is_turned_back() -> None:
    points = np.random.default_rng(3).normal(size=(12, 3)) * 1e6
    angle = math.radians(35)
    turn = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    matrix = ((points @ turn.T).T @ points).astype(np.int64)
    found = np.array(nearest_rotation(tuple(matrix.ravel()))).reshape(3, 3) / (1 << TURN_BITS)
    assert np.abs(found - turn).max() < 0.05  # the part of the identity holds it back


@pytest.mark.parametrize("bits", [0, 1, 15, 16, 17, 31, 40, 61])
def test_logarithms_are_exact(bits: int) -> None:
    for value in {max((1 << bits) + offset, 1) for offset in range(-3, 4)} | {1 << bits | 12345 % (1 << bits)}:
        found = int(log16(np.int64(value)))
        # 16 log2(value) lies in [found, found + 1) where value^16 lies between these powers, but for the 17 bits kept
        kept = value >> max(value.bit_length() - 17, 0) << max(value.bit_length() - 17, 0)
        assert 1 << found <= kept**16
        assert value**16 < 1 << found + 1


def test_unit_vectors_have_their_length_and_direction() -> None:
    generator = np.random.default_rng(5)
    for size in (1, 300, 1e6, 1e15):
        for vector in (generator.normal(size=(50, 3)) * size + [1, 0, 0]).astype(np.int64):
            if not vector.any():
                continue
            found = vector.copy()
            unit(found)
            exact = vector / np.linalg.norm(vector.astype(np.float64)) * (1 << UNIT_BITS)
            assert np.abs(found - exact).max() <= 1
    nothing = np.zeros(3, dtype=np.int64)
    unit(nothing)
    assert nothing.tolist() == [1 << UNIT_BITS, 0, 0]
