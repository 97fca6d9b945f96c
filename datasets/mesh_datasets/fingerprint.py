"""A content hash of a mesh, equal on every machine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from trimesh import Trimesh


def mesh_fingerprint(mesh: Trimesh) -> str:
    """SHA-256 (hex) over the shapes and the values of the vertices and the faces.

    The bytes hashed are the two array shapes as little-endian int64, the vertices as little-endian float64 and the
    faces as little-endian int64, all in C order. Order of vertices and faces counts; names and attributes do not.
    """
    vertices = np.ascontiguousarray(mesh.vertices, dtype="<f8")
    faces = np.ascontiguousarray(mesh.faces, dtype="<i8")
    digest = hashlib.sha256()
    digest.update(np.array([*vertices.shape, *faces.shape], dtype="<i8").tobytes())
    digest.update(vertices.tobytes())
    digest.update(faces.tobytes())
    return digest.hexdigest()
