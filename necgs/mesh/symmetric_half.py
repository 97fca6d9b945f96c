"""Shapes of which one half is coded: the other is its image in a mirror, or after half a turn about an axis.

Both run through the cube's centre. A vertex that is its own image, or another coded vertex's, lies on the seam: equal
points become one vertex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from necgs.mesh.binary_coder import Integers

MIRROR, TURN = range(2)


@dataclass(frozen=True)
class Symmetry:
    """A mirror whose plane is at right angles to ``axis`` (0, 1, 2), or half a turn about it."""

    kind: int
    axis: int

    def __post_init__(self) -> None:
        if self.kind not in (MIRROR, TURN) or not 0 <= self.axis < 3:
            raise ValueError(f"there is no symmetry of kind {self.kind} about axis {self.axis}")

    @property
    def code(self) -> int:
        """1 to 6."""
        return 1 + 3 * self.kind + self.axis

    @classmethod
    def of(cls, code: int) -> Symmetry:
        """The symmetry of a code from 1 to 6."""
        return cls((code - 1) // 3, (code - 1) % 3)

    def image(self, points: Integers) -> Integers:
        """Where points (v, 3) go."""
        signs = np.full(3, -1 if self.kind == TURN else 1)
        signs[self.axis] *= -1
        moved: Integers = points * signs
        return moved


def unfolded(points: Integers, faces: Integers, symmetry: Symmetry) -> tuple[Integers, Integers]:
    """Vertices (w, 3) and faces (2 f, 3) of the whole shape; the coded half comes first."""
    count = len(points)
    image = faces[:, ::-1] if symmetry.kind == MIRROR else faces
    both, together = np.concatenate([points, symmetry.image(points)]), np.concatenate([faces, image + count])
    known = {tuple(point): index for index, point in reversed(list(enumerate(both[:count].tolist())))}
    number = np.arange(2 * count)
    for index, point in enumerate(both[count:].tolist()):
        number[count + index] = known.get(tuple(point), count + index)
    used, number = np.unique(number, return_inverse=True)
    return both[used], number[together]
