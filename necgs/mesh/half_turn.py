"""Half turns: axes about which a shape equals itself turned by 180 degrees, and meshes of it that do so exactly.

The shape is cut by a plane through the axis, and one side is put together with its own image. For that the two parts
of the border, on either side of the axis, get vertices at each other's places (`necgs.mesh.paired_borders`). The whole
is decimated, edges together with their images; then half of its faces stand for it, with a border along edges, which
need not lie in a plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.corner_table import twins
from necgs.mesh.decimation import Decimated
from necgs.mesh.manifold import cut_to_manifold
from necgs.mesh.paired_borders import paired
from necgs.mesh.symmetric_half import HalfTurn, images, with_image
from necgs.mesh.symmetry import alike_under, half

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_LEAST_SHARE = 0.95
_PLANES = 12
_FIRST_PLANE = 0.37
"""In steps between planes: off the directions in which machine parts have their own planes and edges."""
_DIRECTIONS = 16


@dataclass(frozen=True)
class Turned:
    """A closed shape that equals its own image by a half turn.

    Args:
        turn: the turn.
        vertices: float64 (v, 3), whose images are exact.
        faces: int64 (f, 3); the second half of them are the images of the first, in their order.
        images: int64 (v,), the vertex that each is turned to.
        mean, largest: distances from turned samples of the given shape's surface to the surface.
    """

    turn: HalfTurn
    vertices: Floats
    faces: Ints
    images: Ints
    mean: float
    largest: float


def find_turned(vertices: NDArray[Any], faces: NDArray[Any], samples: int = 6000) -> Turned | None:
    """A shape as one that is exactly symmetric about an axis, where it is about so; the most exact axis counts.

    Args:
        vertices: (v, 3), in the cube [-1, 1]^3.
        faces: int (f, 3).
        samples: spread evenly over the surface; the images of 95 % must lie within 1e-3 of it.
    """
    if (twins(np.asarray(faces, np.int64)) < 0).any():
        return None
    turns = [HalfTurn(axis) for axis in range(3)]
    signs = np.stack([turn.signs for turn in turns])
    for mean, largest, axis in alike_under(vertices, faces, signs, _LEAST_SHARE, samples):
        turn = turns[axis]
        made = made_exact(vertices, faces, turn)
        if made is not None:
            return Turned(turn, *made, mean, largest)
    return None


def made_exact(vertices: NDArray[Any], faces: NDArray[Any], turn: HalfTurn) -> tuple[Floats, Ints, Ints] | None:
    """One side of a closed shape and its image: vertices, faces, images of `Turned`. None where they do not fit."""
    halves = []
    for plane in range(_PLANES):
        frame = _frame(turn.axis, (plane + _FIRST_PLANE) * np.pi / _PLANES)
        part = half(np.asarray(vertices, np.float64) @ frame.T, faces, 0)
        if part is not None:
            halves.append((int((twins(part[1]) < 0).sum()), plane, frame, *part))
    for _, _, frame, points, corners in sorted(halves, key=lambda one: one[:2]):
        found = paired(points, corners)
        if found is not None:
            points, corners, number = found
            points, corners, of = _whole(points @ frame, corners, number, turn)
            if not (twins(corners) < 0).any():
                return points, corners, of
    return None


def _frame(axis: int, angle: float) -> Floats:
    """The rotation (3, 3) of a system whose z axis is the axis, turned about it."""
    first, second, third = np.roll(np.eye(3), -axis - 1, axis=0)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine * first + sine * second, cosine * second - sine * first, third])


def _whole(points: Floats, faces: Ints, partners: Ints, turn: HalfTurn) -> tuple[Floats, Ints, Ints]:
    """A half and its image, joined where a vertex has a partner (v,), -1 for none."""
    added = np.flatnonzero(partners < 0)
    number = partners.copy()
    number[added] = len(points) + np.arange(len(added))
    ends = np.flatnonzero(partners >= 0)
    placed = points.copy()
    placed[ends] = (points[ends] + turn.turned(points[partners[ends]])) / 2
    back = np.concatenate([number, added])
    return *with_image(placed, faces, number, turn), back


def half_of(coarse: Decimated, found: Turned) -> tuple[Floats, Ints] | None:
    """Half of the faces of a decimated `Turned`, none of them with its image: vertices (v', 3) and faces (f', 3).

    Of the halves on one side of some plane through the axis, with teeth along the border smoothed, the one with the
    shortest border; None where no border is simple.
    """
    vertices, faces = coarse.vertices[0], coarse.faces
    middle = vertices[faces[: len(faces) // 2]].mean(1)
    twin = twins(faces)
    best: tuple[int, Ints] | None = None
    for step in range(_DIRECTIONS):
        side = _frame(found.turn.axis, step * np.pi / _DIRECTIONS)[0]
        above = middle @ side > 0
        chosen = _smoothed(np.concatenate([above, ~above]), twin)
        some = faces[chosen]
        border = int((twins(some) < 0).sum())
        if (best is None or border < best[0]) and len(cut_to_manifold(some)[1]) == len(np.unique(some)):
            best = border, some
    if best is None:
        return None
    used, numbers = np.unique(best[1], return_inverse=True)
    points, corners = vertices[used], numbers.reshape(-1, 3)
    whole = with_image(points, corners, images(points, corners, found.turn), found.turn)
    return (points, corners) if len(whole[0]) == len(vertices) and not (twins(whole[1]) < 0).any() else None


def _smoothed(chosen: NDArray[np.bool_], twin: Ints) -> NDArray[np.bool_]:
    """The choice between each face and its image, changed where most neighbours of a chosen one are not chosen."""
    count = len(chosen)
    near = (twin // 3).reshape(-1, 3)
    image = (np.arange(count) + count // 2) % count
    near = np.where(near == image[:, None], np.arange(count)[:, None], near)  # that one is never chosen as well
    chosen = chosen.copy()

    def lonely(some: Ints) -> Ints:
        others = (near[some] != some[:, None]).sum(1)
        odd: Ints = some[2 * (~chosen[near[some]]).sum(1) > others]
        return odd

    waiting = lonely(np.flatnonzero(chosen))
    while len(waiting):
        for face in waiting.tolist():
            if chosen[face] and len(lonely(np.array([face]))):
                chosen[face], chosen[image[face]] = False, True
        waiting = lonely(np.flatnonzero(chosen))
    return chosen
