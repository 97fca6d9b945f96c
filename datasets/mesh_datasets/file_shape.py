"""Shapes that are files: what can be said of them without reading them. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimesh import Trimesh

MESH_SUFFIXES = frozenset({".obj", ".stl", ".ply", ".off", ".glb", ".gltf", ".3mf", ".drc", ".dae", ".xaml", ".3dxml"})
"""What counts as a mesh file when a folder is searched."""


def file_stamp(path: Path, member: str = "") -> str:
    """Path, size and modification time of a file, and the member of it that is meant: changes when the file does."""
    status = path.stat()
    stamp = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    return f"{stamp}|{member}" if member else stamp


def load_mesh_file(path: Path) -> Trimesh:
    """`mesh_datasets.mesh_file.read_mesh`, imported when it is called."""
    from mesh_datasets.mesh_file import read_mesh

    return read_mesh(path)


def binary_ply_size(vertices: int, faces: int) -> int:
    """Bytes of a mesh as a binary PLY file with float32 coordinates and int32 indices and no other property.

    The size that a mesh without a file of its own is taken to have: the header, 12 bytes a vertex and 13 bytes a face
    (a count of one byte and three indices).
    """
    return len(ply_header(vertices, faces)) + 12 * vertices + 13 * faces


def ply_header(vertices: int, faces: int) -> bytes:
    """The header of that file."""
    return (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {vertices}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {faces}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode("ascii")
