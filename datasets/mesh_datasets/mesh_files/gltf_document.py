"""What a glTF 2.0 file holds: its JSON, the bytes of its buffers, and accessors as arrays. All sizes are checked."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
DRACO, INSTANCING = "KHR_draco_mesh_compression", "EXT_mesh_gpu_instancing"
_READ = (DRACO, INSTANCING, "KHR_mesh_quantization")
_OF_APPEARANCE = (
    "KHR_materials_",
    "KHR_texture_",
    "EXT_texture_",
    "MSFT_texture_",
    "KHR_lights_",
    "EXT_lights_",
    "KHR_technique",
)
"""How the names begin of extensions that change no triangle."""

_GLB_HEAD = struct.Struct("<4sII")
_CHUNK_HEAD = struct.Struct("<I4s")


def natural(table: dict[str, Any], key: str, default: int | None = None) -> int:
    """A count, an offset or an index of the JSON.

    Raises:
        ValueError: missing without a default, not a whole number, negative.
    """
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
        raise ValueError(f"{key} is {value!r}, not a whole number from 0 on")
    return int(value)


@dataclass(frozen=True)
class Document:
    """A parsed file.

    Args:
        tree: the JSON.
        buffers: the bytes of each buffer, as long as the JSON states or longer.
    """

    tree: dict[str, Any]
    buffers: tuple[bytes, ...]

    def entry(self, kind: str, index: Any) -> dict[str, Any]:
        """``tree[kind][index]``. Raises ValueError where there is no such table."""
        entries = self.tree.get(kind, [])
        if not isinstance(entries, list) or not isinstance(index, int) or not 0 <= index < len(entries):
            raise ValueError(f"{kind} holds no number {index!r}")
        if not isinstance(entries[index], dict):
            raise ValueError(f"number {index} of {kind} is no object")
        return dict(entries[index])

    @property
    def length(self) -> int:
        """Bytes of all buffers."""
        return sum(map(len, self.buffers))

    def count(self, index: Any) -> int:
        """The number of values that an accessor states. Raises ValueError where no buffer could number so many."""
        count = natural(self.entry("accessors", index), "count")
        if count > self.length:
            raise ValueError(f"accessor {index} states {count:,} values, the file has {self.length:,} bytes of data")
        return count

    def view(self, index: Any) -> tuple[memoryview, int]:
        """The bytes of a buffer view, and its stride (0 where values lie close together)."""
        view = self.entry("bufferViews", index)
        number, start = natural(view, "buffer"), natural(view, "byteOffset", 0)
        length = natural(view, "byteLength")
        if number >= len(self.buffers) or start + length > len(self.buffers[number]):
            raise ValueError(f"bufferView {index} reaches beyond its buffer")
        return memoryview(self.buffers[number])[start : start + length], natural(view, "byteStride", 0)

    def accessor(self, index: Any) -> NDArray[Any]:
        """The values of an accessor, (n, width) or (n,): normalised integers as floats, sparse values put in."""
        entry = self.entry("accessors", index)
        code, width = _COMPONENTS.get(entry.get("componentType", 0)), _WIDTHS.get(entry.get("type", ""))
        if code is None or width is None:
            raise ValueError(f"accessor {index} has type {entry.get('type')} of {entry.get('componentType')}")
        count = self.count(index)
        if "bufferView" in entry:
            values = self._strided(entry, np.dtype(code), width, count, f"accessor {index}").copy()
        else:
            values = np.zeros((count, width), dtype=code)
        if "sparse" in entry:
            self._put_sparse(values, entry["sparse"], f"accessor {index}")
        if entry.get("normalized") and code != "<f4":
            values = np.maximum(values.astype(np.float64) / np.iinfo(code).max, -1.0)
        return values[:, 0] if width == 1 else values

    def _put_sparse(self, values: NDArray[Any], sparse: dict[str, Any], name: str) -> None:
        count = natural(sparse, "count")
        code = _COMPONENTS.get(sparse["indices"].get("componentType", 0), "")
        if code not in ("<u1", "<u2", "<u4"):
            raise ValueError(f"{name}: sparse indices of type {sparse['indices'].get('componentType')}")
        rows = self._strided(sparse["indices"], np.dtype(code), 1, count, f"{name}, sparse indices")[:, 0]
        if count and rows.max() >= len(values):
            raise ValueError(f"{name}: sparse index {rows.max()} of {len(values)} values")
        values[rows] = self._strided(sparse["values"], values.dtype, values.shape[1], count, f"{name}, sparse values")

    def _strided(self, entry: dict[str, Any], dtype: np.dtype[Any], width: int, count: int, name: str) -> NDArray[Any]:
        """(count, width) values at ``entry``'s place of its buffer view."""
        data, stride = self.view(entry.get("bufferView"))
        start, row = natural(entry, "byteOffset", 0), dtype.itemsize * width
        stride = stride or row
        if count and start + stride * (count - 1) + row > len(data):
            raise ValueError(f"{name} states {count:,} values, its bufferView holds {len(data):,} bytes")
        if not count:
            return np.zeros((0, width), dtype)
        return np.ndarray((count, width), dtype, data, start, (stride, dtype.itemsize))


