"""Least squares over the vertices of a triangle mesh, for residuals at points of its triangles, each along a line.

A row asks that the sum of share_i x_i, over the three corners x_i of one triangle, moves by its residual along its
direction. The normal matrix
has a symmetric 3 x 3 block at each vertex and each edge, stored as six numbers (xx, xy, xz, yy, yz, zz).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EdgeList:
    """The edges of a mesh: where the blocks of its normal matrix are.

    Args:
        ends: int64 (e, 2).
        of_faces: int64 (f, 3), the edge from corner i to corner i + 1 of each face.
    """

    ends: Ints
    of_faces: Ints

    @classmethod
    def of(cls, faces: Ints) -> EdgeList:
        """The edges of ``faces`` int64 (f, 3)."""
        sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2).reshape(-1, 2)
        ends, inverse = np.unique(sides, axis=0, return_inverse=True)
        return cls(ends, inverse.reshape(-1, 3))


@dataclass(frozen=True)
class Rows:
    """m residuals at points of triangles.

    Args:
        face: int64 (m,).
        shares: float64 (m, 3), of the triangle's corners.
        direction: float64 (m, 3), unit vectors.
        residual: float64 (m,), how far the point should move along its direction.
        weight: float64 (m,).
    """

    face: Ints
    shares: Floats
    direction: Floats
    residual: Floats
    weight: Floats


@dataclass(frozen=True)
class NormalEquations:
    """The normal matrix and right side of a least-squares step.

    Args:
        diagonal: float64 (v, 6), a vertex's block.
        beside: float64 (e, 6), an edge's block.
        right: float64 (v, 3).
        edges: where the edges' blocks are.
    """

    diagonal: Floats
    beside: Floats
    right: Floats
    edges: EdgeList

    @classmethod
    def of(cls, parts: Sequence[Rows], faces: Ints, edges: EdgeList, vertices: int) -> NormalEquations:
        """Sum the rows up, for a mesh of so many vertices and ``faces`` int64 (f, 3)."""
        sums = np.zeros((vertices, 6)), np.zeros((len(edges.ends), 6)), np.zeros((vertices, 3))
        for rows in parts:
            _sum_rows(rows.face, rows.shares, rows.direction, rows.residual, rows.weight, faces, edges.of_faces, *sums)
        return cls(*sums, edges)

    def step(self, free: NDArray[np.bool_], relative: float, absolute: float, iterations: int = 60) -> Floats:
        """The damped step float64 (v, 3), zero where a coordinate is not ``free``; by conjugate gradients.

        Args:
            free: bool (v, 3), the coordinates that may change.
            relative: damping, as a share of the matrix's diagonal.
            absolute: damping, as a share of the diagonal's mean.
            iterations: at most.
        """
        damped = self.diagonal.copy()
        on_axis = self.diagonal[:, [0, 3, 5]]
        damped[:, [0, 3, 5]] += relative * on_axis + absolute * on_axis.mean() + 1e-12
        return _conjugate_gradients(damped, self.beside, self.right, self.edges.ends, free, iterations)

    def blocks(self) -> Floats:
        """The vertices' blocks, float64 (v, 3, 3)."""
        return self.diagonal[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)


@numba.njit(cache=True)
def _sum_rows(
    face: np.ndarray,
    shares: np.ndarray,
    direction: np.ndarray,
    residual: np.ndarray,
    weight: np.ndarray,
    faces: np.ndarray,
    of_faces: np.ndarray,
    diagonal: np.ndarray,
    beside: np.ndarray,
    right: np.ndarray,
) -> None:
    outer = np.zeros(6)
    for m in range(len(face)):
        f, w = face[m], weight[m]
        x, y, z = direction[m]
        outer[0], outer[1], outer[2], outer[3], outer[4], outer[5] = x * x, x * y, x * z, y * y, y * z, z * z
        for i in range(3):
            share, after = shares[m, i], shares[m, (i + 1) % 3]
            corner, edge = faces[f, i], of_faces[f, i]
            for k in range(6):
                diagonal[corner, k] += w * share * share * outer[k]
                beside[edge, k] += w * share * after * outer[k]
            for k in range(3):
                right[corner, k] += w * share * residual[m] * direction[m, k]


@numba.njit(cache=True)
def _conjugate_gradients(
    diagonal: np.ndarray, beside: np.ndarray, right: np.ndarray, ends: np.ndarray, free: np.ndarray, iterations: int
) -> np.ndarray:
    """Solve with the vertices' blocks as preconditioner, until the residual's norm is 1e-3 of the right side's."""
    x = np.zeros_like(right)
    r = right * free
    inverse = _inverses(diagonal)
    z, product = np.zeros_like(right), np.zeros_like(right)
    _multiply(inverse, r, z)
    z *= free
    p = z.copy()
    rz = (r * z).sum()
    enough = 1e-6 * rz
    for _ in range(iterations):
        if rz <= enough:
            break
        _multiply(diagonal, p, product)
        for e in range(len(ends)):
            _add_product(beside[e], p[ends[e, 1]], product[ends[e, 0]])
            _add_product(beside[e], p[ends[e, 0]], product[ends[e, 1]])
        product *= free
        length = rz / (p * product).sum()
        x += length * p
        r -= length * product
        _multiply(inverse, r, z)
        z *= free
        before, rz = rz, (r * z).sum()
        p = z + (rz / before) * p
    return x


@numba.njit(cache=True)
def _add_product(block: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    out[0] += block[0] * x[0] + block[1] * x[1] + block[2] * x[2]
    out[1] += block[1] * x[0] + block[3] * x[1] + block[4] * x[2]
    out[2] += block[2] * x[0] + block[4] * x[1] + block[5] * x[2]


@numba.njit(cache=True)
def _multiply(blocks: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    out[:] = 0.0
    for v in range(len(x)):
        _add_product(blocks[v], x[v], out[v])


@numba.njit(cache=True)
def _inverses(blocks: np.ndarray) -> np.ndarray:
    out = np.zeros_like(blocks)
    for v in range(len(blocks)):
        xx, xy, xz, yy, yz, zz = blocks[v]
        a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
        determinant = xx * a + xy * b + xz * c
        out[v, 0], out[v, 1], out[v, 2] = a, b, c
        out[v, 3], out[v, 4], out[v, 5] = xx * zz - xz * xz, xy * xz - yz * xx, xx * yy - xy * xy
        out[v] /= determinant
    return out
