"""The border of half a shape, of which one part is to be joined with the image of the other by a half turn.

The half ends in the plane x = 0, and the turn is about the z axis: it takes (0, y, z) to (0, -y, z). The border falls
into chains of edges on either side of the axis. A chain and the image of its partner are one curve; each gets vertices
where the other has some, by splits of its edges.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.corner_table import twins

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Side = tuple[int, int]

_ON_AXIS = 1e-6
_ALIKE = 1e-2
"""How far vertices that become a pair may be from one another's images, and new ones from the edge that they split."""
_ONE = 1e-3
"""Vertices so close along the curve become a pair."""


class _Growing:
    """A mesh (v, 3), (f, 3) whose border edges can be split; ``face_of`` has each of them, as it runs in its face."""

    def __init__(self, points: Floats, faces: Ints) -> None:
        self.places: list[Floats] = list(points)
        self.faces: list[list[int]] = faces.tolist()
        start, end = faces.ravel().tolist(), np.roll(faces, -1, axis=1).ravel().tolist()
        sides = np.flatnonzero(twins(faces) < 0).tolist()
        self.face_of: dict[Side, int] = {(start[side], end[side]): side // 3 for side in sides}

    def added(self, place: Floats) -> int:
        """The number of a new vertex."""
        self.places.append(place)
        return len(self.places) - 1

    def split(self, side: Side, between: Sequence[int]) -> None:
        """Put vertices on a border edge, in their order from its start."""
        start, end = side
        for vertex in between:
            number = self.face_of.pop((start, end))
            corners = self.faces[number]
            third = corners[(corners.index(end) + 1) % 3]
            self.faces[number] = [start, vertex, third]
            self.faces.append([vertex, end, third])
            self.face_of[start, vertex] = number
            self.face_of[vertex, end] = len(self.faces) - 1
            if (end, third) in self.face_of:
                self.face_of[end, third] = len(self.faces) - 1
            start = vertex

    def arrays(self) -> tuple[Floats, Ints]:
        """Vertices (v, 3) and faces (f, 3)."""
        return np.array(self.places), np.array(self.faces, np.int64).reshape(-1, 3)


def paired(points: Floats, faces: Ints) -> tuple[Floats, Ints, Ints] | None:
    """A half whose border is its own image, up to small distances.

    Args:
        points: float64 (v, 3).
        faces: int64 (f, 3), whose border has x = 0.

    Returns:
        Vertices (w, 3), faces (g, 3), and each vertex's partner int64 (w,), -1 off the border; a
        vertex on the axis is its own. None where chains have no partners.
    """
    mesh = _Growing(*_welded_at_the_axis(points, faces))
    following = dict(mesh.face_of)
    if len({start for start, _ in following}) != len(following):
        return None
    _split_at_the_axis(mesh)
    chains = _chains(mesh)
    matches = None if chains is None else _matches(chains, mesh)
    if matches is None:
        return None
    partner: dict[int, int] = {}
    for one, other in matches:
        pairs = _merged(mesh, one, other)
        if pairs is None:
            return None
        partner.update(pairs)
        partner.update({b: a for a, b in pairs})
    placed, corners = mesh.arrays()
    numbers = np.full(len(placed), -1, np.int64)
    numbers[list(partner.keys())] = list(partner.values())
    return placed, corners, numbers


def _welded_at_the_axis(points: Floats, faces: Ints) -> tuple[Floats, Ints]:
    """The half without edges of its border that are a mere point of the axis, where many triangles meet."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    sides = np.stack([start, end], axis=1)[twins(faces) < 0]
    small = (np.abs(points[sides, 1]) <= _ON_AXIS).all(1) & (np.abs(np.diff(points[sides, 2])[:, 0]) <= _ON_AXIS)
    number = np.arange(len(points))
    for one, two in sides[small].tolist():
        number[number == number[two]] = number[one]
    corners = number[faces]
    corners = corners[(corners != np.roll(corners, 1, axis=1)).all(1)]
    used, corners = np.unique(corners, return_inverse=True)
    return points[used], corners.reshape(-1, 3)


def _split_at_the_axis(mesh: _Growing) -> None:
    """Put a vertex where an edge of the border crosses the axis."""
    for start, end in list(mesh.face_of):
        a, b = mesh.places[start], mesh.places[end]
        if min(abs(a[1]), abs(b[1])) > _ON_AXIS and a[1] * b[1] < 0:
            place = a + (b - a) * a[1] / (a[1] - b[1])
            mesh.split((start, end), [mesh.added(np.array([0.0, 0.0, place[2]]))])


def _chains(mesh: _Growing) -> list[list[int]] | None:
    """Border vertices in the order of their half-edges: loops, from a vertex back to it, or from axis to axis."""
    following = dict(mesh.face_of.keys())
    ends = {vertex for vertex in following if abs(mesh.places[vertex][1]) <= _ON_AXIS}
    if set(following.values()) != set(following) or any(following[end] in ends for end in ends):
        return None
    chains, seen = [], set[int]()
    for start in [*sorted(ends), *following]:
        if start in seen:
            continue
        chain = [start, following[start]]
        while chain[-1] != start and chain[-1] not in ends:
            chain.append(following[chain[-1]])
        seen.update(chain[:-1])
        chains.append(chain)
    return chains


def _matches(chains: Sequence[list[int]], mesh: _Growing) -> list[tuple[list[int], list[int]]] | None:
    """Chains with y > 0, each with the chain of its images in the same order."""
    upper = [chain for chain in chains if mesh.places[chain[1]][1] > 0]
    lower = [chain[::-1] for chain in chains if mesh.places[chain[1]][1] <= 0]
    if len(upper) != len(lower):
        return None
    found = []
    for one in upper:
        closed = one[0] == one[-1]
        fits = [other for other in lower if (other[0] == other[-1]) == closed and (closed or _same_ends(one, other))]
        if not fits:
            return None
        curve = _curve(mesh, one, 1)
        other = min(fits, key=lambda other: _apart(curve, _curve(mesh, other, -1)))
        lower.remove(other)
        found.append(_begun_together(mesh, one, other) if closed else (one, other))
    return found


def _same_ends(one: Sequence[int], other: Sequence[int]) -> bool:
    return (one[0], one[-1]) == (other[0], other[-1])


def _curve(mesh: _Growing, chain: Sequence[int], sign: int) -> Floats:
    """y and z of a chain's vertices, turned where the sign is -1: (n, 2)."""
    return np.array([mesh.places[vertex][1:] for vertex in chain]) * [sign, 1]


def _lengths(curve: Floats) -> Floats:
    """The length of the curve up to each vertex, (n,)."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])


def _apart(one: Floats, other: Floats) -> float:
    """How much the boxes of two curves, and their lengths, differ."""
    boxes = [np.concatenate([curve.min(0), curve.max(0), [_lengths(curve)[-1]]]) for curve in (one, other)]
    return float(np.abs(boxes[0] - boxes[1]).sum())


def _begun_together(mesh: _Growing, one: list[int], other: list[int]) -> tuple[list[int], list[int]]:
    """Two loops, turned so that they begin where their vertices are closest."""
    a, b = _curve(mesh, one[:-1], 1), _curve(mesh, other[:-1], -1)
    distance = np.linalg.norm(a[:, None] - b[None], axis=2)
    i, j = np.unravel_index(int(distance.argmin()), distance.shape)
    return [*one[i:-1], *one[: i + 1]], [*other[j:-1], *other[: j + 1]]


def _merged(mesh: _Growing, one: Sequence[int], other: Sequence[int]) -> list[Side] | None:
    """Give two chains the vertices of each other; all pairs. None where they are not one curve."""
    a, b = _curve(mesh, one, 1), _curve(mesh, other, -1)
    s, t = _lengths(a), _lengths(b)
    if s[-1] <= 0 or t[-1] <= 0:
        return None
    i, j = _anchors(a, b).T
    steps = _aligned(s, np.interp(t, t[j], s[i]))
    first: list[int] = []
    second: list[int] = []
    for k, m in steps:
        source = a[k] if k >= 0 else b[m]
        first.append(one[k] if k >= 0 else mesh.added(np.array([0.0, *source])))
        second.append(other[m] if m >= 0 else mesh.added(np.array([0.0, *source * [-1, 1]])))
    if not (_fits(a, first, set(one), mesh, 1) and _fits(b, second, set(other), mesh, -1)):
        return None
    gaps = np.linalg.norm(_curve(mesh, first, 1) - _curve(mesh, second, -1), axis=1)
    if gaps.max() > _ALIKE:
        return None
    _insert(mesh, first, set(one))
    _insert(mesh, second[::-1], set(other))
    return list(zip(first, second, strict=True))


def _anchors(one: Floats, other: Floats) -> Ints:
    """Vertices of two curves that are each other's nearest, rising along both, their ends among them: (k, 2)."""
    distance = np.linalg.norm(one[1:-1, None] - other[None, 1:-1], axis=2)
    found = [(0, 0)]
    if distance.size:
        nearest, back = distance.argmin(1), distance.argmin(0)
        for i, j in enumerate(nearest.tolist()):
            if back[j] == i and distance[i, j] <= _ONE and j + 1 > found[-1][1]:
                found.append((i + 1, j + 1))
    return np.array([*found, (len(one) - 1, len(other) - 1)])


def _aligned(s: Floats, t: Floats) -> list[Side]:
    """Places along two curves in one row: which of each, -1 where one has none; both begin and end together."""
    steps, i, j = [(0, 0)], 1, 1
    while i < len(s) - 1 or j < len(t) - 1:
        gap = abs(s[i] - t[j])
        inner = i < len(s) - 1 and j < len(t) - 1
        if inner and gap <= _ONE and gap <= min(abs(s[i + 1] - t[j]), abs(s[i] - t[j + 1])):
            steps.append((i, j))
            i, j = i + 1, j + 1
        elif j == len(t) - 1 or (i < len(s) - 1 and s[i] <= t[j]):
            steps.append((i, -1))
            i += 1
        else:
            steps.append((-1, j))
            j += 1
    return [*steps, (len(s) - 1, len(t) - 1)]


def _fits(curve: Floats, row: Sequence[int], old: set[int], mesh: _Growing, sign: int) -> bool:
    """Whether new vertices in a row lie on the edges of the curve that they are to be put on."""
    place = 0
    for vertex in row[1:-1]:
        if vertex in old:
            place += 1
        elif _distance(curve[place], curve[place + 1], mesh.places[vertex][1:] * [sign, 1]) > _ALIKE:
            return False
    return True


def _distance(start: Floats, end: Floats, point: Floats) -> float:
    """From a point to a segment."""
    along = end - start
    share = np.clip((point - start) @ along / max(float(along @ along), 1e-30), 0, 1)
    return float(np.linalg.norm(start + share * along - point))


def _insert(mesh: _Growing, row: Sequence[int], old: set[int]) -> None:
    """Split the edges between old vertices of a row, which follows the half-edges, at the new ones between them."""
    places = [place for place, vertex in enumerate(row) if vertex in old]
    for start, end in itertools.pairwise(places):
        if end > start + 1:
            mesh.split((row[start], row[end]), row[start + 1 : end])
