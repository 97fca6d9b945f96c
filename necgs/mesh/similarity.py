"""Similarity transforms and reflections in integers, so that every decoder gets the same points from them.

The rotation is that of a quaternion of integers, not normalised: its matrix over the quaternion's squared length is
exact. A simple transform takes 9 bytes, any other about 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.codec.fields import FieldReader, FieldWriter
from necgs.mesh.binary_coder import Integers
from necgs.mesh.fixed_point import CUBE

MOST = 1 << 16
SCALE_BITS = 20
MOST_SCALE = 1 << 26
MOST_SHIFT = 1 << 24
_EXACT = 2e-5  # a rotation this close to one of few bits is taken for it

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Similarity:
    """x -> scale R x + shift, or -scale R x + shift where it mirrors.

    Args:
        quaternion: four integers of size at most 2^16, the real part first, not all zero; of any length.
        scale: in 2^-20; more than 0.
        shift: in 2^-20 of the cube's half side.
        mirrors: whether the orientation changes; faces are turned over then.
    """

    quaternion: tuple[int, int, int, int]
    scale: int
    shift: tuple[int, int, int]
    mirrors: bool

    def __post_init__(self) -> None:
        if not any(self.quaternion) or max(map(abs, self.quaternion)) > MOST:
            raise ValueError(f"quaternion must be four integers of size at most {MOST}, not all 0: {self.quaternion}")
        if not 0 < self.scale <= MOST_SCALE or max(map(abs, self.shift)) > MOST_SHIFT:
            raise ValueError(f"scale must be 1 to {MOST_SCALE}, shifts to {MOST_SHIFT}: {self.scale}, {self.shift}")

    @classmethod
    def of(cls, rotation: Floats, scale: float, shift: Floats, *, mirrors: bool) -> Similarity:
        """The nearest one that can be stored.

        Args:
            rotation: (3, 3), determinant 1.
            scale: positive, at most 64.
            shift: (3,) in the cube's half side, each at most 16.
        """
        units = int(np.clip(np.rint(scale * (1 << SCALE_BITS)), 1, MOST_SCALE))
        i, j, k = (int(x) for x in np.clip(np.rint(np.asarray(shift) * CUBE), -MOST_SHIFT, MOST_SHIFT))
        return cls(_integer_quaternion(rotation), units, (i, j, k), mirrors)

    def apply(self, points: Integers, faces: Integers) -> tuple[Integers, Integers]:
        """Points (v, 3) in 2^-20, each at most 2^24, and faces (f, 3) of the image; nothing overflows 64 bits."""
        matrix, length = self._rotation()
        turned = (points @ matrix.T * 2 + length) // (2 * length)
        scaled = (turned * self.scale + (1 << SCALE_BITS - 1)) >> SCALE_BITS
        moved: Integers = (-scaled if self.mirrors else scaled) + np.array(self.shift)
        return moved, faces[:, ::-1].copy() if self.mirrors else faces

    def apply_in_cube(self, points: NDArray[Any], faces: Integers) -> tuple[Floats, Integers]:
        """The image of points (v, 3) in the cube's half sides, rounded to the integers first."""
        moved, corners = self.apply(np.rint(np.asarray(points, np.float64) * CUBE).astype(np.int64), faces)
        return moved / CUBE, corners

    def write(self, out: FieldWriter) -> None:
        """Append the fields."""
        for value in self.quaternion:
            out.signed(value)
        out.unsigned(2 * self.scale + self.mirrors)
        for value in self.shift:
            out.signed(value)

    @classmethod
    def read(cls, fields: FieldReader) -> Similarity:
        """Read the fields back; raises ``CorruptArchive``."""
        a, b, c, d = (fields.signed("quaternion", MOST) for _ in range(4))
        if not any((a, b, c, d)):
            raise fields.fault("a rotation's quaternion is zero")
        scale = fields.unsigned("scale", 2 * MOST_SCALE + 1, low=2)
        x, y, z = (fields.signed("shift", MOST_SHIFT) for _ in range(3))
        return cls((a, b, c, d), scale >> 1, (x, y, z), bool(scale & 1))

    def _rotation(self) -> tuple[Integers, int]:
        """The rotation matrix times the quaternion's squared length, and that length."""
        a, b, c, d = self.quaternion
        rows = [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d],
        ]
        return np.array(rows, dtype=np.int64), a * a + b * b + c * c + d * d


def nearest_similarity(source: NDArray[Any], target: NDArray[Any]) -> Similarity:
    """The transform that takes ``source`` closest to ``target``, both (n, 3), in the sense of least squares.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991; a reflection where
    that is closer. The quaternion is quantised first, then scale and shift are found for it.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    centre_b = b.mean(0)
    U, _, Vt = np.linalg.svd((b - centre_b).T @ (a - a.mean(0)))
    orthogonal = U @ Vt
    mirrors = bool(np.linalg.det(orthogonal) < 0)
    sign = -1.0 if mirrors else 1.0
    matrix, length = Similarity(_integer_quaternion(sign * orthogonal), 1, (0, 0, 0), mirrors)._rotation()
    rotation = matrix / length
    turned = sign * (a @ rotation.T)
    centred = turned - turned.mean(0)
    scale = float(((b - centre_b) * centred).sum() / max((centred**2).sum(), 1e-30))
    return Similarity.of(rotation, scale, centre_b - scale * turned.mean(0), mirrors=mirrors)


def _integer_quaternion(rotation: Floats) -> tuple[int, int, int, int]:
    """Four integers as small as the rotation (3, 3) allows."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat(canonical=True)
    exact = np.array([w, x, y, z])
    unit = exact / np.abs(exact).max()
    for length in (1, 2, 3, 4, 5, MOST):
        whole = np.rint(unit * length)
        if np.abs(whole / length - unit).max() < _EXACT:
            break
    a, b, c, d = (int(value) for value in whole)
    return a, b, c, d
