"""A group of shapes with every choice made: the root on its lattice, who is predicted from whom, all codes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import POSITION, Coder, written
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.group_input import GroupInput
from necgs.mesh.level_order import levels_of
from necgs.mesh.lone_shape import Lattice, LoneShape, shorter, write_lone
from necgs.mesh.predicted_shape import Choice, Target, choose, write_choice
from necgs.mesh.reference_choice import Schedule, candidates_of, pose_distances, scheduled
from necgs.mesh.residual_model import ResidualModel
from necgs.mesh.stream import Group, code_sources

ROOM = 1 << 16
"""Bytes for a stream, at first."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """What comes before the residuals.

    Args:
        given: the input.
        root: the root as it is coded.
        group: what a decoder knows after the root.
        schedule: who is shared, and predicted from what.
    """

    given: GroupInput
    root: LoneShape
    group: Group
    schedule: Schedule


@dataclass(frozen=True)
class CodedGroup:
    """All codes of a group.

    Args:
        plan: what they build on.
        group: what a decoder knows after the shared part.
        choices: the codes of every shape but the root, by its index in the group.
    """

    plan: Plan
    group: Group
    choices: dict[int, Choice]


def planned(given: GroupInput, required: Collection[int], shared: int) -> Plan:
    """Root, order and schedule of a group.

    Args:
        required: indices of shapes that must be in the shared part.
        shared: how many shapes are there at least.
    """
    count = len(given.shapes)
    candidates = sorted({*candidates_of(count), *required})
    draft = np.round(given.targets * CUBE).astype(np.int64)
    distances = pose_distances(levels_of(draft[candidates[0]], given.faces), draft, candidates)
    root = candidates[int(distances.sum(axis=1).argmin())]
    schedule = scheduled(distances, candidates, root, max(shared, 1), sorted(required))
    steps = given.steps
    lattice = Lattice(round(steps.lattice * CUBE))
    hessians = None if given.hessians is None else given.hessians[root]
    price = given.price

    def write(coder: Coder, plain: bool) -> LoneShape:
        target = given.targets[root]
        return write_lone(coder, given.faces, target, lattice, plain=plain, hessians=hessians, price=price)

    _, lone = shorter(write, ROOM)
    normal, tangential = round(steps.normal * CUBE), round(steps.tangential * CUBE)
    first = lattice.points(lone.indices)[None]
    group = Group(lone.conquest.faces, first, lattice, np.array([normal, tangential, tangential]), given.symmetry)
    return Plan(given, lone, group, schedule)


def coded(plan: Plan, model: ResidualModel, *, refits: bool = True) -> CodedGroup:
    """Choose the codes of every shape."""
    group, choices = plan.group, {}
    for index in plan.schedule.shared[1:]:
        choices[index] = _choice(plan, group, index, model, refits)
        group = replace(group, shapes=np.concatenate([group.shapes, choices[index].points[None]]))
    for index in range(len(plan.given.shapes)):
        if index not in plan.schedule.shared:
            choices[index] = _choice(plan, group, index, model, refits)
    return CodedGroup(plan, group, choices)


def _choice(plan: Plan, group: Group, index: int, model: ResidualModel, refits: bool) -> Choice:
    given, origin = plan.given, plan.root.conquest.origin

    def refit(done: Mask, positions: Floats) -> Floats:
        mask, whole = np.zeros(given.targets.shape[1], dtype=bool), np.empty(given.targets.shape[1:])
        mask[origin], whole[origin] = done, positions
        assert given.refit is not None
        moved: Floats = given.refit(index, mask, whole)[origin]
        return moved

    target = Target(
        given.targets[index][origin],
        None if given.hessians is None else given.hessians[index][origin],
        given.price,
        refit if refits and given.refit is not None else None,
    )
    known = group.references(plan.schedule.sources[index])
    return choose(plan.group.levels, known, target, group.steps, model)


def write_group(done: CodedGroup, model: ResidualModel) -> tuple[Coder, int, int]:
    """The stream of a group's shared shapes; about where in it the root's vertices begin, and where they end."""
    plan = done.plan
    points = np.empty(plan.given.targets.shape[1:])
    points[plan.root.conquest.origin] = plan.group.shapes[0] / CUBE

    def write(coder: Coder) -> tuple[int, int]:
        lone = write_lone(coder, plan.given.faces, points, plan.group.lattice, plain=plan.root.plain)
        end = int(coder.state[POSITION])
        for place, index in enumerate(plan.schedule.shared[1:], start=1):
            code_sources(coder, plan.schedule.sources[index], place)
            write_choice(coder, done.choices[index], plan.group.steps, model)
        return lone.connectivity_bytes, end

    coder, (begin, end) = written(write, ROOM)
    return coder, begin, end
