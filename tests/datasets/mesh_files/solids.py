"""Solids whose area and volume are known, as polygons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from mesh_datasets.mesh_files.reading import read_mesh

BOX = np.array([[x, y, z] for x in (0, 2) for y in (0, 3) for z in (0, 4)], dtype=float)
BOX_QUADS = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
BOX_TRIANGLES = [[a, b, c] for p, q, r, s in BOX_QUADS for a, b, c in ((p, q, r), (r, s, p))]
BOX_AREA, BOX_VOLUME = 52.0, 24.0

_L = [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)]
L_PRISM = np.array([[x, y, z] for z in (0, 2) for x, y in _L], dtype=float)
L_POLYGONS = [[5, 4, 3, 2, 1, 0], [6, 7, 8, 9, 10, 11]] + [[i, (i + 1) % 6, (i + 1) % 6 + 6, i + 6] for i in range(6)]
L_AREA, L_VOLUME = 2 * 5.0 + 12 * 2.0, 10.0


def assert_box(mesh: trimesh.Trimesh, copies: int = 1) -> None:
    """The box, ``copies`` times: closed, with its area and its volume, nothing doubled."""
    assert_solid(mesh, copies * BOX_AREA, copies * BOX_VOLUME, 12 * copies)


def assert_solid(mesh: trimesh.Trimesh, area: float, volume: float, faces: int) -> None:
    np.testing.assert_allclose([mesh.area, mesh.volume, len(mesh.faces)], [area, volume, faces], rtol=1e-6)
    assert mesh.is_watertight


def written(path: Path, content: bytes | str) -> trimesh.Trimesh:
    """What is read from a file of that content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_mesh(path)


def rows(values: np.ndarray | Sequence[Sequence[float]]) -> str:
    """Lines of numbers."""
    return "".join(" ".join(f"{value:g}" for value in row) + "\n" for row in values)


def counted(polygons: Sequence[Sequence[int]]) -> str:
    """Lines of a count and that many indices."""
    return rows([[len(polygon), *polygon] for polygon in polygons])
