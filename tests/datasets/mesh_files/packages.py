"""glTF and 3MF files, made by hand."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}


class Gltf:
    """A glTF file in the making: arrays are put into its one buffer."""

    def __init__(self) -> None:
        self.buffer = b""
        self.tree: dict[str, Any] = {"asset": {"version": "2.0"}, "bufferViews": [], "accessors": []}

    def view(self, data: bytes) -> int:
        """Append bytes; returns the number of the buffer view."""
        self.buffer += b"\0" * (-len(self.buffer) % 4)
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.buffer), "byteLength": len(data)})
        self.buffer += data
        return len(self.tree["bufferViews"]) - 1

    def accessor(self, values: Any, kind: str, **more: Any) -> int:
        """Append an array; returns the number of the accessor."""
        array = np.asarray(values, dtype=np.dtype(kind).newbyteorder("<"))
        shape = "SCALAR" if array.ndim == 1 else f"VEC{array.shape[1]}"
        entry = {"componentType": _COMPONENTS[kind], "type": shape, "count": len(array)}
        self.tree["accessors"].append({"bufferView": self.view(array.tobytes()), **entry, **more})
        return len(self.tree["accessors"]) - 1

    def part(self, points: Any, triangles: Any, kind: str = "f4") -> dict[str, Any]:
        """A primitive of these points and triangles."""
        corners = self.accessor(np.ravel(triangles), "u2")
        return {"attributes": {"POSITION": self.accessor(points, kind)}, "indices": corners}

    def glb(self, **tree: Any) -> bytes:
        """The binary file, with these tables of its JSON. Without nodes, one node shows the first mesh."""
        self.tree["buffers"] = [{"byteLength": len(self.buffer)}]
        shown = {"nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}]}
        text = json.dumps({**self.tree, **shown, **tree}).encode()
        text += b" " * (-len(text) % 4)
        binary = self.buffer + b"\0" * (-len(self.buffer) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def mesh_object(number: int, points: Any, triangles: Any) -> str:
    """A 3MF object with a mesh."""
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in np.asarray(points).tolist())
    faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in np.asarray(triangles).tolist())
    mesh = f"<mesh><vertices>{vertices}</vertices><triangles>{faces}</triangles></mesh>"
    return f'<object id="{number}" type="model">{mesh}</object>'


def group_object(number: int, components: Iterable[str]) -> str:
    """A 3MF object that consists of others; a component is its attributes."""
    inside = "".join(f"<component {component}/>" for component in components)
    return f'<object id="{number}"><components>{inside}</components></object>'


def model(objects: Iterable[str], items: Iterable[str] = (), attributes: str = "") -> str:
    """A 3MF model part; an item is its attributes."""
    build = "".join(f"<item {item}/>" for item in items)
    return (
        f'<?xml version="1.0"?><model unit="millimeter" xmlns="{CORE}" xmlns:p="{PRODUCTION}" {attributes}>'
        f"<resources>{''.join(objects)}</resources><build>{build}</build></model>"
    )


def package(parts: Mapping[str, str | Sequence[str]]) -> bytes:
    """A 3MF file of these parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text if isinstance(text, str) else "".join(text))
    return file.getvalue()
