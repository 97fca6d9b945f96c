"""Reading one mesh from one file, with nothing repaired.

What is done, and all that is done:

* polygons become triangles, and the parts of a scene are put together with their transformations, as trimesh does it;
* normals, colours, texture coordinates and materials are dropped;
* where the format gives every corner of a triangle a vertex of its own (STL; OBJ and glTF with texture coordinates or
  normals; scenes of several parts), vertices of bitwise equal position become one (`weld`).

Everything else stays as it was: degenerate and duplicate faces, holes, unused vertices, near-duplicate vertices.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mesh_datasets.errors import InvalidShape

if TYPE_CHECKING:
    from trimesh import Trimesh

_SHARED_VERTICES = frozenset({".ply", ".off"})
"""Formats whose triangles always index one table of positions: never welded."""


def read_mesh(path: Path) -> Trimesh:
    """Read the triangles of ``path``: float64 (v, 3) vertices in source coordinates, int64 (f, 3) faces.

    Raises:
        InvalidShape: missing, unreadable, no faces, coordinates that are not finite, indices out of range.
    """
    if not path.is_file():
        raise InvalidShape(f"{path}: no such file")
    loaded = _parse(path)
    corners = path.suffix.lower() == ".stl" or _repeats_vertices(path, loaded)
    mesh = _merged(loaded, path)
    mesh = checked(mesh.vertices, mesh.faces, str(path))
    return weld(mesh) if corners else mesh


def checked(vertices: Any, faces: Any, name: str) -> Trimesh:
    """Build a mesh from (v, 3) coordinates and (f, 3) indices, or say why not.

    Raises:
        InvalidShape: wrong array shapes, no faces, coordinates that are not finite, indices out of range.
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
    return trimesh.Trimesh(vertices_vx3, faces_fx3, process=False)


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


def _parse(path: Path) -> Any:
    """Whatever trimesh makes of the file: a mesh, a scene, points, curves."""
    import trimesh

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return trimesh.load(path, process=False, maintain_order=True, skip_materials=True)
    except MemoryError:
        raise
    except Exception as error:  # parsers fail in every way there is
        raise InvalidShape(f"{path}: cannot be read as a mesh: {type(error).__name__}: {error}") from error


def _merged(loaded: Any, path: Path) -> Any:
    """One mesh of what was loaded. ``to_mesh`` applies the scene's transformations."""
    import trimesh

    if isinstance(loaded, trimesh.Scene):
        if not any(isinstance(part, trimesh.Trimesh) for part in loaded.geometry.values()):
            raise InvalidShape(f"{path}: no triangles", "the file is empty, cut short, or holds points or curves only")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return loaded.to_mesh()
    if not isinstance(loaded, trimesh.Trimesh):
        raise InvalidShape(f"{path}: no triangles", f"the file holds a {type(loaded).__name__}")
    return loaded


def _repeats_vertices(path: Path, loaded: Any) -> bool:
    """Whether one position of the file can stand in several rows of the vertices."""
    import trimesh

    if isinstance(loaded, trimesh.Scene):
        return True
    if path.suffix.lower() in _SHARED_VERTICES:
        return False
    textured = getattr(getattr(loaded, "visual", None), "kind", None) == "texture"
    return textured or "vertex_normals" in getattr(loaded, "_cache", {})
