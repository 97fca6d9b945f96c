"""Which shapes of a set are coded as volumes: the least sum of distortion and bytes, shared bytes included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """What coding each of n shapes costs in either mode, as D + lambda R; infinite where a mode cannot code it.

    Args:
        mesh, volume: of each shape by itself.
        groups: of each shape, the number of the group whose part of the archive it needs as a mesh; None: no such part.
        group: of each group's part, which is there if one of its shapes is a mesh.
        decoder: of the volumes' decoder, which is there if one shape is a volume.
    """

    mesh: Sequence[float]
    volume: Sequence[float]
    groups: Sequence[int | None]
    group: Sequence[float]
    decoder: float

    def __post_init__(self) -> None:
        if not len(self.mesh) == len(self.volume) == len(self.groups):
            raise ValueError("costs of both modes and a group (or None) are needed for each shape")

    def total(self, volumes: Sequence[bool]) -> float:
        """The cost of coding the shapes so marked as volumes, the others as meshes."""
        own = sum(self.volume[i] if volume else self.mesh[i] for i, volume in enumerate(volumes))
        needed = {group for group, volume in zip(self.groups, volumes, strict=True) if not volume and group is not None}
        return own + sum(self.group[group] for group in needed) + (self.decoder if any(volumes) else 0.0)


def choose(costs: Costs) -> list[bool]:
    """Whether each shape is best coded as a volume; of all assignments this one costs least. Ties go to meshes.

    Once the decoder is there, groups do not depend on each other: a group either is dropped, its shapes all volumes, or
    each of its shapes takes its cheaper mode. So two candidates are left: this, and no volume at all.
    """
    members: dict[int | None, list[int]] = {}
    for shape, group in enumerate(costs.groups):
        members.setdefault(group, []).append(shape)
    volumes = [costs.volume[shape] < costs.mesh[shape] for shape in range(len(costs.mesh))]
    for group, shapes in members.items():
        if group is None:
            continue
        each = costs.group[group] + sum(min(costs.mesh[shape], costs.volume[shape]) for shape in shapes)
        if sum(costs.volume[shape] for shape in shapes) < each:
            for shape in shapes:
                volumes[shape] = True
    none = [False] * len(volumes)
    return volumes if costs.total(volumes) < costs.total(none) else none
