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
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Edges:
    """The grid edges that the surface crosses, as numbers into a list of p grid points.

    Args:
        rows: int32 (m, 2), both ends of each edge among the points; -1 for an end beyond the volume's band.
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
        corners, weights: int32 (q, 3) and float32 (q, 3), where on the extracted surface the samples' closest points
            lie: the vertices of a face, and their shares.
        sample_ok: float32 (q,), as ``target_ok``.
    """

    target: Floats
    target_normal: Floats
    target_ok: Floats
    points: Floats
    normals: Floats
    corners: Ints
    weights: Floats
    sample_ok: Floats


def place_vertices(values: Floats, edges: Edges, h: float) -> Floats:
    """Vertices float32 (m, 3) of the surface of values (p, 4): TSDF, and deformation in half cells of size h."""
    vertices: Floats = _place(values, edges.rows, edges.positions, edges.fill, np.float32(h))
    return vertices


def misfit_gradient(
    values: Floats, vertices: Floats, edges: Edges, faces: Ints, pairs: Pairs, h: float, normal_weight: float
) -> Floats:
    """Gradient float32 (p, 4) of the mean squared distances to tangent planes in cells, both ways, and of the normals.

    Args:
        values: float32 (p, 4), as they count (quantised).
        vertices: `place_vertices` of them.
        faces: int32 (f, 3).
        h: size of a cell.
        normal_weight: of the area-weighted mean of 1 - cos(angle of normals).
    """
    slopes = np.zeros((len(vertices), 3), np.float32)
    _vertex_planes(slopes, vertices, pairs.target, pairs.target_normal, pairs.target_ok, _share(pairs.target_ok, h))
    beyond = slice(len(vertices), None)
    target, normal, ok = pairs.target[beyond], pairs.target_normal[beyond], pairs.target_ok[beyond]
    _faces(slopes, vertices, faces, target, normal, ok, _share(pairs.target_ok, h), normal_weight)
    share = _share(pairs.sample_ok, h)
    _samples(slopes, vertices, pairs.corners, pairs.weights, pairs.points, pairs.normals, pairs.sample_ok, share)
    gradient: Floats = _pull_back(slopes, values, edges.rows, edges.positions, edges.fill, np.float32(h))
    return gradient


def _share(ok: Floats, h: float) -> np.float32:
    """What the slope of one squared distance counts in the mean over all pairs, in cells."""
    return np.float32(2 / (h * h * max(len(ok), 1)))


@numba.njit(cache=True, inline="always")
def _along_edge(values, rows, positions, fill, half, m):  # type: ignore[no-untyped-def]  # numba
    """TSDF of both ends of edge m, the lower end's place and the way from it to the upper end's."""
    low, high = rows[m, 0], rows[m, 1]
    a, b = fill[m, 0], fill[m, 1]
    x, y, z = positions[m, 0, 0], positions[m, 0, 1], positions[m, 0, 2]
    u, v, w = positions[m, 1, 0], positions[m, 1, 1], positions[m, 1, 2]
    if low >= 0:
        a = values[low, 0]
        x, y, z = x + values[low, 1] * half, y + values[low, 2] * half, z + values[low, 3] * half
    if high >= 0:
        b = values[high, 0]
        u, v, w = u + values[high, 1] * half, v + values[high, 2] * half, w + values[high, 3] * half
    return a, b, x, y, z, u - x, v - y, w - z


@numba.njit(cache=True)
def _place(values, rows, positions, fill, h):  # type: ignore[no-untyped-def]  # numba
    vertices, half = np.empty((len(rows), 3), np.float32), h * np.float32(0.5)
    for m in range(len(rows)):
        a, b, x, y, z, u, v, w = _along_edge(values, rows, positions, fill, half, m)
        t = a / (a - b)
        vertices[m, 0], vertices[m, 1], vertices[m, 2] = x + t * u, y + t * v, z + t * w
    return vertices


@numba.njit(cache=True)
def _vertex_planes(slopes, vertices, target, normal, ok, share):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(vertices)):
        r = np.float32(0)
        for k in range(3):
            r += (vertices[i, k] - target[i, k]) * normal[i, k]
        r *= share * ok[i]
        for k in range(3):
            slopes[i, k] += r * normal[i, k]


@numba.njit(cache=True)
def _samples(slopes, vertices, corners, weights, points, normals, ok, share):  # type: ignore[no-untyped-def]  # numba
    for i in range(len(points)):
        if ok[i] == 0:
            continue
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        s, t, u = weights[i, 0], weights[i, 1], weights[i, 2]
        r = np.float32(0)
        for k in range(3):
            r += (s * vertices[a, k] + t * vertices[b, k] + u * vertices[c, k] - points[i, k]) * normals[i, k]
        r *= share
        for k in range(3):
            slope = r * normals[i, k]
            slopes[a, k] += s * slope
            slopes[b, k] += t * slope
            slopes[c, k] += u * slope


