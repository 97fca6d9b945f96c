"""OFF files (Geomview): text, with or without colours, normals and texture coordinates."""

from __future__ import annotations

import re

import numpy as np

from mesh_datasets.mesh_files.numbers import coordinates, parsed, unix_lines, whole
from mesh_datasets.mesh_files.polygons import triangulate
from mesh_datasets.mesh_files.surface import Surface

_KEYWORD = re.compile(rb"\s*(ST)?(C)?(N)?(4)?(n)?(?:OFF|off)(?=[\s\d]|$)")
_COUNTS = re.compile(rb"\s*(\d+)\s+(\d+)(?:[ \t]+\d+|[ \t]*\n\s*\d+[ \t]*(?=\n))?(?=\s|$)")
"""The numbers of vertices, polygons and edges; some files leave the edges out."""

_MOST_COLOURS = 4
"""Numbers of a polygon's colour: none, an index, three or four components."""


def read_off(data: bytes) -> Surface:
    """The triangles of an OFF file: a line for each vertex and each polygon, or numbers in any arrangement.

    Raises:
        ValueError: fewer or more vertices or polygons than the header states; binary or n-dimensional OFF.
    """
    text = re.sub(rb"#[^\n]*", b"", unix_lines(data))
    keyword = _KEYWORD.match(text)
    if keyword:
        if keyword[4] or keyword[5]:
            raise ValueError(f"{keyword[0].decode().strip()}, of other than 3 dimensions, is not read")
        text = text[keyword.end() :]
        if text.lstrip().startswith(b"BINARY"):
            raise ValueError("OFF BINARY is not read")
    counts = _COUNTS.match(text)
    if counts is None:
        raise ValueError("it does not begin with OFF and the numbers of vertices, polygons and edges")
    points, polygons = int(counts[1]), int(counts[2])
    lines = [line for line in text[counts.end() :].split(b"\n") if line and not line.isspace()]
    plain = keyword is None or keyword[0].strip().upper() == b"OFF"
    if len(lines) == points + polygons:
        vertices, corners, sizes = _by_lines(lines, points)
    elif lines and plain and (len(lines) > points + polygons or len(lines[0].split()) != 3):
        vertices, corners, sizes = _by_numbers(parsed(b"\n".join(lines)), points, polygons)
    else:
        stated = f"its header states {points:,} vertices and {polygons:,} polygons"
        raise ValueError(f"{stated}, but {len(lines):,} lines follow: {_found(len(lines), points)}")
    return Surface(vertices, triangulate(vertices, corners, sizes), repeats=False)


def _found(lines: int, points: int) -> str:
    return f"{min(lines, points):,} vertices and {max(lines - points, 0):,} polygons"


def _by_lines(lines: list[bytes], points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, corners and sizes, from one line each; what stands behind the coordinates and the corners is colour."""
    corners: list[int] = []
    sizes = []
    for number, line in enumerate(lines[points:], start=1):
        words = line.split()
        try:
            size = int(words[0])
            found = [int(word) for word in words[1 : 1 + size]]
        except ValueError:
            raise ValueError(f"polygon {number:,} is not made of indices ({line[:40].decode('latin-1')!r})") from None
        if size < 0 or len(found) < size or len(words) > 1 + size + _MOST_COLOURS:
            raise ValueError(f"polygon {number:,} states {size} corners, {len(words) - 1} numbers follow")
        corners += found
        sizes.append(size)
    return (
        coordinates([line.decode("latin-1") for line in lines[:points]]),
        np.array(corners, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
    )


def _by_numbers(numbers: np.ndarray, points: int, polygons: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, corners and sizes, from the mere sequence of the numbers, which holds no colours."""
    at = 3 * points
    kept, sizes = [np.zeros(0)], []
    for _ in range(polygons):
        size = int(numbers[at]) if at < len(numbers) and numbers[at] >= 0 else len(numbers)
        kept.append(numbers[at + 1 : at + 1 + size])
        sizes.append(size)
        at += 1 + size
        if at > len(numbers):
            raise ValueError(f"it ends before the {points:,} vertices and {polygons:,} polygons that its header states")
    if at != len(numbers):
        raise ValueError(f"{len(numbers) - at:,} numbers follow the last polygon that its header states")
    corners = whole(np.concatenate(kept), "vertex index")
    return numbers[: 3 * points].reshape(-1, 3), corners, np.array(sizes, dtype=np.int64)
