"""PLY files: text, binary of both byte orders, polygons of any size, lists of any length, triangle strips."""

from __future__ import annotations

import numpy as np

from mesh_datasets.mesh_files.numbers import whole
from mesh_datasets.mesh_files.ply_rows import Column, Element, Property, read_rows
from mesh_datasets.mesh_files.polygons import strips, triangulate
from mesh_datasets.mesh_files.surface import Surface

_TYPES = {
    **{"char": "b", "int8": "b", "uchar": "B", "uint8": "B", "short": "h", "int16": "h", "ushort": "H", "uint16": "H"},
    **{"int": "i", "int32": "i", "uint": "I", "uint32": "I"},
    **{"float": "f", "float32": "f", "double": "d", "float64": "d"},
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_INDICES = ("vertex_indices", "vertex_index")


def read_ply(data: bytes) -> Surface:
    """The triangles of a PLY file; polygons index one table of vertices.

    Raises:
        ValueError: naming what is wrong; the rows of every element are counted against the header.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")  # a byte-order mark, as editors put before text
    order, elements, start = _header(data)
    if (names := [element.name for element in elements]) and len(set(names)) != len(names):
        raise ValueError(f"the header states an element twice: {', '.join(names)}")
    columns = read_rows(data[start:], order, elements)
    vertex = columns.get("vertex", {})
    if missing := [axis for axis in "xyz" if axis not in vertex]:
        raise ValueError(f"its vertices have no property {', '.join(missing)}")
    vertices = np.stack([vertex[axis].values.astype(np.float64) for axis in "xyz"], axis=1)
    faces = [np.zeros((0, 3), dtype=np.int64)]
    if "face" in columns:
        polygons = _indices(columns["face"], "face")
        faces.append(triangulate(vertices, whole(polygons.values, "vertex index"), polygons.sizes))
    if "tristrips" in columns:
        runs = _indices(columns["tristrips"], "tristrips")
        ends = np.cumsum(runs.sizes)[:-1]
        faces += [strips(run) for run in np.split(whole(runs.values, "vertex index"), ends)]
    return Surface(vertices, np.concatenate(faces), repeats=False)


def _indices(columns: dict[str, Column], element: str) -> Column:
    """The list of vertex indices of ``element``."""
    for name in _INDICES:
        if name in columns:
            return columns[name]
    raise ValueError(f"its element {element} has no list vertex_indices, but {', '.join(columns) or 'nothing'}")


def _header(data: bytes) -> tuple[str, list[Element], int]:
    """The byte order ("" for text), the elements, and where their rows begin."""
    if data[:3] != b"ply":
        raise ValueError("it does not begin with the line ply")
    ending = b"\n" if b"\r" not in data[: data.find(b"\n") + 1] and b"\n" in data else b"\r"
    if data[3:].lstrip(b" \t")[:2] == b"\r\n":
        ending = b"\r\n"
    order, elements, at = None, [], 0
    while (end := data.find(ending, at)) >= 0:
        words = data[at:end].decode("latin-1").split()
        at = end + len(ending)
        if words == ["end_header"]:
            if order is None:
                raise ValueError("the header states no format")
            return order, elements, at
        if words[:1] == ["format"]:
            order = _ORDERS.get(words[1] if len(words) > 1 else "")
            if order is None:
                raise ValueError(f"{' '.join(words)} is not ascii, binary_little_endian or binary_big_endian")
        elif words[:1] == ["element"]:
            elements.append(_element(words))
        elif words[:1] == ["property"] and elements:
            elements[-1] = Element(elements[-1].name, elements[-1].count, (*elements[-1].properties, _property(words)))
    raise ValueError("its header has no end; the file is cut short")


def _element(words: list[str]) -> Element:
    if len(words) != 3 or not words[2].isdecimal():
        raise ValueError(f"its header holds the line {' '.join(words)[:60]!r} instead of element NAME COUNT")
    return Element(words[1], int(words[2]), ())


def _property(words: list[str]) -> Property:
    types = words[2:4] if words[1:2] == ["list"] else words[1:2]
    if len(words) != len(types) + (3 if words[1:2] == ["list"] else 2) or any(kind not in _TYPES for kind in types):
        raise ValueError(f"its header holds the line {' '.join(words)[:60]!r}, which names no known type")
    codes = [_TYPES[kind] for kind in types]
    if len(codes) == 2 and codes[0] in "fd":
        raise ValueError(f"the list {words[-1]} has a length of type {types[0]}")
    return Property(words[-1], codes[-1], codes[0] if len(codes) == 2 else "")