@numba.njit(cache=True, inline="always")
def _sides(vertices, faces, f):  # type: ignore[no-untyped-def]  # numba
    """Two sides of a triangle, their cross product and its length."""
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    x, y, z = vertices[a, 0], vertices[a, 1], vertices[a, 2]
    p, q, r = vertices[b, 0] - x, vertices[b, 1] - y, vertices[b, 2] - z
    u, v, w = vertices[c, 0] - x, vertices[c, 1] - y, vertices[c, 2] - z
    i, j, k = q * w - r * v, r * u - p * w, p * v - q * u
    return p, q, r, u, v, w, i, j, k, np.sqrt(i * i + j * j + k * k)


@numba.njit(cache=True)
def _faces(slopes, vertices, faces, target, normal, ok, share, weight):  # type: ignore[no-untyped-def]  # numba
    """What draws the faces' centres to their tangent planes, and turns their normals."""
    total = 0.0
    for f in range(len(faces)):
        total += _sides(vertices, faces, f)[9]
    scale, third = np.float32(weight / max(total, 1e-30)), np.float32(1 / 3)
    for f in range(len(faces)):
        if ok[f] == 0:
            continue
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        p, q, r, u, v, w, i, j, k, length = _sides(vertices, faces, f)
        inverse = np.float32(1) / max(length, np.float32(1e-30))
        x = scale * (i * inverse - normal[f, 0])
        y = scale * (j * inverse - normal[f, 1])
        z = scale * (k * inverse - normal[f, 2])
        off = np.float32(0)
        for d in range(3):
            off += ((vertices[a, d] + vertices[b, d] + vertices[c, d]) * third - target[f, d]) * normal[f, d]
        off *= share * third
        at_b = (v * z - w * y, w * x - u * z, u * y - v * x)
        at_c = (y * r - z * q, z * p - x * r, x * q - y * p)
        for d in range(3):
            slope = off * normal[f, d]
            slopes[b, d] += at_b[d] + slope
            slopes[c, d] += at_c[d] + slope
            slopes[a, d] += slope - (at_b[d] + at_c[d])


@numba.njit(cache=True)
def _pull_back(slopes, values, rows, positions, fill, h):  # type: ignore[no-untyped-def]  # numba
    gradient, half = np.zeros_like(values), h * np.float32(0.5)
    for m in range(len(rows)):
        a, b, _, _, _, u, v, w = _along_edge(values, rows, positions, fill, half, m)
        inverse = np.float32(1) / (a - b)
        t, s = a * inverse, np.float32(1) - a * inverse
        along = (slopes[m, 0] * u + slopes[m, 1] * v + slopes[m, 2] * w) * inverse
        low, high = rows[m, 0], rows[m, 1]
        if low >= 0:
            gradient[low, 0] += along * (s)
            for k in range(3):
                gradient[low, 1 + k] += slopes[m, k] * (s * half)
        if high >= 0:
            gradient[high, 0] += along * t
            for k in range(3):
                gradient[high, 1 + k] += slopes[m, k] * (t * half)
    return gradient


@numba.njit(cache=True)
def descend(values, start, gradient, moments, bounds, rates, settings):  # type: ignore[no-untyped-def]  # numba
    """One step of Adam (Kingma and Ba, 2015; beta 0.9 and 0.95) in place, with the two regularisers' gradients added.

    Args:
        values, gradient: float32 (p, 4).
        start: float32 (p,), the TSDF before the fit.
        moments: float32 (p, 4, 2), Adam's first and second.
        bounds: float32 (p, 2), of the TSDF; the deformation's are -1 and 1.
        rates: learning rate over the first moment's bias correction; the second's correction.
        settings: (regularisation over the number of deformations, anchor over the number of points, move).
    """
    regularisation, twice_anchor, move = np.float32(settings[0]), np.float32(2 * settings[1]), settings[2]
    rate, correct = np.float32(rates[0]), np.float32(1 / rates[1])
    one, fresh1, kept1 = np.float32(1), np.float32(0.1), np.float32(0.9)
    fresh2, kept2, tiny = np.float32(0.05), np.float32(0.95), np.float32(1e-8)
    for i in range(values.shape[0]):
        for c in range(4 if move else 1):
            g, value = gradient[i, c], values[i, c]
            if c == 0:
                g += twice_anchor * (value - start[i])
            elif value != 0:
                g += regularisation if value > 0 else -regularisation
            first = kept1 * moments[i, c, 0] + fresh1 * g
            second = kept2 * moments[i, c, 1] + fresh2 * g * g
            moments[i, c, 0], moments[i, c, 1] = first, second
            value -= rate * first / (np.sqrt(second * correct) + tiny)
            low, high = (bounds[i, 0], bounds[i, 1]) if c == 0 else (-one, one)
            values[i, c] = min(max(value, low), high)
