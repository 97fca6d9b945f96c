"""The 256 cases of marching cubes, derived from the definition instead of typed in.

Corner ``c`` of the unit cell lies at ``(c & 1, c >> 1 & 1, c >> 2 & 1)``; bit ``c`` of a case is set when that corner
is inside. The derivation of one case:

1. On each of the six faces the surface leaves the face's outline where the outline changes sides. The crossings are
   joined around each *outside* stretch of the outline, so that on an ambiguous face (inside corners on a diagonal) the
   inside is joined and thin parts stay whole. The rule looks at that face's four corners alone: the two cells that
   share a face agree, and no crack can open.
2. Each crossed edge of the cell belongs to two faces, so the pieces close into loops, one polygon each.
3. A polygon is cut along diagonals through the cell's interior only. A diagonal on a face could meet its twin of the
   neighbouring cell, and four triangles would share an edge. Among the cuts left, the one with the largest smallest
   angle over edge midpoints wins.

Hence a closed, oriented 2-manifold whenever no crossing lies on the volume's border. At most five triangles a case.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

Point = tuple[float, float, float]
Triangle = tuple[int, int, int]

CORNERS: np.ndarray = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)], dtype=np.int64)
"""Offsets of the corners, int64 (8, 3), columns x, y, z."""

_EDGES = [(corner, axis) for axis in range(3) for corner in range(8) if not corner >> axis & 1]

EDGE_CORNER: np.ndarray = np.array([corner for corner, _ in _EDGES], dtype=np.int64)
"""The corner at the lower end of each of the 12 edges, int64 (12,)."""

EDGE_AXIS: np.ndarray = np.array([axis for _, axis in _EDGES], dtype=np.int64)
"""The axis that each edge runs along, int64 (12,)."""


def _face_outlines() -> list[list[int]]:
    """The corners of the six faces, counter-clockwise seen from outside the cell."""
    outlines = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = [0, u, u | v, v]
        outlines.append(ring[::-1])
        outlines.append([corner | 1 << axis for corner in ring])
    return outlines


def _edge_between(a: int, b: int) -> int:
    return _EDGES.index((min(a, b), (a ^ b).bit_length() - 1))


_FACES = _face_outlines()
_EDGE_FACES = [
    {f for f, ring in enumerate(_FACES) if corner in ring and corner | 1 << axis in ring} for corner, axis in _EDGES
]


def _midpoint(edge: int) -> Point:
    corner, axis = _EDGES[edge]
    x, y, z = ((corner >> a & 1) + (0.5 if a == axis else 0.0) for a in range(3))
    return x, y, z


def _face_segments(case: int, ring: list[int]) -> Iterator[tuple[int, int]]:
    """The surface's pieces (edge, edge) on one face, directed from the end of an outside stretch to its start."""
    inside = [bool(case >> corner & 1) for corner in ring]
    for i in range(4):
        if inside[i] and not inside[(i + 1) % 4]:
            end = next(j for j in range(i + 1, i + 5) if inside[(j + 1) % 4])
            yield _edge_between(ring[end % 4], ring[(end + 1) % 4]), _edge_between(ring[i], ring[(i + 1) % 4])


def _loops(case: int) -> list[list[int]]:
    """The polygons of a case as lists of edges, counter-clockwise seen from outside the surface."""
    follows = dict(segment for ring in _FACES for segment in _face_segments(case, ring))
    loops = []
    while follows:
        edge = min(follows)
        loop = []
        while edge in follows:
            loop.append(edge)
            edge = follows.pop(edge)
        loops.append(loop)
    return loops


def _triangulations(polygon: list[int]) -> Iterator[list[Triangle]]:
    """Every cut of the polygon whose diagonals all run through the cell's interior."""
    if len(polygon) < 3:
        yield []
        return
    first, last = polygon[0], polygon[-1]
    for i in range(1, len(polygon) - 1):
        left, right = polygon[: i + 1], polygon[i:]
        if any(len(part) > 2 and _EDGE_FACES[part[0]] & _EDGE_FACES[part[-1]] for part in (left, right)):
            continue
        for a in _triangulations(left):
            for b in _triangulations(right):
                yield [(first, polygon[i], last), *a, *b]


def _smallest_angle(triangles: list[Triangle]) -> float:
    angles = []
    for triangle in triangles:
        for i in range(3):
            a, b, c = (_midpoint(triangle[(i + j) % 3]) for j in range(3))
            u, v = [p - q for p, q in zip(b, a, strict=True)], [p - q for p, q in zip(c, a, strict=True)]
            cosine = sum(p * q for p, q in zip(u, v, strict=True)) / (math.hypot(*u) * math.hypot(*v))
            angles.append(math.acos(max(-1.0, min(1.0, cosine))))
    return round(min(angles), 9)  # equal angles must compare equal on every machine


def _case_triangles(case: int) -> list[Triangle]:
    triangles: list[Triangle] = []
    for loop in _loops(case):
        best: list[Triangle] = max(_triangulations(loop), key=_smallest_angle)
        triangles += best
    return triangles


_CASES = [_case_triangles(case) for case in range(256)]

TRIANGLE_COUNT: np.ndarray = np.array([len(triangles) for triangles in _CASES], dtype=np.int64)
"""Triangles of each case, int64 (256,), at most 5."""

TRIANGLES: np.ndarray = np.full((256, TRIANGLE_COUNT.max(), 3), -1, dtype=np.int64)
"""Edges of each case's triangles, counter-clockwise seen from outside; int64 (256, 5, 3), -1 where there is none."""
for _case, _triangles in enumerate(_CASES):
    TRIANGLES[_case, : len(_triangles)] = np.array(_triangles, dtype=np.int64).reshape(-1, 3)
