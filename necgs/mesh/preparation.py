"""From the meshes of a set to what its coder is given: groups, coarse faces, fitted vertices, steps."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.codec import Context, EncodeFailed, InvalidMesh
from bench.codec.checks import checked_arrays
from necgs.mesh.decimation import seam
from necgs.mesh.duplicates import find_duplicates
from necgs.mesh.face_budget import distributed
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.group_input import COARSEST, Copy, GroupInput, Mask, Refit, Steps
from necgs.mesh.groups import Group, find_groups
from necgs.mesh.lone_shape import Lattice
from necgs.mesh.manifold import cut_to_manifold
from necgs.mesh.rate import MeshSetRate
from necgs.mesh.reduction import Reduced, digest, even_price, key, price
from necgs.mesh.symmetric_half import HalfTurn, Symmetry, images, with_image
from necgs.vertex_fit.fitting import FitSettings, Original, refit_vertices
from necgs.vertex_fit.guarded_fit import guarded_fit, surface_error

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIT = FitSettings()
NO_FIT = FitSettings(steps=0)
REFIT = FitSettings(floor=1.0, most_samples=8000, many_faces=2000)
_LEAST_PER_FACE = 4
"""Samples of a refit: with fewer, vertices follow these and not the surface, which takes bytes and error."""
_SHARE = 0.7
"""Of the set's slope, to which the error of a shape that is nearly exact is raised."""
_STIFF = 1e6
"""Added to the Hessian of a coordinate that must stay: its code is never moved to a cheaper one."""


@dataclass(frozen=True)
class Coarse:
    """A group of shapes, decimated and fitted.

    Args:
        group: the originals.
        faces: int64 (f, 3), manifold.
        vertices: float64 (n, v, 3).
        hessians: float64 (n, v, 3, 3); half of d^T H d is about what moving a vertex by d adds to the surface error.
        error: mean surface error of the group.
        doubled: vertices that the cut into manifold pieces has added.
        symmetry: where this is a part of a symmetric shape.
    """

    group: Group
    faces: Ints
    vertices: Floats
    hessians: Floats
    error: float
    doubled: int
    symmetry: Symmetry | HalfTurn | None = None


def grouped(meshes: Sequence[Any], rate: MeshSetRate, context: Context) -> tuple[list[Group], list[Copy]]:
    """The shapes of a set that can be coded, in groups of one face list, and copies of them.

    Shapes that cannot be coded fail with their reasons. Places are those in the set.
    """
    arrays, places = [], []
    for index, mesh in enumerate(meshes):
        with context.shape(index, InvalidMesh):
            arrays.append(checked_arrays(mesh))
            places.append(index)
    duplicates = find_duplicates(arrays) if rate.copies else {}
    copies = [Copy(places[number], places[found.of], found.transform) for number, found in duplicates.items()]
    originals = [number for number in range(len(arrays)) if number not in duplicates]
    found = []
    for some in [originals] if rate.groups else [[number] for number in originals]:
        for group in find_groups([arrays[number] for number in some]):
            shapes = tuple(places[some[shape]] for shape in group.shapes)
            if len(group.faces):
                found.append(replace(group, shapes=shapes))
            else:
                for shape in shapes:
                    context.fail(shape, InvalidMesh("no face has three vertices at different places"))
    return found, copies


def shares(groups: Sequence[Sequence[Reduced]], rate: MeshSetRate) -> list[Reduced]:
    """Each group with the number of faces that it gets: ``rate.faces`` on average, where the error is least."""
    if not rate.balance:
        return [options[0] for options in groups]
    counts = [len(options[0].group.shapes) for options in groups]
    errors = [[option.error * count for option in options] for options, count in zip(groups, counts, strict=True)]
    costs = [[price(option) for option in options] for options in groups]
    budget = sum(even_price(options, rate.faces) for options in groups) * (1 + 1e-9)
    return [options[choice] for options, choice in zip(groups, distributed(errors, costs, budget), strict=True)]


