"""What a reader hands back, and the checks and steps that all formats share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mesh_datasets.errors import InvalidShape

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from trimesh import Trimesh

MOST_REPEATED = 5_000_000
"""Vertices and corners that a file may make by repeating its parts, however short it is: some 500 MB of memory."""

PART = 32
"""What a part counts in one place beside its vertices and corners: about the time that it takes to put it there."""

_NO_AREA = 1e-12
"""Twice the area, in units of the square of the mesh's size, up to which a mesh counts as points on one line."""


@dataclass(frozen=True)
class Surface:
    """The triangles of one file, unchecked.

    Args:
        vertices: (v, 3) coordinates.
        faces: (f, 3) indices of vertices.
        repeats: whether one position of the source can stand in several rows of the vertices.
    """

    vertices: NDArray[Any]
    faces: NDArray[Any]
    repeats: bool


def joined(parts: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]]) -> Surface:
    """One surface of the (vertices, faces) of several parts, in their order."""
    if not parts:
        return Surface(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64), repeats=True)
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
    faces = [part_faces + start for (_, part_faces), start in zip(parts, starts, strict=False)]
    return Surface(np.concatenate([vertices for vertices, _ in parts]), np.concatenate(faces), repeats=True)


def placed(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], matrix: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A part moved by a (4, 4) affine matrix; a mirroring one turns the triangles, so that outside stays outside."""
    from trimesh import transform_points

    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    return transform_points(vertices, matrix), faces


def check_repeated(made: int, stored: int) -> None:
    """Refuse a short file whose parts, repeated, would fill the memory; to be called before they are made.

    Args:
        made: vertices and corners of all parts in all their places, and `PART` for each place.
        stored: bytes that the parts are read from.

    Raises:
        ValueError: more than `MOST_REPEATED`, and more than a file of that length can hold one by one.
    """
    if made > max(stored, MOST_REPEATED):
        limit = f"at most {MOST_REPEATED:,} are made of {stored:,} bytes"
        raise ValueError(f"its parts are repeated until they have {made:,} vertices and corners; {limit}")


def checked(vertices: Any, faces: Any, name: str) -> Trimesh:
    """Build a mesh from (v, 3) coordinates and (f, 3) indices, or say why not.

    Raises:
        InvalidShape: wrong array shapes, no faces, no area, coordinates that are not finite, indices out of range.
    """
    import trimesh

    try:
        vertices_vx3 = np.array(vertices, dtype=np.float64)
        faces_fx3 = np.array(faces, dtype=np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidShape(f"{name}: vertices or faces are not numbers: {error}") from None
    if vertices_vx3.size == 0 or faces_fx3.size == 0:
        raise InvalidShape(f"{name}: no triangles", "the file is empty, cut short, or holds points or curves only")
    if vertices_vx3.ndim != 2 or vertices_vx3.shape[1] != 3 or faces_fx3.ndim != 2 or faces_fx3.shape[1] != 3:
        shapes = f"{vertices_vx3.shape} and {faces_fx3.shape}"
        raise InvalidShape(f"{name}: arrays of shape {shapes} are not (v, 3) vertices and (f, 3) faces")
    bad = int((~np.isfinite(vertices_vx3)).any(axis=1).sum())
    if bad:
        raise InvalidShape(f"{name}: {bad} of {len(vertices_vx3)} vertices are NaN or infinite")
    low, high = int(faces_fx3.min()), int(faces_fx3.max())
    if low < 0 or high >= len(vertices_vx3):
        raise InvalidShape(f"{name}: face indices run from {low} to {high}, but there are {len(vertices_vx3)} vertices")
    return _with_area(trimesh.Trimesh(vertices_vx3, faces_fx3, process=False), name)


def _with_area(mesh: Trimesh, name: str) -> Trimesh:
    """The same mesh, or why nothing can be measured on it.

    Raises:
        InvalidShape: all triangles together have no more area than rounding makes of points on one line.
    """
    a, b, c = (np.asarray(mesh.vertices)[np.asarray(mesh.faces)[:, k]] for k in range(3))
    size = float(max(np.ptp(np.concatenate([a, b, c]), axis=0)))
    with np.errstate(all="ignore"):
        doubled = np.linalg.norm(np.cross((b - a) / size, (c - a) / size), axis=1).sum()
    if size == 0 or doubled <= _NO_AREA:
        raise InvalidShape(f"{name}: none of its {len(mesh.faces):,} triangles has an area")
    return mesh


def weld(mesh: Trimesh) -> Trimesh:
    """Make one vertex of all vertices with bitwise equal coordinates, in order of first appearance; keep every face."""
    import trimesh

    vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float64) + 0.0  # -0.0 and 0.0 are one position
    rows = vertices.view(np.dtype((np.void, vertices.itemsize * 3))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    faces = rank[inverse.ravel()][np.asarray(mesh.faces)]
    return trimesh.Trimesh(vertices[first[order]], faces, process=False)
