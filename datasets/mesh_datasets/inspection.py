"""What is good and bad about each shape of a set: counts for people who decide whether a data set can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mesh_datasets.errors import InvalidShape

if TYPE_CHECKING:
    from trimesh import Trimesh

    from mesh_datasets.shape_set import Shape


@dataclass(frozen=True)
class Inspection:
    """The report on one shape. All counts are 0 where ``error`` says that there is no mesh.

    Args:
        name: of the shape.
        category: of the shape.
        source_bytes: of the shape.
        vertices: rows of the vertex array.
        faces: rows of the face array.
        watertight: every edge belongs to exactly two faces.
        nonmanifold_edges: edges of three or more faces.
        boundary_edges: edges of one face.
        degenerate_faces: faces with a repeated corner or with area 0.
        duplicate_faces: faces beyond the first over the same three vertices, however they are turned.
        components: parts that share no vertex; vertices that no face uses do not count.
        unused_vertices: vertices that no face uses.
        error: why the shape is invalid; empty when it is not.
    """

    name: str
    category: str
    source_bytes: int
    vertices: int = 0
    faces: int = 0
    watertight: bool = False
    nonmanifold_edges: int = 0
    boundary_edges: int = 0
    degenerate_faces: int = 0
    duplicate_faces: int = 0
    components: int = 0
    unused_vertices: int = 0
    error: str = ""


def inspect_shapes(shapes: Iterable[Shape]) -> Iterator[Inspection]:
    """Load and inspect the shapes one after the other; an invalid one is reported, not raised."""
    for shape in shapes:
        try:
            mesh = shape.load()
        except InvalidShape as error:
            yield Inspection(shape.name, shape.category, shape.source_bytes, error=str(error))
        else:
            yield inspect(mesh, shape.name, shape.category, shape.source_bytes)


def inspect(mesh: Trimesh, name: str = "mesh", category: str = "", source_bytes: int = 0) -> Inspection:
    """Count what can be wrong with a mesh."""
    faces = np.asarray(mesh.faces)
    per_edge = _faces_per_edge(faces)
    used = np.unique(faces)
    return Inspection(
        name=name,
        category=category,
        source_bytes=source_bytes,
        vertices=len(mesh.vertices),
        faces=len(faces),
        watertight=bool((per_edge == 2).all()),
        nonmanifold_edges=int((per_edge > 2).sum()),
        boundary_edges=int((per_edge == 1).sum()),
        degenerate_faces=int(_degenerate(np.asarray(mesh.vertices), faces).sum()),
        duplicate_faces=_repeats(np.sort(faces, axis=1)),
        components=_components(faces, used),
        unused_vertices=len(mesh.vertices) - len(used),
    )


def _faces_per_edge(faces: np.ndarray) -> np.ndarray:
    """Number of faces at each edge; a face with a repeated corner counts at the edge that it collapses to."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    key = edges[:, 0] * (int(faces.max()) + 1) + edges[:, 1]
    return np.asarray(np.unique(key, return_counts=True)[1])


def _repeats(rows: np.ndarray) -> int:
    """Number of (n, 3) rows that equal an earlier one."""
    ordered = rows[np.lexsort(rows.T)]
    return int((ordered[1:] == ordered[:-1]).all(axis=1).sum())


def _degenerate(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """bool (f,): repeated corner, or area 0 in float64."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = (np.cross(b - a, c - a) == 0).all(axis=1)
    repeated = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    return np.asarray(flat | repeated)


def _components(faces: np.ndarray, used: np.ndarray) -> int:
    """Connected components of the used vertices under the edges."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    compact = np.searchsorted(used, faces)
    rows, columns = compact[:, [0, 1]].ravel(), compact[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(used), len(used)))
    return int(connected_components(graph, directed=False)[0])
