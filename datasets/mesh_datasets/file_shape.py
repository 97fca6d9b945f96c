"""Shapes that are files: what can be said of them without reading them. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh_datasets.mesh_files.names import printable

if TYPE_CHECKING:
    from trimesh import Trimesh


def file_stamp(path: Path, member: str = "") -> str:
    """Path, size and modification time of a file, and the member of it that is meant: changes when the file does."""
    try:
        status = path.stat()
        stamp = f"{printable(path.resolve())}|{status.st_size}|{status.st_mtime_ns}"
    except OSError as error:  # a link that leads nowhere, say: whoever loads the shape is told
        stamp = f"{printable(path.absolute())}|{error.errno}"
    return f"{stamp}|{member}" if member else stamp


def file_size(path: Path) -> int:
    """Bytes of a file; 0 where it cannot be found out, and whoever loads the shape is told why."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def load_mesh_file(path: Path) -> Trimesh:
    """`mesh_datasets.mesh_files.reading.read_mesh`, imported when it is called."""
    from mesh_datasets.mesh_files.reading import read_mesh

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
