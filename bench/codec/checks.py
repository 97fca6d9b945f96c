"""What every codec of triangles asks of a mesh before it codes it, and of one that it has decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.codec import CorruptArchive, InvalidMesh

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from trimesh import Trimesh

ROUNDING = 1e-6
"""How far a coordinate may lie outside of [-1, 1]: what single precision costs."""


def checked_arrays(mesh: Trimesh) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The mesh as float64 vertices (v, 3) in [-1, 1] and int64 faces (f, 3); vertices that no face uses are dropped.

    Raises `InvalidMesh`: no faces, coordinates that are not finite or outside of the cube, indices out of range.
    """
    import numpy as np

    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
    if len(faces) == 0:
        raise InvalidMesh("the mesh has no faces")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InvalidMesh(f"a face refers to a vertex that is not there: the mesh has {len(vertices)}")
    used, faces_of_used = np.unique(faces, return_inverse=True)
    vertices = vertices[used]
    if not np.isfinite(vertices).all():
        raise InvalidMesh("a coordinate is not finite")
    largest = float(np.abs(vertices).max())
    if largest > 1 + ROUNDING:
        raise InvalidMesh(f"a coordinate of size {largest:g} lies outside of [-1, 1]^3", "normalise the mesh first")
    return np.clip(vertices, -1, 1), faces_of_used.reshape(-1, 3)


def decoded_mesh(vertices: Any, faces: Any) -> Trimesh:
    """What a decoder returned, as a mesh.

    Args:
        vertices: (v, 3), converted to float64.
        faces: (f, 3) integers.

    Raises:
        CorruptArchive: other shapes, coordinates that are not finite, indices out of range.
    """
    import numpy as np
    import trimesh

    points, corners = np.asarray(vertices, np.float64), np.asarray(faces)
    if points.ndim != 2 or points.shape[1] != 3 or corners.ndim != 2 or corners.shape[1] != 3:
        raise CorruptArchive(f"the decoded arrays {points.shape} and {corners.shape} are no triangle mesh")
    if corners.dtype.kind not in "iu":
        raise CorruptArchive(f"the decoded indices are {corners.dtype}, not integers")
    if not np.isfinite(points).all():
        raise CorruptArchive("a decoded coordinate is not finite")
    if len(corners) and (corners.min() < 0 or corners.max() >= len(points)):
        raise CorruptArchive(f"a decoded face refers to a vertex that is not there: the mesh has {len(points)}")
    return trimesh.Trimesh(points, corners.astype(np.int64), process=False)
