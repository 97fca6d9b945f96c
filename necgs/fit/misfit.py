"""The direct fit's objective and its gradient in the values of a volume, in one pass over surface and samples.

The derivative of marching cubes is short: a vertex lies at s + t (e - s) between the two moved ends of its edge, with
t = a / (a - b) of their TSDF. So the chain from distances and normals to vertices to values is written out here; the
tests hold it against automatic differentiation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """The grid edges that the surface crosses, as numbers into a list of p grid points.

    Args:
        rows: int64 (m, 2), both ends of each edge among the points; -1 for an end beyond the volume's band.
        positions: float32 (m, 2, 3), where the ends lie undeformed.
        fill: float32 (m, 2), the TSDF of ends without a row.
    """

    rows: Ints
    positions: Floats
    fill: Floats


@dataclass(frozen=True)
class Pairs:
    """Which points of the extracted surface and of the mesh belong together; constant between two searches.

    Args:
        target, target_normal: float32 (m + f, 3), closest points on the mesh of the vertices and face centres.
        target_ok: float32 (m + f,), 1 where the normals agree, else 0.
        points, normals: float32 (q, 3), samples of the mesh.
        face, weights: int64 (q,) and float32 (q, 3), where on the extracted surface the samples' closest points lie.
        sample_ok: float32 (q,), as ``target_ok``.
    """

    target: Floats
    target_normal: Floats
    target_ok: Floats
    points: Floats
    normals: Floats
    face: Ints
    weights: Floats
    sample_ok: Floats


def place_vertices(values: Floats, edges: Edges, h: float) -> Floats:
    """Vertices float32 (m, 3) of the surface of values (4, p): TSDF, and deformation in half cells of size h."""
    vertices: Floats = _place(values, edges.rows, edges.positions, edges.fill, np.float32(h))
    return vertices


def misfit_gradient(
    values: Floats, vertices: Floats, edges: Edges, faces: Ints, pairs: Pairs, h: float, normal_weight: float
) -> Floats:
    """Gradient float32 (4, p) of the mean squared distances to tangent planes in cells, both ways, and of the normals.

    Args:
        values: float32 (4, p), as they count (quantised).
        vertices: `place_vertices` of them.
        faces: int64 (f, 3).
        h: size of a cell.
        normal_weight: of the area-weighted mean of 1 - cos(angle of normals).
    """
    slopes = np.zeros((len(vertices), 3), np.float32)
    _planes(slopes, vertices, faces, pairs.target, pairs.target_normal, pairs.target_ok, np.float32(h))
    _samples(
        slopes, vertices, faces, pairs.points, pairs.normals, pairs.face, pairs.weights, pairs.sample_ok, np.float32(h)
    )
    _normals(
        slopes, vertices, faces, pairs.target_normal[len(vertices) :], pairs.target_ok[len(vertices) :], normal_weight
    )
    gradient: Floats = _pull_back(slopes, values, edges.rows, edges.positions, edges.fill, np.float32(h))
    return gradient


@numba.njit(cache=True)
def _ends(values, rows, positions, fill, h, m, ends):  # type: ignore[no-untyped-def]  # numba
    """TSDF of both ends of edge m; writes their places into ``ends`` (2, 3)."""
    tsdf = np.empty(2, np.float32)
    for side in range(2):
        row = rows[m, side]
        tsdf[side] = fill[m, side] if row < 0 else values[0, row]
        for k in range(3):
            ends[side, k] = positions[m, side, k] + (np.float32(0) if row < 0 else values[1 + k, row] * h / 2)
    return tsdf[0], tsdf[1]


@numba.njit(cache=True)
def _place(values, rows, positions, fill, h):  # type: ignore[no-untyped-def]  # numba
    vertices, ends = np.empty((len(rows), 3), np.float32), np.empty((2, 3), np.float32)
    for m in range(len(rows)):
        a, b = _ends(values, rows, positions, fill, h, m, ends)
        t = a / (a - b)
        for k in range(3):
            vertices[m, k] = ends[0, k] + t * (ends[1, k] - ends[0, k])
    return vertices


@numba.njit(cache=True)
def _planes(slopes, vertices, faces, target, normal, ok, h):  # type: ignore[no-untyped-def]  # numba
    count = len(vertices) + len(faces)
    for i in range(count):
        if ok[i] == 0:
            continue
        r = np.float32(0)
        if i < len(vertices):
            for k in range(3):
                r += (vertices[i, k] - target[i, k]) * normal[i, k]
            for k in range(3):
                slopes[i, k] += 2 * r / (h * h * count) * normal[i, k]
        else:
            a, b, c = faces[i - len(vertices)]
            for k in range(3):
                r += ((vertices[a, k] + vertices[b, k] + vertices[c, k]) / 3 - target[i, k]) * normal[i, k]
            for k in range(3):
                slope = 2 * r / (3 * h * h * count) * normal[i, k]
                slopes[a, k] += slope
                slopes[b, k] += slope
                slopes[c, k] += slope


@numba.njit(cache=True)
def _samples(slopes, vertices, faces, points, normals, face, weights, ok, h):  # type: ignore[no-untyped-def]  # numba
    count = len(points)
    for i in range(count):
        if ok[i] == 0:
            continue
        r = np.float32(0)
        for k in range(3):
            touched = np.float32(0)
            for j in range(3):
                touched += weights[i, j] * vertices[faces[face[i], j], k]
            r += (touched - points[i, k]) * normals[i, k]
        for j in range(3):
            for k in range(3):
                slopes[faces[face[i], j], k] += 2 * r / (h * h * count) * weights[i, j] * normals[i, k]


@numba.njit(cache=True)
def _normals(slopes, vertices, faces, target, ok, weight):  # type: ignore[no-untyped-def]  # numba
    vectors, total = np.empty((len(faces), 3), np.float32), 0.0
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        u0, u1, u2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        v0, v1, v2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        vectors[f, 0], vectors[f, 1], vectors[f, 2] = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
        total += np.sqrt(vectors[f, 0] ** 2 + vectors[f, 1] ** 2 + vectors[f, 2] ** 2)
    scale = np.float32(weight / max(total, 1e-30))
    for f in range(len(faces)):
        if ok[f] == 0:
            continue
        length = max(np.sqrt(vectors[f, 0] ** 2 + vectors[f, 1] ** 2 + vectors[f, 2] ** 2), np.float32(1e-30))
        g0 = scale * (vectors[f, 0] / length - target[f, 0])
        g1 = scale * (vectors[f, 1] / length - target[f, 1])
        g2 = scale * (vectors[f, 2] / length - target[f, 2])
        a, b, c = faces[f]
        u0, u1, u2 = (vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2])
        v0, v1, v2 = (vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2])
        at_b = (v1 * g2 - v2 * g1, v2 * g0 - v0 * g2, v0 * g1 - v1 * g0)
        at_c = (g1 * u2 - g2 * u1, g2 * u0 - g0 * u2, g0 * u1 - g1 * u0)
        for k in range(3):
            slopes[b, k] += at_b[k]
            slopes[c, k] += at_c[k]
            slopes[a, k] -= at_b[k] + at_c[k]


@numba.njit(cache=True)
def _pull_back(slopes, values, rows, positions, fill, h):  # type: ignore[no-untyped-def]  # numba
    gradient, ends = np.zeros_like(values), np.empty((2, 3), np.float32)
    for m in range(len(rows)):
        a, b = _ends(values, rows, positions, fill, h, m, ends)
        t, along = a / (a - b), np.float32(0)
        for k in range(3):
            along += slopes[m, k] * (ends[1, k] - ends[0, k])
        squared = (a - b) * (a - b)
        for side in range(2):
            row = rows[m, side]
            if row < 0:
                continue
            gradient[0, row] += along * (a if side else -b) / squared
            for k in range(3):
                gradient[1 + k, row] += slopes[m, k] * (t if side else 1 - t) * h / 2
    return gradient


@numba.njit(cache=True)
def descend(values, start, gradient, first, second, low, high, step, rate, settings):  # type: ignore[no-untyped-def]
    """One step of Adam (Kingma and Ba, 2015; beta 0.9 and 0.95) in place, with the two regularisers' gradients added.

    Args:
        values, gradient, first, second: float32 (4, p); first and second are Adam's moments.
        start: float32 (p,), the TSDF before the fit.
        low, high: float32 (p,), bounds of the TSDF; the deformation's are -1 and 1.
        step: number of this step, from 1.
        rate: learning rate.
        settings: (regularisation over the number of deformations, anchor over the number of points, move).
    """
    regularisation, anchor, move = settings
    correct1, correct2 = 1 - 0.9**step, 1 - 0.95**step
    for c in range(4 if move else 1):
        for i in range(values.shape[1]):
            g = gradient[c, i]
            if c == 0:
                g += 2 * anchor * (values[0, i] - start[i])
            else:
                g += regularisation * np.sign(values[c, i])
            first[c, i] = 0.9 * first[c, i] + 0.1 * g
            second[c, i] = 0.95 * second[c, i] + 0.05 * g * g
            moved = values[c, i] - rate * (first[c, i] / correct1) / (np.sqrt(second[c, i] / correct2) + 1e-8)
            values[c, i] = min(max(moved, low[i] if c == 0 else -1.0), high[i] if c == 0 else 1.0)
