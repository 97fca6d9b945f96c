"""STL files, binary and text: three corners for every triangle."""

from __future__ import annotations

import re

import numpy as np

from mesh_datasets.mesh_files.numbers import parsed, unix_lines
from mesh_datasets.mesh_files.surface import Surface

_HEADER = 84
_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_SOLID_LINE = re.compile(rb"(?mi)(?:^|(?<=endfacet))[ \t]*(end[ \t]*)?solid\b[^\n]*?(?=\bfacet[ \t]+normal\b|$)")
"""Begin and end of a solid with its name, which may be any words, ``endsolid`` among them."""
_FACET = [b"facet", b"normal", b"outer", b"loop", b"vertex", b"vertex", b"vertex", b"endloop", b"endfacet"]
_WORDS = [0, 1, 5, 6, 7, 11, 15, 19, 20]
_NUMBERS = [8, 9, 10, 12, 13, 14, 16, 17, 18]
"""Which of the 21 words of a facet are keywords, and which are the coordinates of its corners."""


def read_stl(data: bytes) -> Surface:
    """The triangles of an STL file in their order; normals and attributes are left out.

    Raises:
        ValueError: the number of triangles that is stated is not the number that is there; a text that ends early.
    """
    corners = _text(unix_lines(data)) if _is_text(data) else _binary(data)
    return Surface(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3), repeats=True)


def _is_text(data: bytes) -> bool:
    """Binary files, too, may begin with ``solid``: their length, or zero bytes, give them away."""
    if len(data) >= _HEADER and len(data) == _HEADER + _stated(data) * _RECORD.itemsize:
        return False
    beginning = unix_lines(data[:4096]).lstrip()
    return beginning[:5].lower() == b"solid" and b"\0" not in beginning


def _stated(data: bytes) -> int:
    return int.from_bytes(data[_HEADER - 4 : _HEADER], "little")


def _binary(data: bytes) -> np.ndarray:
    """float64 (f, 3, 3)."""
    if len(data) < _HEADER:
        raise ValueError(f"{len(data)} bytes are too few for an STL file")
    stated, (held, rest) = _stated(data), divmod(len(data) - _HEADER, _RECORD.itemsize)
    if stated > held:
        raise ValueError(f"its header states {stated:,} triangles, the file holds {held:,}")
    records = np.frombuffer(data, _RECORD, held, _HEADER)
    if stated < held and ((rest == 0 and any(data[-_RECORD.itemsize :])) or _is_facet(records, stated)):
        raise ValueError(f"its header states {stated:,} triangles, the file holds {held:,}")
    return records["corners"][:stated].astype(np.float64)


def _is_facet(records: np.ndarray, index: int) -> bool:
    """Whether a record looks like a triangle of the same mesh: not other bytes that some programs append."""
    corners = records["corners"].astype(np.float64)
    with np.errstate(all="ignore"):
        size = np.abs(corners[:index]).max(initial=1.0)
        edges = corners[index, 1:] - corners[index, :1]
        flat = not np.cross(edges[0], edges[1]).any()
        normal = np.linalg.norm(records["normal"][index].astype(np.float64))
        return bool(not flat and np.abs(corners[index]).max() <= 10 * size and (normal == 0 or abs(normal - 1) < 0.1))


def _text(text: bytes) -> np.ndarray:
    """float64 (f, 3, 3)."""
    solids = [bool(end) for end in _SOLID_LINE.findall(text)]
    if solids.count(True) != solids.count(False):
        raise ValueError(f"{solids.count(False)} solids begin and {solids.count(True)} end; the file is cut short")
    words = np.array(_SOLID_LINE.sub(b"", text).split() or np.zeros(0, dtype="S1"))
    facets, rest = divmod(len(words), 21)
    words = words[: 21 * facets].reshape(-1, 21)
    wrong = (np.char.lower(words[:, _WORDS]) != _FACET).any(axis=1)
    if wrong.any() or rest:
        number = int(wrong.argmax()) if wrong.any() else facets
        raise ValueError(f"facet {number + 1:,} is not a normal and a loop of three vertices, or is cut short")
    return parsed(b" ".join(words[:, _NUMBERS].ravel())).reshape(-1, 3, 3)
