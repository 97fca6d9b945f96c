"""Shapes of which one half is coded, or a quarter or an eighth: the rest are its images in mirrors.

The planes of the mirrors run through the cube's centre. A vertex in the plane that is at a border of the coded part is
its own image: there the parts are joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from necgs.mesh.binary_coder import Integers
from necgs.mesh.corner_table import twins

MOST_CODE = 7


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


def unfolded(points: Integers, faces: Integers, symmetry: Symmetry) -> tuple[Integers, Integers]:
    """Vertices (w, 3) and faces of the whole shape (2 f, 3), (4 f, 3) or (8 f, 3); the coded part comes first."""
    for axis in symmetry.axes:
        points, faces = _doubled(points, faces, axis)
    return points, faces


def _doubled(points: Integers, faces: Integers, axis: int) -> tuple[Integers, Integers]:
    corners, count = faces.ravel(), len(points)
    open_side = np.flatnonzero(twins(faces) < 0)
    ends = np.concatenate([corners[open_side], np.roll(faces, -1, axis=1).ravel()[open_side]])
    own = np.zeros(count, dtype=np.bool_)
    own[ends] = points[ends, axis] == 0
    image = points[~own].copy()
    image[:, axis] *= -1
    number = np.where(own, np.arange(count), count + np.cumsum(~own) - 1)
    return np.concatenate([points, image]), np.concatenate([faces, number[faces[:, ::-1]]])
