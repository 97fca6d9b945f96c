"""Mirror symmetry: planes that a shape is symmetric about, and the part of it between them.

A shape that equals its mirror image is coded as the half on one side of the plane. The half is open there; every edge
of its border lies in the plane, so that the two halves join without a gap (see `necgs.mesh.symmetric_half`). A shape
with two or three mirrors is cut again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.decimation import seam
from necgs.mesh.symmetric_half import Symmetry
from necgs.volume.surface import Surface

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_IN_PLANE = 1e-6  # vertices closer than this to the plane count as on it
_ALIKE, _LEAST_SHARE = 1e-3, 0.99


@dataclass(frozen=True)
class Mirror:
    """A plane through the cube's centre that a shape is about symmetric to.

    Args:
        axis: at a right angle to the plane.
        mean, largest: distances from images of samples of the surface to the surface.
    """

    axis: int
    mean: float
    largest: float


@dataclass(frozen=True)
class Folded:
    """The part of a shape between its mirrors.

    Args:
        symmetry: the mirrors.
        vertices: float64 (v, 3).
        faces: int64 (f, 3); its border lies in the mirrors' planes.
        mean, largest: how far the whole that it stands for is from the shape, at most; see `Mirror`.
    """

    symmetry: Symmetry
    vertices: Floats
    faces: Ints
    mean: float
    largest: float


def folded(vertices: NDArray[Any], faces: NDArray[Any]) -> Folded | None:
    """A shape, cut at all mirrors where it can be; None without any."""
    found, axes = None, tuple[int, ...]()
    for mirror in find_mirrors(vertices, faces):
        points, corners = (vertices, faces) if found is None else (found.vertices, found.faces)
        part = half(points, corners, mirror.axis, axes)
        if part is not None:
            axes = tuple(sorted((*axes, mirror.axis)))
            mean, largest = (0.0, 0.0) if found is None else (found.mean, found.largest)
            found = Folded(Symmetry(axes), *part, mean + mirror.mean, largest + mirror.largest)
    return found


def find_mirrors(vertices: NDArray[Any], faces: NDArray[Any], samples: int = 6000) -> list[Mirror]:
    """The mirrors of a shape at right angles to the axes, the most exact first.

    Args:
        vertices: (v, 3), in the cube [-1, 1]^3.
        faces: int (f, 3).
        samples: spread evenly over the surface; the images of 99 % must lie within 1e-3 of it.
    """
    found = alike_under(vertices, faces, 1 - 2 * np.eye(3), _LEAST_SHARE, samples)
    return [Mirror(axis, mean, largest) for mean, largest, axis in found]


def alike_under(
    vertices: NDArray[Any], faces: NDArray[Any], signs: Floats, least_share: float, samples: int
) -> list[tuple[float, float, int]]:
    """Under which changes of sign a shape about equals its own image, the most exact first.

    Args:
        vertices: (v, 3), in the cube [-1, 1]^3.
        faces: int (f, 3).
        signs: (n, 3) of 1 and -1, what coordinates are multiplied by.
        least_share: of the samples, whose images must lie within 1e-3 of the surface.
        samples: spread evenly over the surface.

    Returns:
        Mean and largest distance from the images to the surface, and which row of ``signs`` it is.
    """
    used = np.asarray(vertices, np.float64)[np.unique(faces)]
    centred = np.abs(used.min(0) + used.max(0)) <= 2 * _ALIKE
    rows = np.flatnonzero((centred | (signs > 0)).all(1)).tolist()
    if not rows:
        return []
    surface = Surface(vertices, faces)
    points, _ = surface.sample(samples, 0)
    found = []
    for row in rows:
        image = points * signs[row]
        distance = np.linalg.norm(surface.closest(image)[0] - image, axis=1)
        if (distance <= _ALIKE).mean() >= least_share:
            found.append((float(distance.mean()), float(distance.max()), row))
    return sorted(found)


def half(
    vertices: NDArray[Any], faces: NDArray[Any], axis: int, before: Sequence[int] = ()
) -> tuple[Floats, Ints] | None:
    """The part of a shape on the upper side of the plane where a coordinate is zero.

    Args:
        vertices: (v, 3).
        faces: int (f, 3).
        axis: of the coordinate.
        before: axes of planes that the shape has been cut at already.

    Returns:
        Vertices float64 (v', 3) and faces int64 (f', 3), those that the plane crosses cut in two; every edge of the
        border lies in one of the planes. None where that cannot be had: the shape is open, or has faces in the plane.
    """
    placed, corners = np.array(vertices, np.float64), np.asarray(faces, np.int64)
    height = placed[:, axis].copy()
    height[np.abs(height) < _IN_PLANE] = 0.0
    placed[height == 0, axis] = 0.0
    sides = np.sign(height)[corners]
    if not sides.any(1).all() or not (sides > 0).any():
        return None
    crossed = (sides.min(1) < 0) & (sides.max(1) > 0)
    cut, added = _clip(placed, corners[crossed], height, axis)
    everything = np.concatenate([corners[sides.min(1) >= 0], cut])
    used, numbers = np.unique(everything, return_inverse=True)
    kept, numbers = np.concatenate([placed, added])[used], numbers.reshape(-1, 3)
    return (kept, numbers) if seam(kept, numbers, [*before, axis])[1] == 0 else None


def _clip(vertices: Floats, faces: Ints, height: Floats, axis: int) -> tuple[Ints, Floats]:
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
                    places[-1][axis] = 0.0
                corners.append(added[low, high])
        triangles += [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
    return np.array(triangles, np.int64).reshape(-1, 3), np.array(places).reshape(-1, 3)
