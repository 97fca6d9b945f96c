"""Decoded meshes as files that lose nothing, or as little as their format allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from trimesh import Trimesh

FORMATS = ("ply", "obj", "stl")
_TOLERATED = 1e-5
"""Share of a mesh's longest side by which a format may move vertices: a hundredth of what the best settings lose."""


def mesh_bytes(mesh: Trimesh, file_type: str) -> bytes:
    """The mesh as a file of one of `FORMATS`; PLY and OBJ keep float64 exactly.

    STL is binary and rounds to float32, or text that keeps float64 where rounding would move vertices much.
    """
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces)
    if file_type == "ply":
        return _ply(vertices, faces)
    if file_type == "obj":
        return _obj(vertices, faces)
    if rounding_warning(mesh, file_type):
        return _stl_text(vertices[faces])
    data = mesh.export(file_type=file_type)
    return data.encode() if isinstance(data, str) else bytes(data)


def rounding_warning(mesh: Trimesh, file_type: str) -> str:
    """What binary STL's single precision would do to the mesh, where that is much; else empty."""
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    if file_type != "stl" or not len(vertices):
        return ""
    moved = float(np.abs(vertices - vertices.astype(np.float32)).max())
    size = float(np.ptp(vertices, axis=0).max())
    if moved <= _TOLERATED * size:
        return ""
    return (
        f"binary STL has single precision, which moves vertices by up to {moved:.2g}: it is written as text, of which "
        "some programs read no more; --format ply or obj is safer"
    )


def _ply(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    axes = "".join(f"property double {axis}\n" for axis in "xyz")
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n{axes}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), dtype=[("size", "u1"), ("corners", "<i4", 3)])
    rows["size"], rows["corners"] = 3, faces
    return header.encode("ascii") + vertices.astype("<f8").tobytes() + rows.tobytes()


def _stl_text(triangles: np.ndarray) -> bytes:
    """(f, 3, 3) corners as text STL, with the normals that the format wants."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    lines = ["solid mesh\n"]
    for normal, corners in zip(normals.tolist(), triangles.tolist(), strict=True):
        lines.append("facet normal {:g} {:g} {:g}\nouter loop\n".format(*normal))
        lines += [f"vertex {x!r} {y!r} {z!r}\n" for x, y, z in corners]
        lines.append("endloop\nendfacet\n")
    return "".join([*lines, "endsolid mesh\n"]).encode("ascii")


def _obj(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    # repr() of a float is the shortest text that reads back as the same number
    lines = [f"v {x!r} {y!r} {z!r}\n" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}\n" for a, b, c in (faces + 1).tolist()]
    return "".join(lines).encode("ascii")