def read_document(data: bytes, folder: Path) -> Document:
    """Parse a ``.gltf`` or ``.glb`` file and read the buffers beside it, in ``folder``.

    Raises:
        ValueError: damaged, another version of glTF, an extension that is required and not read, a buffer that is
            missing or cut short.
    """
    text, binary = _chunks(data) if data[:4] == b"glTF" else (data, None)
    tree = json.loads(text)
    if not isinstance(tree, dict) or not isinstance(tree.get("asset"), dict):
        raise ValueError("its JSON describes no asset")
    if not str(tree["asset"].get("version", "")).startswith("2."):
        raise ValueError(f"it is glTF {tree['asset'].get('version')}; version 2 is read")
    for name in tree.get("extensionsRequired", []):
        if name not in _READ and not str(name).startswith(_OF_APPEARANCE):
            raise ValueError(f"the extension {name} is required and not read")
    buffers: list[bytes] = []
    read: dict[Path, bytes] = {}
    for number, buffer in enumerate(tree.get("buffers", [])):
        content = _content(buffer, binary if number == 0 else None, folder, number, read)
        if len(content) < natural(buffer, "byteLength"):
            raise ValueError(f"buffer {number} states {buffer['byteLength']} bytes, {len(content)} are there")
        buffers.append(content)
    return Document(tree, tuple(buffers))


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON and the binary chunk of a GLB file."""
    if len(data) < _GLB_HEAD.size:
        raise ValueError("it is cut short")
    _, version, length = _GLB_HEAD.unpack_from(data)
    if version != 2:
        raise ValueError(f"it is glTF {version}; version 2 is read")
    if length > len(data):
        raise ValueError(f"its header states {length:,} bytes, {len(data):,} are there")
    chunks, at = [], _GLB_HEAD.size
    while at + _CHUNK_HEAD.size <= length:
        size, kind = _CHUNK_HEAD.unpack_from(data, at)
        at += _CHUNK_HEAD.size
        if at + size > length:
            raise ValueError("a chunk is longer than the file")
        chunks.append((kind, data[at : at + size]))
        at += size
    if not chunks or chunks[0][0] != b"JSON":
        raise ValueError("its first chunk is not JSON")
    return chunks[0][1], next((content for kind, content in chunks[1:] if kind == b"BIN\0"), None)


def _content(buffer: dict[str, Any], binary: bytes | None, folder: Path, number: int, read: dict[Path, bytes]) -> bytes:
    """The bytes of a buffer: of the file, of its URI, or of a file below ``folder``; ``read`` keeps those of files."""
    uri = buffer.get("uri")
    if uri is None:
        if binary is None:
            why = ", ".join(buffer.get("extensions", {}))
            raise ValueError(f"buffer {number} has no data" + (f"; the extension {why} is not read" if why else ""))
        return binary
    if uri.startswith("data:"):
        head, _, body = uri.partition(",")
        text = unquote(body, "latin-1").encode("latin-1")
        return base64.b64decode(text, validate=True) if head.endswith(";base64") else text
    path = _beside(folder, uri)
    if path is None or (urlsplit(uri).scheme and not path.is_file()):
        raise ValueError(f"buffer {number} lies at {uri!r}, which is not below the file's folder")
    if path not in read:
        if not path.is_file():
            raise ValueError(f"buffer {number} lies in {unquote(uri)!r}, and there is no such file")
        read[path] = path.read_bytes()
    return read[path]


def _beside(folder: Path, uri: str) -> Path | None:
    """The file below ``folder`` that a URI means, escaped or (some programs) not; None for a place elsewhere."""
    names = dict.fromkeys([unquote(uri), uri, unquote(uri).replace("\\", "/")])
    paths = [(folder / name).resolve() for name in names]
    inside = [path for path in paths if path.is_relative_to(folder.resolve())]
    return next((path for path in inside if path.is_file()), inside[0] if len(inside) == len(paths) else None)
