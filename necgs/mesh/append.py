"""Adds shapes to a coded set; what is coded already stays as it is, byte for byte, the shared part too.

A new shape that has the face list of a coded one joins its group: it is predicted from the group's shared shapes, and
takes the bytes of its vertices alone. The stream knows the group's few faces, but not which points of the original mesh
their vertices are; so one original of the group is needed. Its vertices are carried over: the closest point of the
original to each decoded vertex lies in some triangle, and the new shape has that triangle, too. From there they are
fitted. Every other shape is coded by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.codec import Archive, Context, EncodeFailed, InvalidMesh, Part
from bench.codec.checks import checked_arrays
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.groups import Group as Originals
from necgs.mesh.groups import find_groups
from necgs.mesh.predicted_shape import Mask, Target
from necgs.mesh.preparation import FIT, NO_FIT, REFIT, coder_input, fitted
from necgs.mesh.priors import residual_model
from necgs.mesh.rate import MeshSetRate
from necgs.mesh.reduction import reduced
from necgs.mesh.set_encoder import encode_lone, encode_member, encode_shared
from necgs.mesh.stream import Shared, decode_shape, decode_shared, group_of, is_member
from necgs.vertex_fit.fitting import Original, fit_vertices, refit_vertices
from necgs.volume.surface import Surface

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_TIMES_ERROR = 1.5
"""A shape that the group's faces fit worse than by this multiple of the group's error is coded by itself."""


def append(
    archive: Archive, known: Mapping[int, Any], meshes: Sequence[Any], rate: MeshSetRate, context: Context
) -> Archive:
    """A set of meshes (codec ``meshset``) with more shapes behind those that it has.

    Args:
        archive: the set; all of its bytes are in the result.
        known: originals of shapes that the set has, ``trimesh.Trimesh``, by their numbers in it; normalised as they
            were when they were coded. One for each face list that new shapes may have is enough. Without any, every
            new shape is coded by itself: that takes more bytes, and is as good.
        meshes: the new shapes, normalised.
        rate: that of the set, for the same quality; groups keep their steps whatever it says.
        context: new shapes that cannot be coded are failures here, counted from 0, and have an empty part.

    Raises:
        CorruptArchive: the set's shared part, or that of a known shape, is not readable.
    """
    common = archive.shared if archive.shared.data else encode_shared([], residual_model())
    shared = decode_shared(common.data, context.max_memory)
    numbers = [number for number in known if is_member(shared, archive.shapes[number].data)]
    arrays, places = [checked_arrays(known[number]) for number in numbers], []
    for place, mesh in enumerate(meshes):
        with context.shape(place, InvalidMesh):
            arrays.append(checked_arrays(mesh))
            places.append(place)
    parts: dict[int, Part] = {}
    for group in find_groups(arrays):
        anchors = None
        for row, shape in enumerate(group.shapes):
            if shape < len(numbers):
                number = numbers[shape]
                anchors = anchors or _anchors(shared, archive.shapes[number].data, group, row, context)
                continue
            place = places[shape - len(numbers)]
            with context.shape(place, EncodeFailed):
                one = replace(group, shapes=(place,), vertices=group.vertices[row : row + 1])
                part = _member(shared, anchors, one, rate) if anchors else None
                parts[place] = part or _by_itself(one, rate, context)
    return Archive((*archive.shapes, *(parts.get(place, Part(b"")) for place in range(len(meshes)))), common)


@dataclass(frozen=True)
class _Anchors:
    """Where on the original mesh of a group its vertices in the stream are.

    Args:
        index: of the group.
        face: int64 (v,).
        shares: float64 (v, 3), of the face's corners.
    """

    index: int
    face: Ints
    shares: Floats


def _anchors(shared: Shared, data: bytes, group: Originals, row: int, context: Context) -> _Anchors | None:
    index = group_of(data)
    if index is None:
        return None
    decoded, _ = decode_shape(shared, data, context.max_memory)
    _, face, shares = Surface(group.vertices[row], group.faces).closest(decoded)
    return _Anchors(index, face, shares.astype(np.float64))


def _member(shared: Shared, anchors: _Anchors, one: Originals, rate: MeshSetRate) -> Part | None:
    """The part of a shape that joins a group; None where the group's faces do not suit it."""
    coded = shared.groups[anchors.index]
    error = float(coded.steps[0]) / CUBE / rate.step
    original = Original(one.vertices[0], one.faces, FIT.bound(len(coded.faces)))
    start = (one.vertices[0][one.faces[anchors.face]] * anchors.shares[..., None]).sum(1)
    found = fit_vertices(original, start, coded.faces, FIT if rate.fit else NO_FIT)
    if found.after > _MOST_TIMES_ERROR * error:
        return None

    def refit(done: Mask, positions: Floats) -> Floats:
        return refit_vertices(original, positions, coded.faces, ~done, error, REFIT).vertices

    price = rate.lambda_ * error / len(start)
    target = Target(found.vertices, found.hessians, price, refit if rate.fit else None)
    return encode_member(shared, anchors.index, target)[0]


def _by_itself(one: Originals, rate: MeshSetRate, context: Context) -> Part:
    if not len(one.faces):
        raise InvalidMesh("no face has three vertices at different places")
    options = reduced(one, replace(rate, balance=False), context)
    coarse = fitted(options[0], rate, context) if options else None
    return Part(b"") if coarse is None else encode_lone(coder_input(coarse, [0], rate, context))
