"""Shapes of which one half is coded, or a quarter or an eighth: the rest are images in mirrors, or by a half turn.

The planes of the mirrors run through the cube's centre. A vertex in the plane that is at a border of the coded part is
its own image: there the parts are joined. The axis of a half turn runs through the centre, too; there, a vertex at a
border and the one whose place it is turned to are joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import Integers
from necgs.mesh.corner_table import twins

MOST_CODE = 7

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True)
class Symmetry:
    """Mirrors at right angles to one or more axes (0, 1, 2; rising)."""

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.axes or list(self.axes) != sorted({*self.axes} & {0, 1, 2}):
            raise ValueError(f"mirrors are at right angles to some of the axes 0, 1 and 2, rising; got {self.axes}")

    @property
    def code(self) -> int:
        """1 to 7: a bit for each axis."""
        return sum(1 << axis for axis in self.axes)

    @property
    def parts(self) -> int:
        """How many equal parts the whole shape has, of which one is coded: 2, 4 or 8."""
        return 1 << len(self.axes)

    @classmethod
    def of(cls, code: int) -> Symmetry:
        """The symmetry of a code from 1 to 7."""
        return cls(tuple(axis for axis in range(3) if code >> axis & 1))


@dataclass(frozen=True)
class HalfTurn:
    """A turn by 180 degrees about an axis (0, 1 or 2) through the centre, which negates the other two coordinates."""

    axis: int

    def __post_init__(self) -> None:
        if self.axis not in (0, 1, 2):
            raise ValueError(f"a half turn is about the axis 0, 1 or 2; got {self.axis}")

    @property
    def parts(self) -> int:
        """How many equal parts the whole shape has."""
        return 2

    @property
    def signs(self) -> NDArray[np.float64]:
        """What coordinates are multiplied by, (3,)."""
        return np.where(np.arange(3) == self.axis, 1.0, -1.0)

    def turned(self, points: NDArray[Number]) -> NDArray[Number]:
        """Points (v, 3), integers or not, as exactly turned."""
        image = points.copy()
        others = np.arange(3) != self.axis
        image[:, others] = 0 - image[:, others]
        return image


def unfolded(
    points: NDArray[Number], faces: Integers, symmetry: Symmetry | HalfTurn
) -> tuple[NDArray[Number], Integers]:
    """Vertices (w, 3) and faces of the whole shape (2 f, 3), (4 f, 3) or (8 f, 3); the coded part comes first."""
    if isinstance(symmetry, HalfTurn):
        return with_image(points, faces, images(points, faces, symmetry), symmetry)
    for axis in symmetry.axes:
        points, faces = _doubled(points, faces, axis)
    return points, faces


def _doubled(points: NDArray[Number], faces: Integers, axis: int) -> tuple[NDArray[Number], Integers]:
    count, ends = len(points), _border(faces)
    own = np.zeros(count, dtype=np.bool_)
    own[ends] = points[ends, axis] == 0
    image = points[~own].copy()
    image[:, axis] *= -1
    number = np.where(own, np.arange(count), count + np.cumsum(~own) - 1)
    return np.concatenate([points, image]), np.concatenate([faces, number[faces[:, ::-1]]])


def _border(faces: Integers) -> Integers:
    """The vertices at borders, int64, rising."""
    open_side = np.flatnonzero(twins(faces) < 0)
    return np.unique(np.concatenate([faces.ravel()[open_side], np.roll(faces, -1, axis=1).ravel()[open_side]]))


def images(points: NDArray[Number], faces: Integers, turn: HalfTurn) -> Integers:
    """The vertex that each vertex is turned to, int64 (v,); numbers from v on are of vertices that the image adds.

    Joined are vertices at borders that are turned to each other's place, where no others at a border share it.

    Args:
        points: (v, 3), integers or not.
        faces: int64 (f, 3).
        turn: the turn.
    """
    count, ends = len(points), _border(faces)
    here = points[ends]
    _, place = np.unique(np.concatenate([here, turn.turned(here)]), axis=0, return_inverse=True)
    start, end = np.split(place.reshape(-1), 2)
    holder = np.full(2 * len(ends), -1, dtype=np.int64)
    holder[start] = ends
    single = [np.bincount(places, minlength=2 * len(ends)) == 1 for places in (start, end)]
    joined = single[0][end] & single[1][end]
    found = np.full(count, -1, dtype=np.int64)
    found[ends[joined]] = holder[end[joined]]
    added = found < 0
    found[added] = count + np.arange(np.count_nonzero(added))
    return found


def with_image(
    points: NDArray[Number], faces: Integers, number: Integers, turn: HalfTurn
) -> tuple[NDArray[Number], Integers]:
    """A half and its image by a half turn, whose vertices have these numbers (v,) in the whole; see `images`."""
    added = turn.turned(points[number >= len(points)])
    return np.concatenate([points, added]), np.concatenate([faces, number[faces]])
