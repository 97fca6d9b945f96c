"""From the meshes of a set to what its coder is given: groups, coarse faces, fitted vertices, steps."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.codec import Context, EncodeFailed, InvalidMesh
from bench.codec.checks import checked_arrays
from necgs.mesh.decimation import decimate
from necgs.mesh.face_budget import candidates, cost, distributed
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.group_input import COARSEST, GroupInput, Mask, Refit, Steps
from necgs.mesh.groups import Group, find_groups
from necgs.mesh.manifold import cut_to_manifold
from necgs.mesh.rate import MeshSetRate
from necgs.mesh.vertex_fit import FitSettings, Original, fit_vertices, refit_vertices

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_VERSION = "meshset/1"
"""Part of the cache's keys: to be changed with the results of decimation or fit."""
_FIT = FitSettings()
_NO_FIT = FitSettings(steps=0)
_REFIT = FitSettings(floor=1.0, most_samples=8000)
_ESTIMATE = FitSettings(steps=0, most_samples=3000)
_PROBES = 4
"""Shapes of a group whose errors are looked at to find how many faces it gets."""


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
    """

    group: Group
    faces: Ints
    vertices: Floats
    hessians: Floats
    error: float
    doubled: int


@dataclass(frozen=True)
class Decimations:
    """A group with several numbers of faces.

    Args:
        group: the originals.
        targets: the numbers, falling.
        arrays: of each, ``facesN`` (f, 3) and ``verticesN`` (n, v, 3); and ``errors``, of all.
    """

    group: Group
    targets: tuple[int, ...]
    arrays: dict[str, NDArray[Any]]


def grouped(meshes: Sequence[Any], together: bool, context: Context) -> list[Group]:
    """The shapes of a set that can be coded, in groups of one face list; the others fail with their reasons."""
    arrays, places = [], []
    for index, mesh in enumerate(meshes):
        with context.shape(index, InvalidMesh):
            arrays.append(checked_arrays(mesh))
            places.append(index)
    each = [arrays] if together else [[one] for one in arrays]
    found, start = [], 0
    for some in each:
        for group in find_groups(some):
            shapes = tuple(places[start + shape] for shape in group.shapes)
            if len(group.faces):
                found.append(replace(group, shapes=shapes))
            else:
                for shape in shapes:
                    context.fail(shape, InvalidMesh("no face has three vertices at different places"))
        start += len(some)
    return found


def decimated(group: Group, rate: MeshSetRate, context: Context) -> Decimations | None:
    """A group with each number of faces that it may get, from the cache where that was done; None where it fails.

    Phase ``decimate``.
    """
    content = _digest(group.faces, group.vertices)
    targets = candidates(rate.faces) if rate.balance else [rate.faces]

    def reduce() -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for target, found in zip(targets, decimate(group.vertices, group.faces, targets), strict=True):
            arrays |= {f"faces{target}": found.faces, f"vertices{target}": found.vertices.clip(-1, 1)}
        return arrays | {"errors": np.array([_error(group, arrays, target) for target in targets])}

    reduced: dict[str, NDArray[Any]] = {}
    for shape in group.shapes:
        with context.shape(shape, EncodeFailed):
            reduced = reduced or context.cached("decimate", _key("decimate", content, str(targets)), reduce)
    return Decimations(group, tuple(targets), reduced) if reduced else None


def _error(group: Group, arrays: dict[str, NDArray[Any]], target: int) -> float:
    """About the mean surface error of a group's shapes, from some of them."""
    some = sorted({round(row) for row in np.linspace(0, len(group.shapes) - 1, _PROBES)})
    faces, vertices = arrays[f"faces{target}"], arrays[f"vertices{target}"]
    originals = [Original(group.vertices[row], group.faces, _ESTIMATE.most_samples) for row in some]
    found = [fit_vertices(o, vertices[row], faces, _ESTIMATE).before for o, row in zip(originals, some, strict=True)]
    return float(np.mean(found))