def all_fitted(chosen: Sequence[Reduced], rate: MeshSetRate, context: Context) -> list[Coarse]:
    """Those groups of a set of which some shape can be `fitted`."""
    total, done = sum(len(one.group.shapes) for one in chosen), 0
    coarse = []
    for one in chosen:
        coarse.append(fitted(one, rate, context, done, total))
        done += len(one.group.shapes)
    return [found for found in coarse if found is not None]


def fitted(found: Reduced, rate: MeshSetRate, context: Context, done: int = 0, total: int = 0) -> Coarse | None:
    """A group, fitted, from the cache where that was done; None where every shape fails.

    Phase ``fit``. Reports progress: of ``total`` shapes, 0 where it is not known how many, ``done`` were fitted before.
    """
    group, fits = found.group, {}
    mirrors = found.symmetry.axes if isinstance(found.symmetry, Symmetry) else ()
    held, _ = seam(found.vertices[0], found.faces, mirrors)
    for row, shape in enumerate(group.shapes):
        with context.shape(shape, EncodeFailed):
            if isinstance(found.symmetry, HalfTurn):
                fits[row] = _fitted_turned(found, found.symmetry, rate, context)
            else:
                fits[row] = _fitted(found, row, held, rate, context)
        context.progress(done + row + 1, total, "fitting")
    return _cut(found, fits) if fits else None


def _fitted(found: Reduced, row: int, held: Mask, rate: MeshSetRate, context: Context) -> dict[str, NDArray[Any]]:
    settings = FIT if rate.fit else NO_FIT
    vertices, start = found.group.vertices[row], found.vertices[row]

    def fit() -> dict[str, NDArray[Any]]:
        original = Original(vertices, found.group.faces, settings.bound(len(found.faces)))
        made = guarded_fit(original, start, found.faces, settings, ~held)
        return {"vertices": made.vertices, "hessians": made.hessians, "error": np.array(made.after)}

    content = digest(vertices, found.group.faces, start, found.faces, held)
    return context.cached("fit", key("guarded fit", content, repr(settings)), fit)


def _fitted_turned(found: Reduced, turn: HalfTurn, rate: MeshSetRate, context: Context) -> dict[str, NDArray[Any]]:
    """The half of a shape with a half turn: the whole is fitted, and each vertex put midway to its turned image."""
    settings = FIT if rate.fit else NO_FIT
    shape, start = found.group.vertices[0], found.vertices[0]

    def fit() -> dict[str, NDArray[Any]]:
        number = images(start, found.faces, turn)
        whole, faces = with_image(start, found.faces, number, turn)
        original = Original(shape, found.group.faces, settings.bound(len(faces)))
        made = guarded_fit(original, whole, faces, settings)
        here, there = made.vertices[: len(start)], turn.turned(made.vertices[number])
        vertices: Floats = (here + there) / 2
        if not np.array_equal(images(vertices, found.faces, turn), number):
            vertices = start
        bent = made.hessians[: len(start)] + made.hessians[number] * np.outer(turn.signs, turn.signs)
        after = surface_error(original, with_image(vertices, found.faces, number, turn)[0], faces)
        if after > made.before:
            vertices, after = start, made.before
        return {"vertices": vertices, "hessians": bent, "error": np.array(after)}

    content = digest(shape, found.group.faces, start, found.faces)
    return context.cached("fit", key("turned fit", content, str(turn.axis), repr(settings)), fit)


def _cut(found: Reduced, fits: dict[int, dict[str, NDArray[Any]]]) -> Coarse:
    """The rows of a group that were fitted, cut into manifold pieces; a doubled vertex shares its Hessian."""
    rows, group = sorted(fits), found.group
    corners, origins = cut_to_manifold(found.faces)
    copies = np.bincount(origins)[origins]
    kept = replace(group, shapes=tuple(group.shapes[row] for row in rows), vertices=group.vertices[rows])
    return Coarse(
        kept,
        corners,
        np.stack([fits[row]["vertices"][origins] for row in rows]),
        np.stack([fits[row]["hessians"][origins] / copies[:, None, None] for row in rows]),
        float(np.mean([fits[row]["error"] for row in rows])),
        len(origins) - len(np.unique(origins)),
        found.symmetry,
    )


