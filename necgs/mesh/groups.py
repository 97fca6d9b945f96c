"""Finds the shapes of a set that have one face list: poses of a body, frames of a sequence, forms of a template."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mesh = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Group:
    """n shapes with one face list; n is often one.

    Args:
        shapes: n numbers of shapes of the set, rising.
        vertices: float64 (n, v, 3), those in use, numbered as the faces meet them.
        faces: int64 (f, 3), each with three different vertices, none listed twice.
        welded: vertices that coincided with another in every shape, and became one with it.
        degenerate, repeated: faces left out, which had no area in any shape or were there already.
        unused: vertices left out, which no face names.
    """

    shapes: tuple[int, ...]
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    welded: int = 0
    degenerate: int = 0
    repeated: int = 0
    unused: int = 0


def find_groups(meshes: Sequence[Mesh]) -> list[Group]:
    """Divide a set into groups of one face list each, in the order of their first shapes.

    Shapes whose face lists are the same as they stand go together; then what coincides in all shapes of a group is
    welded, and groups whose face lists are the same by then go together too. Faces are compared in their order.

    Args:
        meshes: vertices (v, 3) and faces int (f, 3) of each shape.
    """
    for number, (vertices, faces) in enumerate(meshes):
        if len(faces) and not 0 <= np.min(faces) <= np.max(faces) < len(vertices):
            raise ValueError(f"shape {number}: faces must name vertices 0 to {len(vertices) - 1}")
    alike = _by_key((len(vertices), _digest(faces)) for vertices, faces in meshes)
    clean = [_clean(tuple(shapes), meshes) for shapes in alike]
    return [_joined([clean[k] for k in same]) for same in _by_key((_digest(group.faces)) for group in clean)]


def _by_key(keys: Iterable[Hashable]) -> list[list[int]]:
    """Numbers of equal keys together, in the order of the first of each."""
    found: dict[Hashable, list[int]] = {}
    for number, key in enumerate(keys):
        found.setdefault(key, []).append(number)
    return list(found.values())


def _digest(faces: NDArray[Any]) -> bytes:
    return sha256(np.ascontiguousarray(faces, np.int64).tobytes()).digest()


def _clean(shapes: tuple[int, ...], meshes: Sequence[Mesh]) -> Group:
    """Weld, drop faces without three vertices and repeated ones, and number the vertices as the faces meet them."""
    vertices = np.stack([np.asarray(meshes[shape][0], np.float64) for shape in shapes])
    listed = np.asarray(meshes[shapes[0]][1], np.int64).reshape(-1, 3)
    same, first = _coinciding(vertices)
    welded = first[same[listed]]
    whole = welded[(welded != np.roll(welded, 1, axis=1)).all(1)]
    faces = whole[_first_of_each(whole)]
    used, numbers = _in_order_of_use(faces)
    return Group(
        shapes,
        np.ascontiguousarray(vertices[:, used]),
        numbers,
        welded=len(np.unique(listed)) - len(np.unique(welded)),
        degenerate=len(listed) - len(whole),
        repeated=len(whole) - len(faces),
        unused=vertices.shape[1] - len(np.unique(listed)),
    )


def _coinciding(vertices: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each vertex the number of its place, and for each place its first vertex; (n, v, 3), the same in all n."""
    rows = np.ascontiguousarray(vertices.transpose(1, 0, 2) + 0.0).reshape(vertices.shape[1], -1)
    _, first, same = np.unique(rows.view(f"V{rows.itemsize * rows.shape[1]}").reshape(-1), True, True)
    return same.reshape(-1), first


def _first_of_each(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of ``faces`` but for those that name the vertices of an earlier one in the same sense."""
    lowest = faces.argmin(1)[:, None]
    turned = np.take_along_axis(faces, (lowest + np.arange(3)) % 3, axis=1)
    return np.sort(np.unique(turned, axis=0, return_index=True)[1])


def _in_order_of_use(faces: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The vertices in use, in the order in which the faces name them, and the faces with these numbers."""
    used, at, inverse = np.unique(faces, return_index=True, return_inverse=True)
    order = np.argsort(at)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(len(order))
    return used[order], numbers[inverse.reshape(faces.shape)]


def _joined(groups: list[Group]) -> Group:
    """Groups of equal faces as one; what was left out is counted once for each shape, and so the largest counts."""
    shapes = np.concatenate([group.shapes for group in groups])
    vertices = np.concatenate([group.vertices for group in groups])
    order = np.argsort(shapes)
    counts = {name: max(getattr(g, name) for g in groups) for name in ("welded", "degenerate", "repeated", "unused")}
    return Group(tuple(int(s) for s in shapes[order]), vertices[order], groups[0].faces, **counts)
