"""The plane of least squares through each neighbourhood of a cloud."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

SWEEPS = 12
"""Of Jacobi's method, at most: it ends after four or so, since it converges quadratically."""
_EXACT = 1e-30  # squared, of what stands beside the diagonal against the diagonal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]


@numba.njit(cache=True)
def fitted_planes(points: Floats, starts: Ints, members: Numbers) -> tuple[Floats, Floats]:  # pragma: no cover
    """Each neighbourhood's direction of least variance, and the point's foot on the plane through its mean.

    Args:
        points: (n, 3).
        starts, members: as `baselines.points.cloud_search.CloudSearch.neighbourhoods` returns them.

    Returns:
        Unit normals (n, 3), of either sign, and feet (n, 3).
    """
    normals, feet = np.empty_like(points), np.empty_like(points)
    mean, moments, axes = np.empty(3), np.empty((3, 3)), np.empty((3, 3))
    for i in range(len(points)):
        near = members[starts[i] : starts[i + 1]]
        mean[:], moments[:] = 0, 0
        for j in near:
            for a in range(3):
                mean[a] += points[j, a] / len(near)
        for j in near:
            for a in range(3):
                for b in range(a, 3):
                    moments[a, b] += (points[j, a] - mean[a]) * (points[j, b] - mean[b])
        moments[1, 0], moments[2, 0], moments[2, 1] = moments[0, 1], moments[0, 2], moments[1, 2]
        _diagonalise(moments, axes)
        least = 0
        for a in range(1, 3):
            if moments[a, a] < moments[least, least]:
                least = a
        height = 0.0
        for a in range(3):
            normals[i, a] = axes[a, least]
            height += (points[i, a] - mean[a]) * axes[a, least]
        for a in range(3):
            feet[i, a] = points[i, a] - height * normals[i, a]
    return normals, feet


@numba.njit(cache=True)
def _diagonalise(matrix: Floats, axes: Floats) -> None:  # pragma: no cover - compiled
    """Turn a symmetric matrix (3, 3) in place until it is diagonal; ``axes`` become its eigenvectors, in columns.

    Jacobi's method (Golub and Van Loan, "Matrix Computations", 4th edition, section 8.5).
    """
    axes[:] = np.eye(3)
    for _ in range(SWEEPS):
        beside = matrix[0, 1] ** 2 + matrix[0, 2] ** 2 + matrix[1, 2] ** 2
        if beside <= _EXACT * (matrix[0, 0] ** 2 + matrix[1, 1] ** 2 + matrix[2, 2] ** 2):
            return
        for p in range(2):
            for q in range(p + 1, 3):
                if matrix[p, q] == 0:
                    continue
                half = (matrix[q, q] - matrix[p, p]) / (2 * matrix[p, q])
                tangent = (1.0 if half >= 0 else -1.0) / (abs(half) + np.sqrt(half * half + 1))
                cosine = 1 / np.sqrt(tangent * tangent + 1)
                sine = tangent * cosine
                matrix[p, p] -= tangent * matrix[p, q]
                matrix[q, q] += tangent * matrix[p, q]
                matrix[p, q], matrix[q, p] = 0, 0
                r = 3 - p - q
                to_p, to_q = matrix[p, r], matrix[q, r]
                matrix[p, r], matrix[q, r] = cosine * to_p - sine * to_q, sine * to_p + cosine * to_q
                matrix[r, p], matrix[r, q] = matrix[p, r], matrix[q, r]
                for a in range(3):
                    to_p, to_q = axes[a, p], axes[a, q]
                    axes[a, p], axes[a, q] = cosine * to_p - sine * to_q, sine * to_p + cosine * to_q