def slope_of(coarse: Sequence[Coarse]) -> float:
    """The surface error per vertex of a set: what a set's mean error costs, see `coder_input`."""
    counts = [len(found.vertices) for found in coarse]
    errors = sum(count * found.error for count, found in zip(counts, coarse, strict=True))
    vertices: int = sum(count * found.vertices.shape[1] for count, found in zip(counts, coarse, strict=True))
    return errors / max(vertices, 1)


def coder_input(
    coarse: Coarse, places: Sequence[int], rate: MeshSetRate, context: Context, slope: float = 0.0
) -> GroupInput:
    """What the coder is given for a group whose shapes have these places in the archive.

    Steps follow the error of the group. The error that steps add grows with them, and halving them takes a bit for each
    coordinate: so a bit buys as much in all shapes where steps are as the numbers of vertices. That holds about by
    itself where more faces lie closer, but parts that are exact with few faces would get steps far too fine: theirs
    follow from ``slope``, that of the set.
    """
    seen = REFIT.bound(len(coarse.faces)) >= _LEAST_PER_FACE * len(coarse.faces)
    refits = rate.fit and seen and not coarse.doubled and len(places) > 1
    error = max(coarse.error, _SHARE * slope * coarse.vertices.shape[1])
    steps = Steps(*(_step(scale * error) for scale in (rate.lattice, rate.step, rate.tangential)))
    hessians, vertices = coarse.hessians, coarse.vertices
    if isinstance(coarse.symmetry, HalfTurn):  # vertices of the seam stay at each other's images
        number = images(vertices[0], coarse.faces, coarse.symmetry)
        step, vertices = _on_lattice(vertices[0], coarse.faces, number, steps.lattice, coarse.symmetry)
        steps = replace(steps, lattice=step)
        hessians = hessians + np.eye(3) * (number < len(number))[:, None, None] * _STIFF
    elif coarse.symmetry is not None:  # a vertex of the seam stays in its plane
        seamed = np.zeros(3)
        seamed[list(coarse.symmetry.axes)] = _STIFF
        hessians = hessians + np.eye(3) * ((coarse.vertices == 0) * seamed)[..., None]
    return GroupInput(
        coarse.faces,
        vertices,
        steps,
        tuple(places),
        hessians,
        rate.lambda_ * error / coarse.vertices.shape[1],
        _refit(coarse, context) if refits else None,
        coarse.symmetry,
    )


def _on_lattice(vertices: Floats, faces: Ints, number: Ints, step: float, turn: HalfTurn) -> tuple[float, Floats]:
    """A step at which the vertices of the seam, on the lattice, are still paired, and (1, v, 3) with these there."""
    while True:
        lattice = Lattice(round(step * CUBE))
        placed = lattice.points(lattice.nearest(vertices)) / CUBE
        if np.array_equal(images(placed, faces, turn), number) or lattice.step <= 4:
            return step, np.where((number < len(number))[:, None], placed, vertices)[None]
        step = _step(0.8 * step)


def _step(wanted: float) -> float:
    """The nearest step that can be coded, in the cube's half sides."""
    return float(np.clip(wanted, 4 / CUBE, COARSEST / CUBE))


def _refit(coarse: Coarse, context: Context) -> Refit:
    """Moves the vertices of a shape that are not coded yet; shapes come one after another, so one original is kept."""

    @functools.lru_cache(maxsize=1)
    def original(row: int) -> Original:
        context.check_deadline()
        context.progress(coarse.group.shapes[row], 0, "coding")
        return Original(coarse.group.vertices[row], coarse.group.faces, REFIT.bound(len(coarse.faces)))

    def moved(row: int, done: Mask, positions: Floats) -> Floats:
        return refit_vertices(original(row), positions, coarse.faces, ~done, coarse.error, REFIT).vertices

    return moved
