"""Writes the small files that these tests read. Nothing here uses the package under test."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

TETRAHEDRON = (
    np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]], dtype=np.float64),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)


def obj_text(vertices: np.ndarray, faces: np.ndarray) -> str:
    lines = [f"v {x} {y} {z}" for x, y, z in vertices.tolist()]
    return "\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces.tolist())]) + "\n"


def write_obj(path: Path, scale: float = 1.0) -> Path:
    """A tetrahedron; files of one scale are equal."""
    vertices, faces = TETRAHEDRON
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(obj_text(vertices * scale, faces))
    return path


def write_stl(path: Path, vertices: np.ndarray, faces: np.ndarray) -> Path:
    """Binary STL: every triangle has its own three corners, float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [struct.pack("<12fH", *([0.0] * 3), *vertices[face].ravel().tolist(), 0) for face in faces]
    path.write_bytes(b"\0" * 80 + struct.pack("<I", len(faces)) + b"".join(blocks))
    return path


def anime_bytes(frames: np.ndarray, faces: np.ndarray) -> bytes:
    """(nf, nv, 3) positions and (nt, 3) triangles in the .anime format."""
    nf, nv, _ = frames.shape
    head = struct.pack("<3i", nf, nv, len(faces))
    offsets = (frames[1:] - frames[0]).astype("<f4")
    return head + frames[0].astype("<f4").tobytes() + faces.astype("<i4").tobytes() + offsets.tobytes()


def write_anime(path: Path, frames: int = 3) -> Path:
    """A tetrahedron that moves by 1 along x in each frame."""
    vertices, faces = TETRAHEDRON
    positions = np.stack([vertices + np.array([frame, 0, 0]) for frame in range(frames)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(anime_bytes(positions, faces))
    return path


def write_ama(root: Path, layout: str = "{}/meshes") -> Path:
    """Three frames of crane, two of march2 under its archive name."""
    for folder, numbers in (("crane", (0, 2, 19)), ("D_march", (3, 4))):
        for number in numbers:
            write_obj(root / layout.format(folder) / f"mesh_{number:04d}.obj", scale=1.0 + number)
    return root


def write_dt4d(root: Path) -> Path:
    """Two animals and a humanoid."""
    for group, name, frames in (("animals", "bearA_walk", 3), ("animals", "foxB_run", 2), ("humanoids", "manC_sit", 4)):
        write_anime(root / group / name / f"{name}.anime", frames)
    return root


def write_thingi10k(root: Path) -> Path:
    """Three models as published."""
    for number in (100032, 65004, 72214):
        write_stl(root / "raw_meshes" / f"{number}.stl", *TETRAHEDRON)
    return root
