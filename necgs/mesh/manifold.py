"""Cuts a mesh into oriented manifold pieces with borders, which is what a connectivity coder walks over.

Nothing is removed: the faces stay, in their order, and vertices are doubled where sheets meet that no single sheet can
be: at edges of more than two faces, at edges whose two faces are turned against each other, and at vertices that join
fans of faces by a point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    split, origins = _fans(corners, _twins(corners))
    alone = _spoilt_faces(split)
    while alone.any():
        twins = _twins(split)
        lonely = np.repeat(alone, 3)
        twins[lonely] = -1
        twins[(twins >= 0) & lonely[twins]] = -1
        split, of = _fans(split, twins)
        origins = origins[of]
        alone = _spoilt_faces(split)
    return split, origins


def is_manifold(faces: NDArray[Any]) -> bool:
    """Whether every edge has one face or two that agree, and every vertex one fan of faces."""
    corners = np.ascontiguousarray(faces, np.int64).reshape(-1, 3)
    return not _spoilt_faces(corners).any() and len(_fans(corners, _twins(corners))[1]) == len(np.unique(corners))


def _sides(faces: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Number of the edge of every side (3 f,), from corner i to i + 1, and whether it goes from its lower vertex."""
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    _, edge = np.unique(np.sort(np.stack([start, end], axis=1), axis=1), axis=0, return_inverse=True)
    return edge.reshape(-1), start < end


def _twins(faces: Ints) -> Ints:
    """For each side the other side of its edge, int64 (3 f,); -1 where it does not have exactly one that agrees."""
    edge, upward = _sides(faces)
    count, ups = np.bincount(edge), np.bincount(edge, upward)
    paired = (count == 2) & (ups == 1)
    first, second = (np.full(len(count), -1, np.int64) for _ in range(2))
    first[edge[upward]] = np.flatnonzero(upward)
    second[edge[~upward]] = np.flatnonzero(~upward)
    other = np.where(upward, second[edge], first[edge])
    return np.where(paired[edge], other, -1)


def _fans(faces: Ints, twins: Ints) -> tuple[Ints, Ints]:
    """A vertex for each fan of faces around a vertex: faces with new numbers, and what each number doubles."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    side = np.flatnonzero(twins >= 0)
    after = side - side % 3 + (side + 1) % 3
    twin = twins[side]
    twin_after = twin - twin % 3 + (twin + 1) % 3
    # a side's start is its twin's end
    links = np.concatenate([side, after]), np.concatenate([twin_after, twin])
    corners = faces.size
    graph = coo_matrix((np.ones(len(links[0]), np.int8), links), shape=(corners, corners))
    _, joined = connected_components(graph, directed=False)
    _, first, fan = np.unique(joined, return_index=True, return_inverse=True)
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
