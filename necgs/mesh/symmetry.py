"""Mirror symmetry: planes that a shape is symmetric about, its half, and the whole again.

A shape that equals its mirror image is coded as the half on one side of the plane. The half is open there; every vertex
of its border lies in the plane and is its own image, so that the two halves join without a gap. The other symmetries
of a box (half turns about its axes, the reflection at its centre) are found too, but not used for coding: the border
of such a half is not its own image.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.decimation import border_vertices
from necgs.volume.surface import Surface

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_IN_PLANE = 1e-6  # vertices closer than this to the plane count as on it


@dataclass(frozen=True)
class Symmetry:
    """A symmetry of a box: coordinates along some axes change their side about the box's centre.

    Args:
        flipped: for each axis, whether. One axis is a mirror, two are a half turn about the third.
        centre: of the box.
        share: of samples of the surface, whose image lies on the surface.
    """

    flipped: tuple[bool, bool, bool]
    centre: tuple[float, float, float]
    share: float

    @property
    def mirror_axis(self) -> int | None:
        """The axis at a right angle to the mirror plane; none if this is not a mirror."""
        return self.flipped.index(True) if sum(self.flipped) == 1 else None


def find_symmetries(
    vertices: NDArray[Any],
    faces: NDArray[Any],
    tolerance: float = 5e-4,
    least_share: float = 0.99,
    samples: int = 6000,
) -> list[Symmetry]:
    """The symmetries of a shape about the centre of its box, the most exact first.

    Args:
        vertices: (v, 3), in the cube [-1, 1]^3.
        faces: int (f, 3).
        tolerance: distance within which a point lies on the surface.
        least_share: of the samples, whose images must lie on the surface.
        samples: spread evenly over the surface.
    """
    surface = Surface(vertices, faces)
    points, _ = surface.sample(samples, 0)
    used = np.asarray(vertices, np.float64)[np.unique(faces)]
    centre = (used.min(0) + used.max(0)) / 2
    found = []
    for x, y, z in product((False, True), repeat=3):
        flipped = (x, y, z)
        if any(flipped):
            image = np.where(flipped, 2 * centre - points, points).astype(np.float32)
            share = float((np.linalg.norm(surface.closest(image)[0] - image, axis=1) <= tolerance).mean())
            if share >= least_share:
                found.append(Symmetry(flipped, (float(centre[0]), float(centre[1]), float(centre[2])), share))
    return sorted(found, key=lambda symmetry: (-symmetry.share, sum(symmetry.flipped), symmetry.flipped))


def half(vertices: NDArray[Any], faces: NDArray[Any], axis: int, at: float) -> tuple[Floats, Ints] | None:
    """The part of a shape on the upper side of a plane.

    Args:
        vertices: (v, 3).
        faces: int (f, 3).
        axis, at: the plane, where the coordinate of this axis has this value.

    Returns:
        Vertices float64 (v', 3) and faces int64 (f', 3), those that the plane crosses cut in two; every vertex of the
        border lies in the plane. None where that cannot be had: the shape is open, or has faces in the plane.
    """
    placed, corners = np.array(vertices, np.float64), np.asarray(faces, np.int64)
    height = placed[:, axis] - at
    height[np.abs(height) < _IN_PLANE] = 0.0
    placed[height == 0, axis] = at
    sides = np.sign(height)[corners]
    if not sides.any(1).all() or not (sides > 0).any():
        return None
    crossed = (sides.min(1) < 0) & (sides.max(1) > 0)
    cut, added = _clip(placed, corners[crossed], height, axis, at)
    everything = np.concatenate([corners[sides.min(1) >= 0], cut])
    used, numbers = np.unique(everything, return_inverse=True)
    kept, numbers = np.concatenate([placed, added])[used], numbers.reshape(-1, 3)
    return (kept, numbers) if (kept[border_vertices(numbers), axis] == at).all() else None


def _clip(vertices: Floats, faces: Ints, height: Floats, axis: int, at: float) -> tuple[Ints, Floats]:
    """The upper parts of crossed faces, int64 (m, 3), and the vertices that these add, float64 (k, 3)."""
    added: dict[tuple[int, int], int] = {}
    places: list[Floats] = []
    triangles: list[tuple[int, int, int]] = []
    for face in faces.tolist():
        corners: list[int] = []
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            if height[a] >= 0:
                corners.append(a)
            if height[a] * height[b] < 0:
                low, high = min(a, b), max(a, b)
                if (low, high) not in added:
                    added[low, high] = len(vertices) + len(places)
                    share = height[low] / (height[low] - height[high])
                    places.append((1 - share) * vertices[low] + share * vertices[high])
                    places[-1][axis] = at
                corners.append(added[low, high])
        triangles += [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
    return np.array(triangles, np.int64).reshape(-1, 3), np.array(places).reshape(-1, 3)


def whole(vertices: NDArray[Any], faces: NDArray[Any], axis: int, twice_at: float) -> tuple[NDArray[Any], Ints]:
    """A half and its mirror image, joined at the half's border.

    Integers stay integers, and the result is exact; so a decoder may call this.

    Args:
        vertices: numbers (v, 3); those of the border are put into the plane, on the lattice (for an odd ``twice_at``
            just below it).
        faces: int (f, 3).
        axis: at a right angle to the plane.
        twice_at: twice the plane's coordinate.

    Returns:
        The half's vertices followed by the images of those that are not in the border, and all faces int64 (2 f, 3).
    """
    upper, corners = np.array(vertices), np.asarray(faces, np.int64)
    border = border_vertices(corners)
    upper[border, axis] = twice_at // 2 if np.issubdtype(upper.dtype, np.integer) else twice_at / 2
    inner = np.ones(len(upper), np.bool_)
    inner[border] = False
    images = upper[inner]
    images[:, axis] = twice_at - images[:, axis]
    numbers = np.where(inner, len(upper) + np.cumsum(inner) - 1, np.arange(len(upper)))
    return np.concatenate([upper, images]), np.concatenate([corners, numbers[corners[:, ::-1]]])
