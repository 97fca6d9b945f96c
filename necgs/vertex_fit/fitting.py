"""Moves the vertices of a coarse mesh so that its surface lies as close as it can to that of the original.

Measured both ways, as the surface error is: from samples of the original to the coarse mesh, and from samples of the
coarse mesh to the original. Borders of both are sampled in addition: they have no area, and their corners would
be rounded off. Each step solves a damped Gauss-Newton system for the distances along the lines between closest points,
reweighted so that distances count (least absolute deviations) and not their squares. Very large distances count with
their cubes, which keeps the maximum down, and the triangles' sides are drawn towards a right angle to the normals of
the original that lie over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.vertex_fit.borders import border_vertices
from necgs.vertex_fit.normal_equations import EdgeList, Floats, Ints, NormalEquations, Rows
from necgs.vertex_fit.triangle_turns import keep_triangles
from necgs.volume.surface import Surface

_AGREEMENT = 0.3  # cosine; a sample's normal further from its triangle's is on another sheet
_BORDER_WEIGHT = 10.0  # of such a point, in samples
_MOST_ON_BORDERS = 0.1  # points on borders, as a share of the samples
_EXACT = 1e-12  # below that the largest distance is none
_SIDES = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [-1.0, 0.0, 1.0]])


@dataclass(frozen=True)
class FitSettings:
    """How a fit runs.

    Args:
        steps: of Gauss-Newton; fewer where the bound leaves fewer samples per face, which would be fitted too closely.
        samples_per_face: of the coarse mesh, on each of the two surfaces ...
        least_samples, most_samples: ... within these bounds.
        many_faces: from here on the upper bound grows with the faces, up to four times.
        floor: distances below this multiple of the mean distance count as squares.
        cap: distances beyond this multiple of the mean distance count as cubes.
        normal_weight: of the normals.
        relative_damping, absolute_damping: see `NormalEquations.step`.
        seed: of the samples on the coarse mesh.
    """

    steps: int = 7
    samples_per_face: float = 8.0
    least_samples: int = 3000
    most_samples: int = 12_000
    many_faces: int = 2500
    floor: float = 0.2
    cap: float = 3.0
    normal_weight: float = 6.0
    relative_damping: float = 0.003
    absolute_damping: float = 0.0005
    seed: int = 1

    def samples_for(self, faces: int) -> int:
        """Samples on each surface for a coarse mesh of so many faces."""
        return int(np.clip(self.samples_per_face * faces, self.least_samples, self.bound(faces)))

    def bound(self, faces: int) -> int:
        """Most samples for a coarse mesh of so many faces."""
        return int(np.clip(self.most_samples * faces / self.many_faces, self.most_samples, 4 * self.most_samples))

    def steps_for(self, faces: int) -> int:
        """Steps for a coarse mesh of so many faces."""
        return int(np.ceil(self.steps * min(1.0, self.bound(faces) / (self.samples_per_face * max(faces, 1)))))

    def __post_init__(self) -> None:
        if self.steps < 0 or not 0 < self.least_samples <= self.most_samples or not 0 < self.floor < self.cap:
            raise ValueError(f"fit: wants steps >= 0, 0 < least_samples <= most_samples and 0 < floor < cap: {self}")
        if self.many_faces < 1:
            raise ValueError(f"fit: wants many_faces >= 1: {self}")


class Original:
    """The surface that coarse meshes are fitted to, with samples that all of its fits share.

    Args:
        vertices: (v, 3), in the cube [-1, 1]^3.
        faces: (f, 3).
        samples: at least `FitSettings.bound`, for a fit to find as many as it asks for.
        seed: of the samples.
    """

    def __init__(self, vertices: NDArray[Any], faces: NDArray[Any], samples: int = 12_000, seed: int = 0) -> None:
        self.surface = Surface(vertices, faces)
        self._points, of = self.surface.sample(samples, seed)
        self._normals = self.surface.normals[of]
        border = border_vertices(np.ascontiguousarray(faces, np.int64))
        self._border = np.asarray(vertices, np.float32)[border]

    def samples(self, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """At most ``count`` points float32 (m, 3), spread evenly over the area, and their normals."""
        chosen = _evenly(count, len(self._points))
        return self._points[chosen], self._normals[chosen]

    def border(self, count: int) -> NDArray[np.float32]:
        """At most ``count`` of the vertices of borders, float32 (m, 3)."""
        return self._border[_evenly(count, len(self._border))]


def _evenly(count: int, available: int) -> Ints:
    """At most ``count`` of the numbers below ``available``, evenly spaced."""
    taken = min(count, available)
    return np.arange(taken) * available // max(taken, 1)


@dataclass(frozen=True)
class Fitted:
    """A coarse mesh after its fit.

    Args:
        vertices: float64 (v, 3).
        hessians: float64 (v, 3, 3); half of d^T H d is about what moving a vertex by d adds to the surface error.
        before, after: the surface error (mean of both ways' mean distances) on the fit's own samples; a single step
            (`refit_vertices`) does not measure ``after``, and says ``before`` there.
    """

    vertices: Floats
    hessians: Floats
    before: float
    after: float


@dataclass(frozen=True)
class _Linearised:
    equations: NormalEquations
    distance: Floats

    def score(self, most: float) -> float:
        """The mean distance, with distances beyond ``most`` counted as cubes."""
        least = max(most, _EXACT)  # a shape that was fitted exactly has no largest distance
        return float((self.distance * np.maximum(self.distance / least, 1.0) ** 2).mean())


def fit_vertices(
    original: Original,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    settings: FitSettings | None = None,
    free: NDArray[np.bool_] | None = None,
) -> Fitted:
    """Fit a coarse mesh to the original; of all steps' results, the best.

    Args:
        original: what to fit to.
        vertices: (v, 3), where to start.
        faces: int (f, 3); they stay.
        settings: how.
        free: bool (v,), the vertices that may move, or bool (v, 3), the coordinates that may change; without it all.
    """
    chosen = settings or FitSettings()
    x, triangles = np.array(vertices, np.float64), np.ascontiguousarray(faces, np.int64)
    edges = EdgeList.of(triangles)
    now = best = _linearise(original, x, triangles, edges, chosen, None, chosen.seed)
    before, kept = float(now.distance.mean()), x
    most = chosen.cap * before
    for step in range(chosen.steps_for(len(triangles))):
        x = _moved(x, triangles, now.equations, chosen, free)
        now = _linearise(original, x, triangles, edges, chosen, float(now.distance.mean()), chosen.seed + 1 + step)
        if now.score(most) < best.score(most):
            best, kept = now, x
    return Fitted(kept, best.equations.blocks(), before, float(best.distance.mean()))


def refit_vertices(
    original: Original,
    vertices: NDArray[Any],
    faces: NDArray[Any],
    free: NDArray[np.bool_],
    error: float,
    settings: FitSettings | None = None,
) -> Fitted:
    """One step of the vertices that are still free, for a coder that has just fixed others.

    Args:
        original, vertices, faces, free, settings: see `fit_vertices`; ``settings.steps`` does not count.
        error: about the surface error, from which floor and cap follow.

    Returns:
        The vertices after the step, and the Hessians before it: the step costs one search for closest points.
    """
    chosen = settings or FitSettings()
    x, triangles = np.array(vertices, np.float64), np.ascontiguousarray(faces, np.int64)
    now = _linearise(original, x, triangles, EdgeList.of(triangles), chosen, error, chosen.seed)
    measured = float(now.distance.mean())
    return Fitted(_moved(x, triangles, now.equations, chosen, free), now.equations.blocks(), measured, measured)


def _moved(
    x: Floats, faces: Ints, equations: NormalEquations, settings: FitSettings, free: NDArray[np.bool_] | None
) -> Floats:
    every = np.ones(x.shape, np.bool_)
    movable = every if free is None else every & (free if free.ndim == 2 else free[:, None])
    move = equations.step(movable, settings.relative_damping, settings.absolute_damping)
    return keep_triangles(x, np.where(movable, (x + move).clip(-1, 1), x), faces)


def _linearise(
    original: Original,
    vertices: Floats,
    faces: Ints,
    edges: EdgeList,
    settings: FitSettings,
    error: float | None,
    seed: int,
) -> _Linearised:
    """The normal equations at ``vertices``; floor and cap are multiples of ``error``, or of the mean found here."""
    coarse = Surface(vertices, faces)
    count = settings.samples_for(len(faces))
    points, normals = original.samples(count)
    border = original.border(int(_MOST_ON_BORDERS * count))
    points, normals = np.concatenate([points, border]), np.concatenate([normals, np.zeros_like(border)])
    there, face, shares = coarse.closest(points)
    samples, own_face, own_shares = _samples(vertices, faces, count, seed)
    own_border, at = np.unique(faces, return_index=True)
    at = at[np.isin(own_border, border_vertices(faces))]
    samples = np.concatenate([samples, vertices[faces.reshape(-1)[at]]])
    own_face, own_shares = np.concatenate([own_face, at // 3]), np.concatenate([own_shares, np.eye(3)[at % 3]])
    target, of, _ = original.surface.closest(samples)
    direction, distance = _lines(points - there.astype(np.float64), coarse.normals[face])
    own_direction, own_distance = _lines(target - samples, original.surface.normals[of])
    both = np.concatenate([distance, own_distance])
    size = np.abs(both)
    scale = float(size.mean()) if error is None else error
    least, most = max(settings.floor * scale, 1e-6), max(settings.cap * scale, 1e-6)
    weight = np.maximum(size / most, 1.0) / np.clip(size, least, most) / len(both)
    weight[len(points) - len(border) : len(points)] *= _BORDER_WEIGHT
    weight[len(weight) - len(at) :] *= _BORDER_WEIGHT
    face = np.concatenate([face, own_face])
    distances = Rows(
        face,
        np.concatenate([shares.astype(np.float64), own_shares]),
        np.concatenate([direction, own_direction]),
        both,
        weight,
    )
    over = np.concatenate([normals, original.surface.normals[of]])
    sides = _sides(vertices, faces, _mean_normals(face, over, coarse.normals), settings.normal_weight * scale)
    return _Linearised(NormalEquations.of((distances, sides), faces, edges, len(vertices)), size)


def _lines(between: NDArray[Any], normals: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Unit directions (m, 3) and lengths (m,) of the lines between closest points; the normal where they coincide."""
    length = np.sqrt((between**2).sum(1))
    apart = length > 1e-7
    direction = np.where(apart[:, None], between / np.maximum(length, 1e-30)[:, None], normals)
    return direction, (direction * between).sum(1)


def _mean_normals(face: Ints, normals: NDArray[np.float32], own: NDArray[np.float32]) -> Floats:
    """Of the normals (m, 3) matched with each face, the mean direction float64 (f, 3); zero for a face without any."""
    agree = (normals * own[face]).sum(1) > _AGREEMENT
    sums = np.stack([np.bincount(face, normals[:, k] * agree, len(own)) for k in range(3)], axis=1)
    means: Floats = sums / np.maximum(np.sqrt((sums**2).sum(1, keepdims=True)), 1e-9)
    return means


def _sides(vertices: Floats, faces: Ints, normals: Floats, weight: float) -> Rows:
    """Rows that turn the triangles' sides to a right angle to ``normals``: per area, the square of the angle."""
    side = vertices[faces] - vertices[np.roll(faces, -1, axis=1)]
    area = np.sqrt((np.cross(side[:, 0], side[:, 1]) ** 2).sum(1))
    squared = np.maximum((side**2).sum(2), 1e-12)
    return Rows(
        np.repeat(np.arange(len(faces)), 3),
        np.tile(_SIDES, (len(faces), 1)),
        np.repeat(normals, 3, axis=0),
        -(side * normals[:, None]).sum(2).reshape(-1),
        (weight * (area / area.sum())[:, None] / squared).reshape(-1),
    )


def _samples(vertices: Floats, faces: Ints, count: int, seed: int) -> tuple[Floats, Ints, Floats]:
    """Points float64 (count, 3) spread evenly over a mesh, their faces and their shares of the corners (count, 3)."""
    generator = np.random.default_rng(seed)
    corners = vertices[faces]
    area = np.sqrt((np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) ** 2).sum(1))
    steps = (np.arange(count) + generator.random(count)) / count * area.sum()
    face = np.searchsorted(np.cumsum(area), steps).clip(max=len(area) - 1)
    uv = generator.random((count, 2))
    uv = np.where(uv.sum(1, keepdims=True) > 1, 1 - uv, uv)
    shares = np.concatenate([1 - uv.sum(1, keepdims=True), uv], axis=1)
    return (corners[face] * shares[:, :, None]).sum(1), face, shares
