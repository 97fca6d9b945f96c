"""The parts of a coded set of meshes as bytes: one that all shapes share, and one per shape, each with a checksum.

Shared part (types as in `bench.codec.fields`):

==================  ============================================================================================
field               what
==================  ============================================================================================
format version      varint, `VERSION`
residuals           varint 0: the model of `necgs.mesh.priors`; 1: its own, see `ResidualModel`
groups              varint count; then each of them
==================  ============================================================================================

A group: varints faces, lattice step, normal step, tangential step (in 2^-20 of the cube's half side), form, number of
shapes in the shared part, length of the stream; the stream: connectivity and vertices of the first shape (the root),
then the others as in a shape's part. The form: `Symmetry.code` or 0, and 8 where the root is plain, see `scaffold`;
from 16 on `HalfTurn.axis`, and 3 where it is plain.

Part of a shape: varint 0, faces, lattice step, form, stream: a shape by itself. Varint 1, group, which of its
shared shapes, a `Similarity`: a copy. Varint 2 + group, stream: how many references (of 3 or as many as there are),
which ones, residuals. The shapes of the shared part have a varint 1 as well, and no similarity.

Whatever a length says, a stream of n bytes holds at most 64 (n + 1) faces and vertices. This bounds the memory
(`BYTES_PER_FACE` times as many; a caller can allow less) and the time of the connectivity (`MOST_VISITS` nodes for each
face). The time of a group's members is not bounded so where the group has thousands of loose pieces of a few vertices:
each of these is compared with all that come before it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.codec import CorruptArchive, Part
from bench.codec.fields import CHECKSUM_BYTES, FieldReader, FieldWriter, checked_crc32, with_crc32
from bench.codec.memory import PER_BYTE, check_memory
from necgs.mesh.binary_coder import MAX_PER_BYTE, Coder, Integers, code_even, ended_well, reader
from necgs.mesh.fixed_point import CUBE, vertex_normals
from necgs.mesh.group_input import COARSEST, MOST_FACES
from necgs.mesh.level_order import Level, levels_of
from necgs.mesh.lone_shape import Lattice, read_lone
from necgs.mesh.predicted_shape import read_points
from necgs.mesh.prediction import References
from necgs.mesh.priors import residual_model
from necgs.mesh.residual_model import ResidualModel
from necgs.mesh.similarity import Similarity
from necgs.mesh.symmetric_half import MOST_CODE, HalfTurn, Symmetry, unfolded

VERSION = 2
"""To be raised with any change of what the bytes decode to. 1 is of streams that changed before the first release."""
LONE, COPY, MEMBER = range(3)
MOST_SOURCES = 3
MOST_GROUPS = 1 << 20
_TURNS, _AXES = 2 * (MOST_CODE + 1), 3
"""The first form of a half turn; programs that know mirrors alone refuse it."""
BYTES_PER_FACE = PER_BYTE // MAX_PER_BYTE
"""Memory of decoding a face: the front of the connectivity (240 bytes), its vertices, their neighbours and levels."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """A group's side of the shared part, as both coders know it.

    Args:
        faces: (f, 3) int64.
        shapes: (s, v, 3) int64, in 2^-20 of the cube's half side.
        lattice: of the root.
        steps: (3,) int64, along normal and tangents.
        symmetry: where all this is one part of a shape.
        nbytes: of the group in the shared part, where it was read from one.
    """

    faces: Integers
    shapes: Integers
    lattice: Lattice
    steps: Integers
    symmetry: Symmetry | HalfTurn | None = None
    nbytes: int = 0

    @functools.cached_property
    def levels(self) -> tuple[Level, ...]:
        """The order of coding, see `levels_of`."""
        return levels_of(self.shapes[0], self.faces)

    @functools.cached_property
    def normals(self) -> Integers:
        """(s, v, 3) normals of the shapes."""
        return np.stack([vertex_normals(shape, self.faces) for shape in self.shapes])

    def grown(self, shapes: Integers, nbytes: int = 0) -> Group:
        """The group with other shapes behind the first, from which the order of coding follows: that is kept."""
        found = replace(self, shapes=shapes, nbytes=nbytes)
        vars(found)["levels"] = self.levels  # where functools.cached_property keeps it
        return found

    def references(self, places: Sequence[int]) -> References:
        """Some of the shapes to predict from."""
        chosen = list(places)
        return References(self.shapes[chosen], self.normals[chosen])


@dataclass(frozen=True)
class Shared:
    """The shared part, decoded."""

    groups: tuple[Group, ...]
    residuals: ResidualModel


def decode_shared(data: bytes, max_memory: int | None = None) -> Shared:
    """The shared part.

    Args:
        data: the part.
        max_memory: bytes that decoding may ask for (`bench.codec.memory`).

    Raises:
        CorruptArchive: not readable, or asking for more.
    """
    what = "shared part"
    fields = FieldReader(checked_crc32(data, what), what)
    if (version := fields.unsigned("format version", 1 << 20)) != VERSION:
        raise fields.fault(f"has format version {version}; this program reads version {VERSION}: code the set again")
    residuals = ResidualModel.read(fields) if fields.unsigned("model of residuals", 1) else residual_model()
    count = fields.unsigned("groups", min(MOST_GROUPS, fields.left))
    groups = tuple(_read_group(fields, residuals, max_memory) for _ in range(count))
    fields.end()
    return Shared(groups, residuals)


def decode_shape(shared: Shared, data: bytes, max_memory: int | None = None) -> tuple[Floats, Integers]:
    """One shape: vertices (v, 3) float64 in the cube, faces (f, 3) int64.

    Args:
        shared: of its set.
        data: the shape's part.
        max_memory: bytes that decoding may ask for (`bench.codec.memory`).

    Raises:
        CorruptArchive: not readable, of another set, or asking for more.
    """
    what = "part of a shape"
    fields = FieldReader(checked_crc32(data, what), what)
    kind = fields.unsigned("kind", len(shared.groups) + 1)
    if kind == LONE:
        count, lattice = _read_size(fields)
        symmetry, plain = _read_form(fields)
        coder = _bounded(fields, count, max_memory, parts=symmetry.parts if symmetry else 1)
        points, faces = read_lone(coder, count, lattice, plain)
        _check_end(coder, what)
    elif kind == COPY:
        points, faces, symmetry = _read_copy(fields, shared)
    else:
        group = shared.groups[kind - MEMBER]
        coder = _bounded(fields, 0, max_memory)
        points, faces, symmetry = _read_member(coder, group, len(group.shapes), shared.residuals), group.faces, None
        _check_end(coder, what)
    if symmetry is not None:
        points, faces = unfolded(points, faces, symmetry)
    return points / CUBE, faces


def group_of(data: bytes) -> int | None:
    """The number of the group that the part of a shape needs; None for a shape by itself.

    Raises:
        CorruptArchive: not readable.
    """
    fields = FieldReader(checked_crc32(data, "part of a shape"), "part of a shape")
    kind = fields.unsigned("kind", MOST_GROUPS + MEMBER)
    if kind == LONE:
        return None
    return fields.unsigned("group", MOST_GROUPS) if kind == COPY else kind - MEMBER


def is_member(shared: Shared, data: bytes) -> bool:
    """Whether a part is a shape of a group, whole and where it was coded: none by itself, no image of another.

    Raises:
        CorruptArchive: not readable.
    """
    what = "part of a shape"
    fields = FieldReader(checked_crc32(data, what), what)
    kind = fields.unsigned("kind", len(shared.groups) + 1)
    if kind == COPY:
        group = fields.unsigned("group", len(shared.groups) - 1)
        fields.unsigned("original", len(shared.groups[group].shapes) - 1)
        kind = LONE if fields.left else MEMBER + group
    return kind != LONE and shared.groups[kind - MEMBER].symmetry is None


def code_sources(coder: Coder, sources: Sequence[int], known: int) -> list[int]:
    """Write or read the places of up to three of ``known`` references, falling; a decoder is given none."""
    most = min(MOST_SOURCES, known)
    count = 1 + code_even(coder, max(len(sources), 1) - 1, most)
    wanted = sorted(sources, reverse=True) or [0] * count
    found: list[int] = []
    below = known
    for index in range(count):
        least = count - index - 1
        place = least + code_even(coder, wanted[index] - least, below - least)
        found.append(int(place))
        below = place
    return found


def write_form(out: FieldWriter, symmetry: Symmetry | HalfTurn | None, plain: bool) -> None:
    """Append a symmetry, and whether a shape by itself is coded plainly."""
    if isinstance(symmetry, HalfTurn):
        out.unsigned(_TURNS + symmetry.axis + _AXES * plain)
    else:
        out.unsigned((0 if symmetry is None else symmetry.code) + (MOST_CODE + 1) * plain)


def sealed_part(fields: FieldWriter, stream: bytes, ledger: dict[str, int]) -> Part:
    """A part of header fields and a stream, of which the ledger accounts for all but the header."""
    data = with_crc32(fields.getvalue() + stream)
    return Part(data, {"header": len(fields) + CHECKSUM_BYTES, **ledger})


def _read_form(fields: FieldReader) -> tuple[Symmetry | HalfTurn | None, bool]:
    form = fields.unsigned("form", _TURNS + 2 * _AXES - 1)
    if form >= _TURNS:
        plain, axis = divmod(form - _TURNS, _AXES)
        return HalfTurn(axis), bool(plain)
    plain, code = divmod(form, MOST_CODE + 1)
    return Symmetry.of(code) if code else None, bool(plain)


def _read_size(fields: FieldReader) -> tuple[int, Lattice]:
    count = fields.unsigned("number of faces", MOST_FACES, low=1)
    return count, Lattice(fields.unsigned("lattice step", COARSEST, low=1))


def _bounded(
    fields: FieldReader, count: int, max_memory: int | None, stream: bytes | None = None, parts: int = 1
) -> Coder:
    """The decoder of a stream (default: the rest) that is to hold ``count`` faces or vertices of one of ``parts``."""
    data = fields.rest() if stream is None else stream
    check_memory(BYTES_PER_FACE * count * parts, len(data), "faces and vertices", max_memory)
    if count > MAX_PER_BYTE * (len(data) + 1):
        raise fields.fault(f"{len(data)} bytes cannot hold {count} faces or vertices")
    return reader(data)


def _check_end(coder: Coder, what: str) -> None:
    if not ended_well(coder):
        raise CorruptArchive(f"{what}: the coded numbers go on behind its end")


def _read_group(fields: FieldReader, residuals: ResidualModel, max_memory: int | None) -> Group:
    start = fields.position
    count, lattice = _read_size(fields)
    normal = fields.unsigned("normal step", COARSEST, low=1)
    tangential = fields.unsigned("tangential step", COARSEST, low=1)
    symmetry, plain = _read_form(fields)
    shapes = fields.unsigned("shapes of a group", MOST_GROUPS, low=1)
    stream = fields.raw(fields.unsigned("length of a group", fields.left), "group")
    coder = _bounded(fields, count * shapes, max_memory, stream, symmetry.parts if symmetry else 1)
    root, faces = read_lone(coder, count, lattice, plain)
    group = Group(faces, root[None], lattice, np.array([normal, tangential, tangential]), symmetry)
    points = np.concatenate([root[None], np.zeros((shapes - 1, *root.shape), dtype=np.int64)])
    normals = np.zeros_like(points)
    normals[0] = vertex_normals(root, faces)
    for place in range(1, shapes):
        sources = code_sources(coder, (), place)
        known = References(points[sources], normals[sources])
        points[place] = read_points(coder, group.levels, known, group.steps, residuals)
        normals[place] = vertex_normals(points[place], faces)
    _check_end(coder, "group of the shared part")
    return group.grown(points, fields.position - start)


def _read_member(coder: Coder, group: Group, known: int, residuals: ResidualModel) -> Integers:
    sources = code_sources(coder, (), known)
    return read_points(coder, group.levels, group.references(sources), group.steps, residuals)


def _read_copy(fields: FieldReader, shared: Shared) -> tuple[Integers, Integers, Symmetry | HalfTurn | None]:
    if not shared.groups:
        raise fields.fault("there is no group to copy from")
    group = shared.groups[fields.unsigned("group", len(shared.groups) - 1)]
    points, faces = group.shapes[fields.unsigned("original", len(group.shapes) - 1)], group.faces
    if not fields.left:
        return points, faces, group.symmetry
    similarity = Similarity.read(fields)
    fields.end()
    if group.symmetry is not None:
        points, faces = unfolded(points, faces, group.symmetry)
    return *similarity.apply(points, faces), None
