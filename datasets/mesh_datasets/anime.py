"""The ``.anime`` format of DeformingThings4D: an animation of one triangle mesh.

Little endian: int32 nf, nv, nt; float32 (nv, 3) vertices of frame 0; int32 (nt, 3) triangles; float32 (nf - 1, nv, 3)
offsets of the later frames from frame 0. The file has exactly 12 + 12 nv + 12 nt + 12 nv (nf - 1) bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_datasets.errors import InvalidShape

if TYPE_CHECKING:
    from trimesh import Trimesh

_HEADER = struct.Struct("<3i")


@dataclass(frozen=True)
class AnimeHeader:
    """Counts of frames, vertices and triangles; all at least 1."""

    frames: int
    vertices: int
    triangles: int

    @property
    def file_bytes(self) -> int:
        """Size that the whole file must have."""
        return self.frame_bytes + 12 * self.vertices * (self.frames - 1)

    @property
    def frame_bytes(self) -> int:
        """Size of a file that holds one frame alone: what a frame counts as source bytes."""
        return _HEADER.size + 12 * self.vertices + 12 * self.triangles


def read_header(path: Path) -> AnimeHeader:
    """Read and check the counts against the size of the file, before anything is allocated.

    Raises:
        InvalidShape: cut short, counts below 1, or a size that does not fit the counts.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
        size = path.stat().st_size
    except OSError as error:
        raise InvalidShape(f"{path}: cannot be read: {error}") from None
    if len(head) < _HEADER.size:
        raise InvalidShape(f"{path}: {len(head)} bytes are too few for the header of an .anime file")
    header = AnimeHeader(*_HEADER.unpack(head))
    if min(header.frames, header.vertices, header.triangles) < 1:
        raise InvalidShape(
            f"{path}: claims {header.frames} frames, {header.vertices} vertices and {header.triangles} triangles"
        )
    if size != header.file_bytes:
        raise InvalidShape(
            f"{path}: has {size} bytes, but {header.frames} frames of {header.vertices} vertices and "
            f"{header.triangles} triangles take {header.file_bytes}"
        )
    return header


def read_frame(path: Path, frame: int) -> Trimesh:
    """Read one frame, counted from 0; only that frame's bytes are read.

    Raises:
        InvalidShape: the file is damaged, or has no such frame.
    """
    import numpy as np

    from mesh_datasets.mesh_files.surface import checked

    header = read_header(path)
    if not 0 <= frame < header.frames:
        raise InvalidShape(f"{path}: has frames 0 to {header.frames - 1}, no frame {frame}")
    count = 3 * header.vertices
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        vertices = np.fromfile(file, dtype="<f4", count=count).astype(np.float64)
        triangles = np.fromfile(file, dtype="<i4", count=3 * header.triangles)
        if frame:
            file.seek(header.frame_bytes + 4 * count * (frame - 1))
            vertices += np.fromfile(file, dtype="<f4", count=count)
    return checked(vertices.reshape(-1, 3), triangles.reshape(-1, 3), f"{path}, frame {frame}")
