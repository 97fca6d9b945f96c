"""Decimation of shapes with one face list to several numbers of faces, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.edge_collapse import collapse_edges
from necgs.mesh.quadrics import vertex_quadrics
from necgs.mesh.symmetric_half import HalfTurn
from necgs.vertex_fit.borders import edge_face_counts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Weight of the planes that hold borders, in squares of the edges' lengths; a face's plane has a third of its area.
_OPEN_WEIGHT = 1.0
# Weight of a plane that borders stay in, as a multiple of a vertex's other planes.
_PLANE_WEIGHT = 10.0
_NO_IMAGES = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Decimated:
    """Shapes with one list of fewer faces.

    Args:
        faces: int64 (f, 3).
        vertices: float64 (n, v, 3), each shape's own.
        origins: int64 (v,), rising: the vertex of the input that each has come from (others were merged into it).
    """

    faces: Ints
    vertices: Floats
    origins: Ints


def decimate(
    vertices: NDArray[Any], faces: NDArray[Any], targets: Sequence[int], mirrors: Sequence[int] = ()
) -> list[Decimated]:
    """Collapse edges of n shapes with one face list until at most so many faces are left.

    Borders and edges of more than two faces are held by planes of their own; the topology stays as it is, so no part
    and no hole vanishes, and a mesh whose topology needs them keeps more faces than asked for.

    Args:
        vertices: (n, v, 3), in the cube [-1, 1]^3.
        faces: (f, 3).
        targets: numbers of faces; a mesh that has no more is left whole.
        mirrors: axes; all borders lie in planes where one of these coordinates is zero, and still do so afterwards.

    Returns:
        One result a target, in the order of ``targets``. Equal input gives equal output.
    """
    checked = np.asarray(vertices, np.float64)
    if checked.ndim != 3 or checked.shape[2] != 3 or not np.isfinite(checked).all():
        raise ValueError(f"vertices must be finite numbers (shapes, vertices, 3), got an array {checked.shape}")
    corners = np.ascontiguousarray(faces, np.int64).reshape(-1, 3)
    if len(corners) and not 0 <= corners.min() <= corners.max() < checked.shape[1]:
        raise ValueError(f"faces must name vertices 0 to {checked.shape[1] - 1}")
    falling = sorted(set(targets), reverse=True)
    positions, is_open = np.ascontiguousarray(checked.transpose(1, 0, 2)), edge_face_counts(corners) != 2
    quadrics = vertex_quadrics(positions, corners, is_open, _OPEN_WEIGHT)
    held, _ = seam(checked[0], corners, mirrors)
    for axis in mirrors:
        _hold_in_plane(quadrics, np.flatnonzero(held[:, axis]), axis)
    found = collapse_edges(positions, corners, quadrics, np.array(falling, np.int64), _NO_IMAGES, np.ones(3))
    results = {}
    for target, left, used, placed in zip(falling, *found, strict=True):
        results[target] = Decimated(np.searchsorted(used, left), np.ascontiguousarray(placed.transpose(1, 0, 2)), used)
        for shape in results[target].vertices:
            shape[seam(shape, results[target].faces, mirrors)[0]] = 0.0
    return [results[target] for target in targets]


def decimate_turned(
    vertices: Floats, faces: Ints, images: Ints, turn: HalfTurn, targets: Sequence[int]
) -> list[Decimated]:
    """`decimate` for a closed shape that equals its own image by a half turn, and still does so afterwards.

    Args:
        vertices: float64 (v, 3).
        faces: int64 (f, 3); the second half of them are the images of the first, in their order: so they stay.
        images: int64 (v,), the vertex that each is turned to.
        turn: the turn.
        targets: numbers of faces of the whole.
    """
    falling = sorted(set(targets), reverse=True)
    positions, is_open = np.ascontiguousarray(vertices[:, None]), edge_face_counts(faces) != 2
    quadrics = vertex_quadrics(positions, faces, is_open, _OPEN_WEIGHT)
    found = collapse_edges(positions, faces, quadrics, np.array(falling, np.int64), images, turn.signs)
    results = {
        target: Decimated(np.searchsorted(used, left), np.ascontiguousarray(placed.transpose(1, 0, 2)), used)
        for target, left, used, placed in zip(falling, *found, strict=True)
    }
    return [results[target] for target in targets]


def _hold_in_plane(quadrics: Floats, held: Ints, axis: int) -> None:
    """Add the plane through the centre to the quadrics (v, n, 10) of some vertices, heavier than all others."""
    quadrics[held, :, (0, 3, 5)[axis]] += _PLANE_WEIGHT * quadrics[held][:, :, [0, 3, 5]].sum(2)


def seam(vertices: Floats, faces: Ints, mirrors: Sequence[int]) -> tuple[NDArray[np.bool_], float]:
    """Coordinates bool (v, 3) that are zero because their vertices lie on a border, and how far one is from that.

    Every edge of the border belongs to that of the planes, where one coordinate is zero, to which it is closest.
    """
    held, farthest = np.zeros((len(vertices), 3), np.bool_), 0.0
    if len(mirrors):
        single = edge_face_counts(faces) == 1
        ends = np.stack([faces[single], np.roll(faces, -1, axis=1)[single]], axis=1)
        away = np.abs(vertices[ends]).max(1)[:, list(mirrors)]
        axis = np.asarray(mirrors)[away.argmin(1)]
        held[ends, axis[:, None]] = True
        farthest = float(away.min(1).max(initial=0.0))
    return held, farthest
