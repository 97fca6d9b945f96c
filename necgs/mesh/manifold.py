"""Cuts a mesh into oriented manifold pieces with borders, which is what a connectivity coder walks over.

Nothing is removed: the faces stay, in their order, and vertices are doubled where sheets meet that no single sheet can
be: at edges of more than two faces, at edges whose two faces are turned against each other, and at vertices that join
fans of faces by a point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.corner_table import fans, twins

Ints = NDArray[np.int64]


def cut_to_manifold(faces: NDArray[Any]) -> tuple[Ints, Ints]:
    """Double vertices until every edge has one face or two that agree, and every vertex one fan of faces.

    Args:
        faces: int (f, 3), each with three different vertices.

    Returns:
        The faces int64 (f, 3) with vertices numbered from 0, and for each of these the vertex that it doubles, int64
        (v,), rising; ``vertices[..., origins, :]`` are their positions. A manifold keeps its vertices, but for unused
        ones.
    """
    corners = np.ascontiguousarray(faces, np.int64).reshape(-1, 3)
    if (corners == np.roll(corners, 1, axis=1)).any():
        raise ValueError("faces must have three different vertices: leave the degenerate ones out before the cut")
    split, origins = _fans(corners, twins(corners))
    alone = _spoilt_faces(split)
    while alone.any():
        twin = twins(split)
        lonely = np.repeat(alone, 3)
        twin[lonely] = -1
        twin[(twin >= 0) & lonely[twin]] = -1
        split, of = _fans(split, twin)
        origins = origins[of]
        alone = _spoilt_faces(split)
    return split, origins


def _sides(faces: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Number of the edge of every side (3 f,), from corner i to i + 1, and whether it goes from its lower vertex."""
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    _, edge = np.unique(np.sort(np.stack([start, end], axis=1), axis=1), axis=0, return_inverse=True)
    return edge.reshape(-1), start < end


def _fans(faces: Ints, twin: Ints) -> tuple[Ints, Ints]:
    """A vertex for each fan of faces around a vertex: faces with new numbers, and what each number doubles."""
    fan, _ = fans(twin)
    _, first = np.unique(fan, return_index=True)
    doubled = faces.reshape(-1)[first]
    order = np.argsort(doubled, kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return number[fan].reshape(faces.shape), doubled[order]


def _spoilt_faces(faces: Ints) -> NDArray[np.bool_]:
    """Faces at an edge that has more than two faces, or two that do not agree; bool (f,)."""
    edge, upward = _sides(faces)
    count, ups = np.bincount(edge), np.bincount(edge, upward)
    spoilt = (count > 2) | ((count == 2) & (ups != 1))
    spoilt_faces: NDArray[np.bool_] = spoilt[edge].reshape(-1, 3).any(1)
    return spoilt_faces
