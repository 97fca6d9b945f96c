"""Names of mesh files: which are taken, and how they are printed. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path

MESH_SUFFIXES = frozenset({".obj", ".off", ".ply", ".stl", ".glb", ".gltf", ".3mf", ".drc"})
"""What counts as a mesh file when a folder is searched."""


def is_mesh_file(name: str) -> bool:
    """Whether a file of that name is taken from a folder.

    Hidden ones are not, but for those that macOS puts beside others (``._a.obj``): they look like meshes where hidden
    files are shown, so they are taken, and refused by name when they are read.
    """
    return Path(name).suffix.lower() in MESH_SUFFIXES and (not name.startswith(".") or name.startswith("._"))


def printable(path: Path) -> str:
    """The path as text that can be written anywhere: bytes of its name that are not UTF-8 become ``\\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
