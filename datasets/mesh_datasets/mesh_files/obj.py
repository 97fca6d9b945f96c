"""Wavefront OBJ files: positions and polygons; all else is left out."""

from __future__ import annotations

import numpy as np

from mesh_datasets.mesh_files.numbers import coordinates, unix_lines
from mesh_datasets.mesh_files.polygons import triangulate
from mesh_datasets.mesh_files.surface import Surface

_OTHER_SURFACES = ("surf", "bzp", "bsp", "cdp", "call")
"""Statements that stand for triangles which are not in the file as polygons."""


def read_obj(data: bytes) -> Surface:
    """The triangles of an OBJ file, in the order of its faces.

    Indices count from 1, or backwards from the last vertex before the face. Groups, objects and materials do not split
    the surface.

    Raises:
        ValueError: an index of 0 or to a vertex that is not there, a face of fewer than 3 corners, values that are not
            numbers, free-form surfaces, included files.
    """
    vertices: list[str] = []
    polygons: list[tuple[str, int]] = []
    for line in _statements(data):
        keyword, _, values = line.partition(" ")
        if keyword == "v":
            vertices.append(values)
        elif keyword in ("f", "fo"):
            polygons.append((values, len(vertices)))
        elif keyword in _OTHER_SURFACES:
            raise ValueError(f"it holds the statement {keyword}; polygons (f) alone are read")
    corners, sizes = _corners(polygons)
    coded = any("/" in values for values, _ in polygons)  # with texture coordinates or normals
    positions = coordinates(vertices)
    if len(corners) and corners.max() >= len(positions):
        raise ValueError(f"a face names vertex {corners.max() + 1:,}, but there are {len(positions):,}")
    return Surface(positions, triangulate(positions, corners, sizes), repeats=coded)


def _statements(data: bytes) -> list[str]:
    """The lines without comments; a line that ends with a backslash goes on in the next."""
    text = unix_lines(data).decode("latin-1").replace("\t", " ")
    if "#" in text:
        text = "\n".join(line.partition("#")[0] for line in text.split("\n"))
    return [line.strip() for line in text.replace("\\\n", " ").split("\n")]


def _corners(polygons: list[tuple[str, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Vertex indices from 0, polygon after polygon, and the number of corners of each."""
    corners: list[int] = []
    sizes = []
    for number, (values, before) in enumerate(polygons, start=1):
        try:
            found = [int(corner.partition("/")[0]) for corner in values.split()]
        except ValueError:
            raise ValueError(f"face {number:,} is not made of indices ({values[:40]!r})") from None
        if len(found) < 3:
            raise ValueError(f"face {number:,} has {len(found)} corners ({values[:40]!r})")
        if min(found) < 1:
            found = _from_one(found, before, number)
        corners += found
        sizes.append(len(found))
    return np.array(corners, dtype=np.int64) - 1, np.array(sizes, dtype=np.int64)


def _from_one(found: list[int], before: int, number: int) -> list[int]:
    """``found`` counted from 1: what is negative there counts backwards over the ``before`` vertices so far."""
    if 0 in found:
        raise ValueError(f"face {number:,} has the index 0; OBJ counts from 1")
    if min(found) < -before:
        raise ValueError(f"face {number:,} has the index {min(found)} behind {before:,} vertices")
    return [corner if corner > 0 else corner + before + 1 for corner in found]
