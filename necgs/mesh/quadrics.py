"""Error quadrics (Garland and Heckbert, Surface Simplification Using Quadric Error Metrics, 1997) of several shapes.

A quadric q is ten numbers: the symmetric matrix A (xx, xy, xz, yy, yz, zz), the vector b (x, y, z) and the constant c
of x^T A x + 2 b^T x + c, the squared distances from x to planes, weighted by area. The trace of A is the weight of all
planes.
"""

from __future__ import annotations

import numba
import numpy as np

# Pulls a vertex to the middle of its edge where the planes leave it free, as a share of the planes' weight.
_PULL = 1e-4
# Makes the shorter of two edges the cheaper where both cost nothing, in flat faces.
_TIE = 1e-7


@numba.njit(cache=True)
def add_plane(q: np.ndarray, normal: np.ndarray, point: np.ndarray, weight: float) -> None:
    """Add the squared distance to the plane through ``point`` with the unit ``normal`` to the quadric q (10,)."""
    x, y, z = normal
    d = -(x * point[0] + y * point[1] + z * point[2])
    q[0] += weight * x * x
    q[1] += weight * x * y
    q[2] += weight * x * z
    q[3] += weight * y * y
    q[4] += weight * y * z
    q[5] += weight * z * z
    q[6] += weight * x * d
    q[7] += weight * y * d
    q[8] += weight * z * d
    q[9] += weight * d * d


@numba.njit(cache=True)
def cross(u: np.ndarray, v: np.ndarray, out: np.ndarray) -> float:
    """Write u x v to ``out``, scaled to length 1 where it has a length; returns the length before."""
    out[0] = u[1] * v[2] - u[2] * v[1]
    out[1] = u[2] * v[0] - u[0] * v[2]
    out[2] = u[0] * v[1] - u[1] * v[0]
    length: float = np.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2)
    if length > 1e-30:
        out /= length
    return length


@numba.njit(cache=True)
def vertex_quadrics(positions: np.ndarray, faces: np.ndarray, open_edges: np.ndarray, open_weight: float) -> np.ndarray:
    """The quadric of every vertex of every shape.

    A face's plane counts at its three corners with a third of its area each. At an edge that does not lie between
    exactly two faces, each face adds the plane through the edge at a right angle to the face, so that borders and
    seams keep their line.

    Args:
        positions: float64 (v, n, 3), of n shapes.
        faces: int64 (f, 3).
        open_edges: bool (f, 3), edge i of a face (corners i, i + 1) has one face or more than two.
        open_weight: of these planes, in squares of the edge's length.

    Returns:
        float64 (v, n, 10).
    """
    out = np.zeros((positions.shape[0], positions.shape[1], 10))
    normal, side = np.zeros(3), np.zeros(3)
    for f in range(len(faces)):
        for i in range(positions.shape[1]):
            corner = positions[faces[f, 0], i]
            length = cross(positions[faces[f, 1], i] - corner, positions[faces[f, 2], i] - corner, normal)
            if length <= 1e-30:
                continue
            for t in range(3):
                a, b = faces[f, t], faces[f, (t + 1) % 3]
                add_plane(out[a, i], normal, corner, length / 6)
                if open_edges[f, t]:
                    edge = positions[b, i] - positions[a, i]
                    weight = open_weight * cross(edge, normal, side) ** 2
                    add_plane(out[a, i], side, positions[a, i], weight)
                    add_plane(out[b, i], side, positions[a, i], weight)
    return out


@numba.njit(cache=True)
def best_places(quadrics: np.ndarray, positions: np.ndarray, a: int, b: int, out: np.ndarray) -> float:
    """Where vertices a and b go when they become one, and what that costs.

    Args:
        quadrics: float64 (v, n, 10).
        positions: float64 (v, n, 3).
        out: float64 (n, 3), is filled with each shape's own place.

    Returns:
        The sum of the shapes' costs.
    """
    total = 0.0
    for i in range(positions.shape[1]):
        total += _place(quadrics[a, i], quadrics[b, i], positions[a, i], positions[b, i], out[i])
    return total


@numba.njit(cache=True)
def _place(p: np.ndarray, q: np.ndarray, u: np.ndarray, v: np.ndarray, out: np.ndarray) -> float:
    """The place of least cost for one shape, by Cramer's rule; the pull to the middle makes the system regular."""
    mx, my, mz = (u[0] + v[0]) / 2, (u[1] + v[1]) / 2, (u[2] + v[2]) / 2
    xx, xy, xz, yy, yz, zz = p[0] + q[0], p[1] + q[1], p[2] + q[2], p[3] + q[3], p[4] + q[4], p[5] + q[5]
    bx, by, bz = p[6] + q[6], p[7] + q[7], p[8] + q[8]
    weight = xx + yy + zz
    pull = _PULL * weight + 1e-18
    ax, ay, az = xx + pull, yy + pull, zz + pull
    rx, ry, rz = pull * mx - bx, pull * my - by, pull * mz - bz
    c00, c01, c02 = ay * az - yz * yz, xz * yz - xy * az, xy * yz - xz * ay
    c11, c12, c22 = ax * az - xz * xz, xy * xz - yz * ax, ax * ay - xy * xy
    det = ax * c00 + xy * c01 + xz * c02
    x = (c00 * rx + c01 * ry + c02 * rz) / det
    y = (c01 * rx + c11 * ry + c12 * rz) / det
    z = (c02 * rx + c12 * ry + c22 * rz) / det
    out[0], out[1], out[2] = x, y, z
    squared = xx * x * x + yy * y * y + zz * z * z + 2 * (xy * x * y + xz * x * z + yz * y * z)
    moved = (x - mx) ** 2 + (y - my) ** 2 + (z - mz) ** 2
    length = (u[0] - v[0]) ** 2 + (u[1] - v[1]) ** 2 + (u[2] - v[2]) ** 2
    cost: float = squared + 2 * (bx * x + by * y + bz * z) + p[9] + q[9] + pull * moved + _TIE * weight * length
    return cost
