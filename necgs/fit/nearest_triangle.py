"""Closest points on a triangle mesh for points that lie near it or move little: from triangle to triangle.

A search through a tree of bounding boxes finds the nearest triangle from anywhere, but costs most where triangles are
slivers whose boxes overlap. During a fit the points move by a fraction of a cell between two searches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.volume.closest_point import closest_on_triangle

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
    return faces_around(np.unique(np.ascontiguousarray(vertices, np.float32), axis=0, return_inverse=True)[1][faces])


def faces_around(places: Ints) -> tuple[Ints, Ints, Ints]:
    """`neighbouring_faces` of a mesh without seams: its faces (m, 3), whose vertices are the places."""
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


@numba.njit(cache=True)
def _walk(points, vertices, faces, places, starts, entries, start):  # type: ignore[no-untyped-def]  # numba
    n = len(points)
    nearest, own = np.empty((n, 3), np.float32), np.empty(n, np.int64)
    weights, distances = np.empty((n, 3), np.float32), np.empty(n, np.float32)
    seen = np.full(len(faces), -1, np.int64)
    for i in range(n):
        best = start[i]
        s, t, squared = closest_on_triangle(
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
                    s1, t1, squared1 = closest_on_triangle(points[i], a, b, c)
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
