"""Closest points on a triangle mesh for points that lie near it or move little: by grid cells, or from triangle to
triangle.

A search through a tree of bounding boxes finds the nearest triangle from anywhere, but costs most where triangles are
slivers whose boxes overlap. During a fit the points lie within a cell or so of the surface, and between two searches
they move by a fraction of a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_INSIDE = 1e-6  # barycentric coordinate: a closest point inside a triangle is nearer than any beside it
_MOST_HOPS = 64  # from triangle to triangle; a fit's points need two or three


@dataclass(frozen=True)
class Nearest:
    """Closest points.

    Args:
        points: float32 (n, 3).
        faces: int64 (n,), the triangle of each.
        weights: float32 (n, 3), barycentric coordinates in it.
        distances: float32 (n,).
    """

    points: Floats
    faces: Ints
    weights: Floats
    distances: Floats


def neighbouring_faces(vertices: NDArray[np.floating], faces: Ints) -> tuple[Ints, Ints, Ints]:
    """For each corner's place the faces that meet there: places (m, 3), first entry of each place, and the entries.

    Vertices that coincide are one place, so that seams and triangle soups are crossed.
    """
    places = np.unique(np.ascontiguousarray(vertices, np.float32), axis=0, return_inverse=True)[1].reshape(-1)[faces]
    order = np.argsort(places, axis=None, kind="stable")
    starts = np.searchsorted(places.reshape(-1)[order], np.arange(int(places.max(initial=-1)) + 2))
    return places.astype(np.int64), starts.astype(np.int64), (order // 3).astype(np.int64)


def walk(points: Floats, vertices: Floats, faces: Ints, around: tuple[Ints, Ints, Ints], start: Ints) -> Nearest:
    """Closest points by descent: from triangle ``start`` to a closer one beside it, until the closest point lies
    inside.

    Args:
        points: float32 (n, 3).
        vertices, faces: float32 (v, 3) and int64 (m, 3).
        around: `neighbouring_faces` of the mesh.
        start: int64 (n,), the triangle that was the nearest before the points or the mesh moved.
    """
    found = _walk(points, vertices, faces, *around, start)
    return Nearest(*found)


@numba.njit(cache=True, inline="always")
def _closest(p: Floats, a: Floats, b: Floats, c: Floats) -> tuple[float, float, float]:
    """Barycentric coordinates (of b, of c) of the point of a triangle that is nearest to p, and its squared distance.

    Ericson, Real-Time Collision Detection (2005), section 5.1.5.
    """
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    px, py, pz = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    d1, d2 = ux * px + uy * py + uz * pz, vx * px + vy * py + vz * pz
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    d3, d4, d5, d6 = d1 - uu, d2 - uv, d1 - uv, d2 - vv
    wa, wb, wc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    s, t = 0.0, 0.0
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        s = 1.0
    elif wc <= 0 and d1 >= 0 and d3 <= 0:
        s = d1 / (d1 - d3) if d1 > d3 else 0.0
    elif d6 >= 0 and d5 <= d6:
        t = 1.0
    elif wb <= 0 and d2 >= 0 and d6 <= 0:
        t = d2 / (d2 - d6) if d2 > d6 else 0.0
    elif wa <= 0 and d4 >= d3 and d5 >= d6:
        between = (d4 - d3) + (d5 - d6)
        t = (d4 - d3) / between if between > 0 else 0.0
        s = 1.0 - t
    else:
        total = wa + wb + wc
        if total > 0:
            s, t = wb / total, wc / total
    x, y, z = px - s * ux - t * vx, py - s * uy - t * vy, pz - s * uz - t * vz
    return s, t, x * x + y * y + z * z


@numba.njit(cache=True)
def _walk(points, vertices, faces, places, starts, entries, start):  # type: ignore[no-untyped-def]  # numba
    n = len(points)
    nearest, own = np.empty((n, 3), np.float32), np.empty(n, np.int64)
    weights, distances = np.empty((n, 3), np.float32), np.empty(n, np.float32)
    seen = np.full(len(faces), -1, np.int64)
    for i in range(n):
        best = start[i]
        s, t, squared = _closest(
            points[i], vertices[faces[best, 0]], vertices[faces[best, 1]], vertices[faces[best, 2]]
        )
        seen[best] = i
        for _ in range(_MOST_HOPS):
            at = best
            inner = 1.0 - s - t
            if s > _INSIDE and t > _INSIDE and inner > _INSIDE:
                break
            for corner in range(3):
                if (inner if corner == 0 else (s if corner == 1 else t)) <= _INSIDE:
                    continue
                place = places[at, corner]
                for entry in range(starts[place], starts[place + 1]):
                    face = entries[entry]
                    if seen[face] == i:
                        continue
                    seen[face] = i
                    a, b, c = vertices[faces[face, 0]], vertices[faces[face, 1]], vertices[faces[face, 2]]
                    s1, t1, squared1 = _closest(points[i], a, b, c)
                    if squared1 < squared:
                        best, s, t, squared = face, s1, t1, squared1
            if best == at:
                break
        a, b, c = vertices[faces[best, 0]], vertices[faces[best, 1]], vertices[faces[best, 2]]
        own[i], distances[i] = best, np.sqrt(squared)
        weights[i, 0], weights[i, 1], weights[i, 2] = 1.0 - s - t, s, t
        for k in range(3):
            nearest[i, k] = a[k] * (1.0 - s - t) + b[k] * s + c[k] * t
    return nearest, own, weights, distances
