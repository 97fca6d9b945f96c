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
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.group_input import COARSEST, GroupInput, Mask, Refit, Steps
from necgs.mesh.groups import Group, find_groups
from necgs.mesh.manifold import cut_to_manifold
from necgs.mesh.rate import FACES, MeshSetRate
from necgs.mesh.vertex_fit import FitSettings, Original, fit_vertices, refit_vertices

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_VERSION = "meshset/1"
"""Part of the cache's keys: to be changed with the results of decimation or fit."""
_FIT = FitSettings()
_NO_FIT = FitSettings(steps=0)
_REFIT = FitSettings(floor=1.0, most_samples=8000)


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


def coarse_group(group: Group, rate: MeshSetRate, context: Context) -> Coarse | None:
    """Decimate and fit a group, both from the cache where that was done before; None where every shape fails.

    Phases: decimate, fit.
    """
    content = _digest(group.faces, group.vertices)
    targets = sorted({*FACES, rate.faces}, reverse=True)

    def reduce() -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for target, found in zip(targets, decimate(group.vertices, group.faces, targets), strict=True):
            arrays |= {f"faces{target}": found.faces, f"vertices{target}": found.vertices}
        return arrays

    reduced: dict[str, NDArray[Any]] = {}
    for shape in group.shapes:
        with context.shape(shape, EncodeFailed):
            reduced = reduced or context.cached("decimate", _key("decimate", content, str(targets)), reduce)
    if not reduced:
        return None
    faces, start = reduced[f"faces{rate.faces}"], reduced[f"vertices{rate.faces}"].clip(-1, 1)
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
