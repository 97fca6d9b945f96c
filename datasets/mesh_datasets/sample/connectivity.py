"""Coding of the triangles of a mesh: a walk over neighbouring faces that also says how to predict each vertex.

Every face but the first of a component shares an edge with an earlier face, its parent. What is stored of it is how
far back the parent stands, which edge of the parent it shares, and its third corner: 0 for a vertex that was not met
before, else how far back that vertex stands. Vertices are numbered in the order in which the walk meets them.

A new vertex is predicted by the parallelogram rule ``a + b - c``: a and b end the shared edge, c is the parent's third
corner. The three vertices that start a component are predicted by the vertex before them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Triangle = tuple[int, int, int]


@dataclass(frozen=True)
class CodedFaces:
    """The triangles as they are stored.

    Args:
        parents: int64 (f,), distance back to the parent; 0 where a component starts.
        edges: int64 (f,), corner of the parent at which the shared edge begins: 0, 1 or 2.
        corners: int64 (f + 2 starts,), third corners: 0 for the next new vertex, n for the n-th last; three at a start.
    """

    parents: np.ndarray
    edges: np.ndarray
    corners: np.ndarray

    def decode(self) -> tuple[np.ndarray, np.ndarray]:
        """The triangles and the stencils of their vertices.

        Returns:
            faces int64 (f, 3), and stencils int64 (v, 3): the vertices a, b, c of the prediction a + b - c; -1 stands
            for the origin.
        """
        faces: list[Triangle] = []
        stencils: list[Triangle] = []
        corners = iter(self.corners.tolist())

        def corner(stencil: Triangle) -> int:
            back = next(corners)
            if back == 0:
                stencils.append(stencil)
                return len(stencils) - 1
            return len(stencils) - int(back)

        for index, (back, edge) in enumerate(zip(self.parents.tolist(), self.edges.tolist(), strict=True)):
            if back == 0:
                a, b, c = (corner((len(stencils) - 1, -1, -1)) for _ in range(3))
                faces.append((a, b, c))
                continue
            parent = faces[index - back]
            a, b, c = parent[edge], parent[edge - 2], parent[edge - 1]
            faces.append((b, a, corner((a, b, c))))
        return np.array(faces, dtype=np.int64), np.array(stencils, dtype=np.int64)


def encode(faces: np.ndarray) -> tuple[CodedFaces, np.ndarray]:
    """Code int (f, 3) faces; any will do, also open, non-manifold or wrongly oriented ones.

    Returns:
        what is stored, and int64 (v,): the old number of each new vertex. Vertices that no face uses are left out.
    """
    number: dict[int, int] = {}
    parents: list[int] = []
    edges: list[int] = []
    corners: list[int] = []
    for back, edge, met in _walk([(a, b, c) for a, b, c in np.asarray(faces).tolist()]):
        parents.append(back)
        edges.append(edge)
        for vertex in met:
            corners.append(len(number) - number[vertex] if vertex in number else 0)
            number.setdefault(vertex, len(number))
    coded = CodedFaces(*(np.array(values, dtype=np.int64) for values in (parents, edges, corners)))
    return coded, np.array(list(number), dtype=np.int64)


def _walk(triangles: list[Triangle]) -> Iterator[tuple[int, int, Triangle | tuple[int]]]:
    """Breadth first over neighbours: (distance to the parent, its edge, the corners that the edge does not give)."""
    across: dict[tuple[int, int], list[int]] = {}
    for index, (a, b, c) in enumerate(triangles):
        for directed in ((a, b), (b, c), (c, a)):
            across.setdefault(directed, []).append(index)
    seen = [False] * len(triangles)
    done = 0
    for start, first in enumerate(triangles):
        if seen[start]:
            continue
        seen[start] = True
        queue = deque([(done, first)])
        done += 1
        yield 0, 0, first
        while queue:
            parent, corners = queue.popleft()
            for edge in range(3):
                a, b = corners[edge], corners[edge - 2]
                for index in across.get((b, a), ()):
                    if seen[index]:
                        continue
                    seen[index] = True
                    x, y, z = triangles[index]
                    third = z if (x, y) == (b, a) else x if (y, z) == (b, a) else y
                    queue.append((done, (b, a, third)))
                    yield done - parent, edge, (third,)
                    done += 1
