"""Codes a set of mesh groups: which shapes are shared, tables fitted on the set, one part per shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.codec import Archive, Part
from bench.codec.fields import CHECKSUM_BYTES, FieldWriter
from necgs.mesh.binary_coder import Coder, Integers, finished, padded, written
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.group_coding import ROOM, CodedGroup, coded, planned, write_group
from necgs.mesh.group_input import Copy, GroupInput
from necgs.mesh.lone_shape import Lattice, LoneShape, shorter, write_lone
from necgs.mesh.predicted_shape import Choice, Target, choose, write_choice
from necgs.mesh.priors import residual_model
from necgs.mesh.residual_model import ResidualModel, fitted
from necgs.mesh.stream import (
    COPY,
    LONE,
    MEMBER,
    MOST_SOURCES,
    VERSION,
    Group,
    Shared,
    code_sources,
    sealed_part,
    write_form,
)

MOST_SHARED = 12
SHAPES_PER_SHARED = 3

Floats = NDArray[np.float64]


def encode(groups: Sequence[GroupInput], copies: Sequence[Copy] = ()) -> Archive:
    """All parts of a set, with a ledger of header, tables, connectivity, root and vertices.

    Raises:
        ValueError: the places of shapes and copies in the archive are not 0 to n - 1, or a copy's original is none.
    """
    places = sorted([place for group in groups for place in group.shapes] + [copy.shape for copy in copies])
    if places != list(range(len(places))):
        raise ValueError(f"shapes have the places {places} in the archive; they must be 0 to {len(places) - 1}")
    originals = {copy.original for copy in copies}
    if originals & {copy.shape for copy in copies}:
        raise ValueError("a copy's original is a copy itself: name the first one")
    plans, parts = [], {}
    for given in groups:
        required = [index for index, place in enumerate(given.shapes) if place in originals]
        if len(given.shapes) == 1 and not required:
            parts[given.shapes[0]] = encode_lone(given)
        else:
            plans.append(planned(given, required, shared_of(len(given.shapes))))
    model = residual_model()
    model = fitted_on([coded(plan, model, refits=False) for plan in plans], model)
    done = [coded(plan, model) for plan in plans]
    model = fitted_on(done, model)
    shared = encode_shared(done, model)
    for index, group in enumerate(done):
        parts |= _members(index, group, model)
    parts |= {copy.shape: _copy(copy, done) for copy in copies}
    return Archive(tuple(parts[place] for place in places), shared)


def shared_of(count: int) -> int:
    """How many shapes of a group are in the shared part."""
    return 1 + min(count // SHAPES_PER_SHARED, MOST_SHARED)


def encode_lone(given: GroupInput) -> Part:
    """The part of a shape that needs no other."""
    lattice = Lattice(round(given.steps.lattice * CUBE))
    hessians = None if given.hessians is None else given.hessians[0]

    def write(coder: Coder, plain: bool) -> LoneShape:
        target = given.targets[0]
        return write_lone(coder, given.faces, target, lattice, plain=plain, hessians=hessians, price=given.price)

    coder, made = shorter(write, ROOM)
    stream = padded(finished(coder), len(given.faces))
    header = FieldWriter()
    for value in (LONE, len(given.faces), lattice.step):
        header.unsigned(value)
    write_form(header, given.symmetry, made.plain)
    faces = min(made.connectivity_bytes, len(stream))
    return sealed_part(header, stream, {"connectivity": faces, "vertices": len(stream) - faces})


def fitted_on(groups: Sequence[CodedGroup], model: ResidualModel) -> ResidualModel:
    """The model that fits all residuals, where it saves more than it costs."""
    features: list[Integers] = []
    codes: list[Integers] = []
    steps: list[Integers] = []
    for group in groups:
        for choice in group.choices.values():
            features += choice.features
            codes += choice.codes
            steps += [np.tile(group.group.steps, (len(row), 1)) for row in choice.codes]
    if not features:
        return model
    return fitted(np.concatenate(features), np.concatenate(codes), np.concatenate(steps), model)


def encode_shared(groups: Sequence[CodedGroup], model: ResidualModel) -> Part:
    """The shared part."""
    header, tables, body = FieldWriter(), FieldWriter(), FieldWriter()
    header.unsigned(VERSION)
    tables.unsigned(1 if any(group.choices for group in groups) else 0)
    if any(group.choices for group in groups):
        model.write(tables)
    body.unsigned(len(groups))
    ledger = {"tables": len(tables), "connectivity": 0, "root": 0, "vertices": 0}
    for group in groups:
        coder, begin, end = write_group(group, model)
        faces, shapes = group.group.faces, group.group.shapes
        stream = padded(finished(coder), len(faces) * len(shapes))
        for value in (len(faces), group.group.lattice.step, *group.group.steps[:2].tolist()):
            body.unsigned(value)
        write_form(body, group.group.symmetry, group.plan.root.plain)
        body.unsigned(len(shapes))
        body.unsigned(len(stream))
        body.raw(stream)
        end = min(end, len(stream)) if len(shapes) > 1 else len(stream)
        begin = min(begin, end)
        for name, count in (("connectivity", begin), ("root", end - begin), ("vertices", len(stream) - end)):
            ledger[name] += count
    header_bytes = len(header) + len(body) + CHECKSUM_BYTES - sum(ledger.values()) + len(tables)
    whole = FieldWriter()
    whole.raw(header.getvalue() + tables.getvalue() + body.getvalue())
    part = sealed_part(whole, b"", {})
    return Part(part.data, {"header": header_bytes, **ledger})


def encode_member(shared: Shared, index: int, target: Target) -> tuple[Part, Choice]:
    """A shape added to a group later: it is coded as all are, with the tables that the set has.

    Args:
        shared: the decoded shared part.
        index: the group.
        target: vertices in the order of the group's decoded faces.
    """
    group = shared.groups[index]
    aimed = np.round(target.points * CUBE).astype(np.int64)
    missed = [np.abs(aimed - shape).sum() for shape in group.shapes]
    sources = tuple(int(place) for place in np.argsort(missed, kind="stable")[:MOST_SOURCES])
    choice = choose(group.levels, group.references(sources), target, group.steps, shared.residuals)
    return _member(index, group, sources, choice, shared.residuals), choice


def _members(index: int, done: CodedGroup, model: ResidualModel) -> dict[int, Part]:
    parts = {}
    shared, places = done.plan.schedule.shared, done.plan.given.shapes
    for shape, place in enumerate(places):
        if shape in shared:
            header = FieldWriter()
            for value in (COPY, index, shared.index(shape)):
                header.unsigned(value)
            parts[place] = sealed_part(header, b"", {})
        else:
            sources = done.plan.schedule.sources[shape]
            parts[place] = _member(index, done.group, sources, done.choices[shape], model)
    return parts


def _member(index: int, group: Group, sources: Sequence[int], choice: Choice, model: ResidualModel) -> Part:

    def write(coder: Coder) -> None:
        code_sources(coder, sources, len(group.shapes))
        write_choice(coder, choice, group.steps, model)

    coder, _ = written(write, ROOM)
    stream = finished(coder)
    header = FieldWriter()
    header.unsigned(MEMBER + index)
    return sealed_part(header, stream, {"vertices": len(stream)})


def _copy(copy: Copy, groups: Sequence[CodedGroup]) -> Part:
    for index, group in enumerate(groups):
        if copy.original in group.plan.given.shapes:
            place = group.plan.schedule.shared.index(group.plan.given.shapes.index(copy.original))
            header = FieldWriter()
            for value in (COPY, index, place):
                header.unsigned(value)
            copy.similarity.write(header)
            return sealed_part(header, b"", {})
    raise ValueError(f"shape {copy.shape} is a copy of {copy.original}, which is not in the set")
