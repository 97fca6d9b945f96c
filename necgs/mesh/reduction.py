"""A group with every number of faces that it may get: whole and, where it is symmetric, one part of it.

The edges of a group are collapsed once for all rates; the meshes on the way are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.codec import Context, EncodeFailed
from necgs.mesh.decimation import decimate, decimate_turned
from necgs.mesh.face_budget import MOST_TIMES, candidates, cost, numbers_between
from necgs.mesh.groups import Group
from necgs.mesh.half_turn import Turned, find_turned, half_of
from necgs.mesh.rate import FACES, MeshSetRate
from necgs.mesh.symmetric_half import HalfTurn, Symmetry, unfolded
from necgs.mesh.symmetry import Folded, folded
from necgs.vertex_fit.borders import edge_face_counts
from necgs.vertex_fit.fitting import FitSettings, Original, fit_vertices

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_VERSION = "meshset/2"
"""Part of the cache's keys: to be changed with the results of decimation or fit."""
_ESTIMATE = FitSettings(steps=0, most_samples=3000)
_COMMON = {*FACES, *numbers_between(min(FACES) // MOST_TIMES, max(FACES) * MOST_TIMES)}
_PROBES = 4
"""Shapes of a group whose errors are looked at to find how many faces it gets."""
_MOST_AT_ONCE = 4_000_000
"""Faces of a group's shapes up to which it is decimated for all rates, not for one: what is kept must fit in memory."""
_ASYMMETRY, _WORST = 0.1, 20.0
"""A part stands for the whole where the mean and the largest distance stay below these multiples of the error."""
_TURNED_ASYMMETRY = 0.5
"""The same share for half turns, where errors are measured with the given shape and so have the asymmetry in them."""
_EXPONENT = 1.3
"""The error falls with about this power of the bytes."""


@dataclass(frozen=True)
class Reduced:
    """A group with fewer faces.

    Args:
        group: the originals; of a shape with mirrors, its part.
        faces: int64 (f, 3).
        vertices: float64 (n, v, 3).
        error: about the mean surface error.
        symmetry: where this is a part of a symmetric shape.
    """

    group: Group
    faces: Ints
    vertices: Floats
    error: float
    symmetry: Symmetry | HalfTurn | None = None


def reduced(group: Group, rate: MeshSetRate, context: Context) -> list[Reduced]:
    """A group with each number of faces that it may get, rising, from the cache where that was done.

    Phase ``decimate``. Nothing where it fails.
    """
    wanted = candidates(rate.faces) if rate.balance else [rate.faces]
    at_once = rate.balance and len(group.faces) * len(group.shapes) <= _MOST_AT_ONCE
    stops = sorted({*wanted, *(_COMMON if at_once else ())})
    found: list[Reduced] = []
    for shape in group.shapes:
        with context.shape(shape, EncodeFailed):
            found = found or _whole_or_part(group, wanted, stops, rate, context)
    return found


def _whole_or_part(
    group: Group, wanted: Sequence[int], stops: Sequence[int], rate: MeshSetRate, context: Context
) -> list[Reduced]:
    options = _decimated(group, wanted, stops, None, context)
    fold = _fold(group, context) if rate.symmetry and len(group.shapes) == 1 else None
    if fold is not None:
        few, fewer = ([max(2, stop // fold.symmetry.parts) for stop in some] for some in (wanted, stops))
        half = Group(group.shapes, fold.vertices[None], fold.faces)
        parts = _decimated(half, few, fewer, fold.symmetry, context)
        options += [part for part in parts if _is_exact(fold, part.error) and not _is_pinched(part)]
    elif rate.symmetry and len(group.shapes) == 1:
        options += _turned_halves(group, wanted, stops, context)
    return _worthwhile(options) if rate.balance else [min(options, key=_value)]


def _turned_halves(group: Group, wanted: Sequence[int], stops: Sequence[int], context: Context) -> list[Reduced]:
    """Halves of a shape that has a half turn; the errors are those of the wholes that they stand for."""
    name = key("half turn", digest(group.faces, group.vertices))
    found = context.cached("decimate", name, lambda: _as_arrays(find_turned(group.vertices[0], group.faces)))
    if not found:
        return []
    whole = Turned(HalfTurn(int(found["axis"])), found["v"], found["f"], found["images"], *found["distances"].tolist())
    turn = whole.turn

    def reduce() -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        coarse = decimate_turned(whole.vertices, whole.faces, whole.images, turn, stops)
        for stop, some in zip(stops, coarse, strict=True):
            half = half_of(some, whole)
            if half is not None:
                arrays |= {f"vertices{stop}": half[0].clip(-1, 1), f"faces{stop}": half[1]}
        return arrays

    arrays = context.cached("decimate", key("turned halves", name, str(stops)), reduce)
    halves = [(arrays[f"faces{stop}"], arrays[f"vertices{stop}"][None]) for stop in wanted if f"faces{stop}" in arrays]
    wholes = [(faces, points[None]) for points, faces in (unfolded(points[0], faces, turn) for faces, points in halves)]
    errors = context.cached(
        "decimate", key("turned errors", name, str(stops), str(wanted)), lambda: {"errors": _errors(group, wholes)}
    )
    parts = [Reduced(group, *half, error, turn) for half, error in zip(halves, errors["errors"].tolist(), strict=True)]
    return [part for part in parts if _is_exact(whole, part.error, _TURNED_ASYMMETRY)]


def _as_arrays(found: Turned | None) -> dict[str, NDArray[Any]]:
    if found is None:
        return {}
    distances = np.array([found.mean, found.largest])
    axis = np.array(found.turn.axis)
    return {"axis": axis, "v": found.vertices, "f": found.faces, "images": found.images, "distances": distances}


def _is_exact(fold: Folded | Turned, error: float, share: float = _ASYMMETRY) -> bool:
    """Whether a part stands for the whole, beside such a surface error."""
    return fold.mean <= share * error and fold.largest <= _WORST * error


def _is_pinched(part: Reduced) -> bool:
    """Whether an edge inside of a part lies in a mirror: with its image, it would have four faces."""
    sides = np.stack([part.faces, np.roll(part.faces, -1, axis=1)], axis=2)
    inner = sides[edge_face_counts(part.faces) != 1]
    return bool((part.vertices[0][inner] == 0).all(1).any())


def _value(option: Reduced) -> float:
    """What to choose the least of where the number of faces is given: error and bytes as on a usual curve."""
    return float(option.error * price(option) ** _EXPONENT)


def _worthwhile(options: Sequence[Reduced]) -> list[Reduced]:
    """Those with a smaller error than all cheaper ones, from the cheapest on."""
    kept: list[Reduced] = []
    for option in sorted(options, key=lambda option: (price(option), option.error)):
        if not kept or (price(option) > price(kept[-1]) and option.error < kept[-1].error):
            kept.append(option)
    return kept


def _fold(group: Group, context: Context) -> Folded | None:
    def find() -> dict[str, NDArray[Any]]:
        fold = folded(group.vertices[0], group.faces)
        if fold is None:
            return {}
        distances = np.array([fold.mean, fold.largest])
        return {"code": np.array(fold.symmetry.code), "v": fold.vertices, "f": fold.faces, "distances": distances}

    found = context.cached("decimate", key("fold", digest(group.faces, group.vertices)), find)
    if not found:
        return None
    mean, largest = found["distances"].tolist()
    return Folded(Symmetry.of(int(found["code"])), found["v"], found["f"], mean, largest)


def _decimated(
    group: Group, wanted: Sequence[int], stops: Sequence[int], symmetry: Symmetry | None, context: Context
) -> list[Reduced]:
    mirrors = () if symmetry is None else symmetry.axes

    def reduce() -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        for stop, found in zip(stops, decimate(group.vertices, group.faces, stops, mirrors), strict=True):
            arrays |= {f"faces{stop}": found.faces, f"vertices{stop}": found.vertices.clip(-1, 1)}
        return arrays

    name = key("decimate", digest(group.faces, group.vertices), f"{stops}{mirrors}")
    arrays = context.cached("decimate", name, reduce)
    meshes = [(arrays[f"faces{stop}"], arrays[f"vertices{stop}"]) for stop in wanted]
    errors = context.cached("decimate", key("errors", name, str(wanted)), lambda: {"errors": _errors(group, meshes)})
    return [
        Reduced(group, *mesh, error, symmetry) for mesh, error in zip(meshes, errors["errors"].tolist(), strict=True)
    ]


def _errors(group: Group, meshes: Sequence[tuple[Ints, Floats]]) -> Floats:
    """About the mean surface error of a group's shapes with each of these faces, from some of the shapes."""
    some = sorted({round(row) for row in np.linspace(0, len(group.shapes) - 1, _PROBES)})
    found = np.zeros(len(meshes))
    for row in some:
        original = Original(group.vertices[row], group.faces, _ESTIMATE.most_samples)
        found += [fit_vertices(original, vertices[row], faces, _ESTIMATE).before for faces, vertices in meshes]
    return found / len(some)


def price(option: Reduced) -> float:
    """About how many bytes a group takes, in some unit."""
    return cost(2 * option.vertices.shape[1], len(option.group.shapes))


def even_price(options: Sequence[Reduced], faces: int) -> float:
    """About how many bytes a group takes that has ``faces`` faces: an open surface has more vertices to a face."""
    whole = [option for option in options if option.symmetry is None]
    nearest = min(whole, key=lambda option: abs(len(option.faces) - faces), default=None)
    is_open = nearest is not None and bool((edge_face_counts(nearest.faces) == 1).any())
    per_face = 2 * nearest.vertices.shape[1] / len(nearest.faces) if nearest is not None and is_open else 1.0
    return cost(faces * max(1.0, per_face), len(options[0].group.shapes))


def digest(*arrays: NDArray[Any]) -> str:
    """A hash of arrays, for a cache's key."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def key(*parts: str) -> str:
    """The key of a result that follows from these parts."""
    return hashlib.sha256("\n".join((_VERSION, *parts)).encode()).hexdigest()