def shares(groups: Sequence[Decimations], rate: MeshSetRate) -> list[int]:
    """The number of faces that each group gets: ``rate.faces`` on average, where the error is least."""
    if not rate.balance:
        return [rate.faces] * len(groups)
    rising = [found.targets[::-1] for found in groups]
    counts = [len(found.group.shapes) for found in groups]
    errors = [found.arrays["errors"][::-1] * count for found, count in zip(groups, counts, strict=True)]
    costs = [[cost(faces, count) for faces in row] for row, count in zip(rising, counts, strict=True)]
    budget = sum(cost(rate.faces, count) for count in counts) * (1 + 1e-9)
    chosen = distributed([row.tolist() for row in errors], costs, budget)
    return [row[choice] for row, choice in zip(rising, chosen, strict=True)]


def fitted(reduced: Decimations, target: int, rate: MeshSetRate, context: Context) -> Coarse | None:
    """A group with so many faces, fitted, from the cache where that was done; None where every shape fails.

    Phase ``fit``.
    """
    group, faces, start = reduced.group, reduced.arrays[f"faces{target}"], reduced.arrays[f"vertices{target}"]
    fits = {}
    for row, shape in enumerate(group.shapes):
        with context.shape(shape, EncodeFailed):
            fits[row] = _fitted(group.vertices[row], group.faces, start[row], faces, rate, context)
        context.progress(shape, 0, "fitting")
    return _cut(group, faces, fits) if fits else None


def _fitted(
    vertices: Floats, faces: Ints, start: Floats, coarse_faces: Ints, rate: MeshSetRate, context: Context
) -> dict[str, NDArray[Any]]:
    settings = _FIT if rate.fit else _NO_FIT

    def fit() -> dict[str, NDArray[Any]]:
        found = fit_vertices(Original(vertices, faces), start, coarse_faces, settings)
        return {"vertices": found.vertices, "hessians": found.hessians, "error": np.array(found.after)}

    return context.cached("fit", _key("fit", _digest(vertices, faces, start, coarse_faces), repr(settings)), fit)


def _cut(group: Group, faces: Ints, fits: dict[int, dict[str, NDArray[Any]]]) -> Coarse:
    """The rows of a group that were fitted, cut into manifold pieces; a doubled vertex shares its Hessian."""
    rows = sorted(fits)
    corners, origins = cut_to_manifold(faces)
    copies = np.bincount(origins)[origins]
    kept = replace(group, shapes=tuple(group.shapes[row] for row in rows), vertices=group.vertices[rows])
    return Coarse(
        kept,
        corners,
        np.stack([fits[row]["vertices"][origins] for row in rows]),
        np.stack([fits[row]["hessians"][origins] / copies[:, None, None] for row in rows]),
        float(np.mean([fits[row]["error"] for row in rows])),
        len(origins) - len(np.unique(origins)),
    )


def coder_input(coarse: Coarse, places: Sequence[int], rate: MeshSetRate, context: Context) -> GroupInput:
    """What the coder is given for a group whose shapes have these places in the archive."""
    refits = rate.fit and not coarse.doubled and len(places) > 1
    return GroupInput(
        coarse.faces,
        coarse.vertices,
        Steps(*(_step(scale * coarse.error) for scale in (rate.lattice, rate.step, rate.tangential))),
        tuple(places),
        coarse.hessians,
        rate.lambda_ * coarse.error / coarse.vertices.shape[1],
        _refit(coarse, context) if refits else None,
    )


def _step(wanted: float) -> float:
    """The nearest step that can be coded, in the cube's half sides."""
    return float(np.clip(wanted, 4 / CUBE, COARSEST / CUBE))


def _refit(coarse: Coarse, context: Context) -> Refit:
    """Moves the vertices of a shape that are not coded yet; shapes come one after another, so one original is kept."""

    @functools.lru_cache(maxsize=1)
    def original(row: int) -> Original:
        context.check_deadline()
        context.progress(coarse.group.shapes[row], 0, "coding")
        return Original(coarse.group.vertices[row], coarse.group.faces, _REFIT.most_samples)

    def moved(row: int, done: Mask, positions: Floats) -> Floats:
        return refit_vertices(original(row), positions, coarse.faces, ~done, coarse.error, _REFIT).vertices

    return moved


def _digest(*arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join((_VERSION, *parts)).encode()).hexdigest()
