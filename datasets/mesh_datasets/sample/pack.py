"""The file that the sample is kept in: every shape can be unpacked alone, in milliseconds, without loss.

The file is a sequence of xz streams. The first holds an index in JSON; the others follow in the order in which the
index names them, at the offsets that it gives from the end of the first. There is one stream for each connectivity,
which shapes of one topology share, and one for the vertices of each shape.

Vertices are 16-bit integers: coordinate = origin + step * integer, computed in float64. What is coded is the
difference from the prediction that the connectivity makes (`mesh_datasets.sample.connectivity`), modulo 2^16, folded to
an unsigned number (0, -1, 1, -2, ...), all high bytes before all low bytes, axis by axis. The quantised vertices are
the reference: from them on nothing is lost.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mesh_datasets.sample.connectivity as connectivity
from mesh_datasets.errors import DatasetUnavailable

if TYPE_CHECKING:
    from trimesh import Trimesh

FORMAT = "necgs-bench sample 1"
LEVELS = 65535

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]
_CORNER_BYTES = 3


@dataclass(frozen=True)
class PackedShape:
    """One entry of the index.

    Args:
        name: of the shape.
        category: ``human``, ``animal`` or ``object``.
        topology: number of its connectivity.
        vertices: count.
        faces: count.
        origin: coordinates of integer (0, 0, 0).
        step: size of one integer step; cubic.
        offset: of its stream.
        length: of its stream, in bytes.
        fingerprint: `mesh_datasets.fingerprint.mesh_fingerprint` of the unpacked mesh.
    """

    name: str
    category: str
    topology: int
    vertices: int
    faces: int
    origin: tuple[float, float, float]
    step: float
    offset: int
    length: int
    fingerprint: str


@dataclass(frozen=True)
class _Topology:
    faces: int
    corners: int
    offset: int
    length: int


class Pack:
    """A pack that was read from a file. Only the index is decoded at once."""

    def __init__(self, path: Path) -> None:
        """Read ``path``.

        Raises:
            DatasetUnavailable: the file is missing or damaged.
        """
        self.path = path
        try:
            data = path.read_bytes()
            first = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            index = json.loads(first.decompress(data))
            if index["format"] != FORMAT:
                raise ValueError(f"format {index['format']!r} instead of {FORMAT!r}")
            self.shapes = tuple(PackedShape(**{**shape, "origin": tuple(shape["origin"])}) for shape in index["shapes"])
            self._topologies = tuple(_Topology(**topology) for topology in index["topologies"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, lzma.LZMAError) as error:
            raise DatasetUnavailable(f"{path}: the sample pack cannot be read: {error}", "install again") from error
        self._streams = first.unused_data
        self._decoded: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def mesh(self, index: int) -> Trimesh:
        """Unpack one shape: float64 (v, 3) vertices, int64 (f, 3) faces."""
        import trimesh

        shape = self.shapes[index]
        faces, stencils = self._connectivity(shape.topology)
        data = self._stream(shape.offset, shape.length)
        high, low = np.frombuffer(data, dtype=np.uint8).reshape(2, 3, shape.vertices).astype(np.int64)
        integers = _predicted_sum(_unfolded(high << 8 | low), stencils)
        vertices = np.array(shape.origin) + shape.step * integers.T.astype(np.float64)
        return trimesh.Trimesh(vertices, faces.copy(), process=False)

    def _connectivity(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Faces and stencils of a topology; kept, since shapes share them."""
        if number not in self._decoded:
            topology = self._topologies[number]
            data = np.frombuffer(self._stream(topology.offset, topology.length), dtype=np.uint8).astype(np.int64)
            f = topology.faces
            coded = connectivity.CodedFaces(
                parents=data[:f] | data[f : 2 * f] << 8,
                edges=data[2 * f : 3 * f],
                corners=(data[3 * f :].reshape(_CORNER_BYTES, -1) << np.array([[0], [8], [16]])).sum(axis=0),
            )
            self._decoded[number] = coded.decode()
        return self._decoded[number]

    def _stream(self, offset: int, length: int) -> bytes:
        try:
            return lzma.decompress(self._streams[offset : offset + length], format=lzma.FORMAT_XZ)
        except lzma.LZMAError as error:
            raise DatasetUnavailable(f"{self.path}: the sample pack is damaged: {error}", "install again") from error


@lru_cache(maxsize=2)
def read_pack(path: Path) -> Pack:
    """The pack at ``path``, read once in a process."""
    return Pack(path)


@dataclass(frozen=True)
class Quantised:
    """A mesh that is ready to be packed: integer vertices (v, 3) in [0, 65535] and faces (f, 3)."""

    name: str
    category: str
    integers: np.ndarray
    faces: np.ndarray
    origin: tuple[float, float, float]
    step: float


def quantised(name: str, category: str, vertices: np.ndarray, faces: np.ndarray) -> Quantised:
    """Round float (v, 3) vertices to 65,536 levels over the longest side of their bounding box."""
    low = vertices.min(axis=0)
    step = float((vertices.max(axis=0) - low).max() / LEVELS)
    integers = np.rint((vertices - low) / step).astype(np.int64)
    return Quantised(name, category, integers, faces, (float(low[0]), float(low[1]), float(low[2])), step)


def write_pack(path: Path, meshes: Iterable[Quantised]) -> None:
    """Write a pack. Meshes with equal faces share one connectivity; unused vertices are dropped; the order is kept."""
    from mesh_datasets.fingerprint import mesh_fingerprint

    streams: list[bytes] = []
    topologies: dict[bytes, tuple[int, connectivity.CodedFaces, np.ndarray, np.ndarray]] = {}
    index: dict[str, list[dict[str, Any]]] = {"topologies": [], "shapes": []}

    def add(data: bytes) -> dict[str, int]:
        offset = sum(map(len, streams))
        streams.append(lzma.compress(data, format=lzma.FORMAT_XZ, filters=_FILTERS))
        return {"offset": offset, "length": len(streams[-1])}

    for mesh in meshes:
        key = np.ascontiguousarray(mesh.faces, dtype="<i8").tobytes()
        if key not in topologies:
            coded, order = connectivity.encode(mesh.faces)
            where = add(_face_bytes(coded))
            topologies[key] = (len(topologies), coded, order, coded.decode()[1])
            index["topologies"].append({"faces": len(coded.parents), "corners": len(coded.corners), **where})
        number, coded, order, stencils = topologies[key]
        folded = _folded(_residuals(mesh.integers[order], stencils))
        where = add(np.stack([folded >> 8, folded & 255]).astype(np.uint8).tobytes())
        entry = PackedShape(
            name=mesh.name,
            category=mesh.category,
            topology=number,
            vertices=len(order),
            faces=len(mesh.faces),
            origin=mesh.origin,
            step=mesh.step,
            fingerprint="",
            **where,
        )
        index["shapes"].append(asdict(entry))
    body = b"".join(streams)
    _write(path, index, body)
    unpacked = Pack(path)
    for number, shape in enumerate(index["shapes"]):
        shape["fingerprint"] = mesh_fingerprint(unpacked.mesh(number))
    _write(path, index, body)


def _write(path: Path, index: dict[str, Any], body: bytes) -> None:
    head = json.dumps({"format": FORMAT, **index}, separators=(",", ":")).encode()
    path.write_bytes(lzma.compress(head, format=lzma.FORMAT_XZ, preset=9) + body)


def _face_bytes(coded: connectivity.CodedFaces) -> bytes:
    """Two planes of parents, one of edges, three of corners; bytes of equal rank stand together."""
    if coded.parents.max(initial=0) >= 1 << 16 or coded.corners.max(initial=0) >= 1 << 8 * _CORNER_BYTES:
        raise ValueError("the mesh is too large for this pack format")
    planes = [coded.parents & 255, coded.parents >> 8, coded.edges]
    planes += [coded.corners >> 8 * rank & 255 for rank in range(_CORNER_BYTES)]
    return b"".join(plane.astype(np.uint8).tobytes() for plane in planes)


def _residuals(integers: np.ndarray, stencils: np.ndarray) -> np.ndarray:
    """int64 (3, v): difference of each vertex from its prediction, modulo 2^16."""
    extended = np.vstack([integers, np.zeros((1, 3), dtype=np.int64)])  # stencil -1 reads the origin
    a, b, c = (extended[stencils[:, k]] for k in range(3))
    return np.asarray(((integers - (a + b - c)) & LEVELS).T)


def _predicted_sum(residuals: np.ndarray, stencils: np.ndarray) -> np.ndarray:
    """Undo `_residuals`, vertex after vertex: int64 (3, v)."""
    rules = stencils.tolist()
    axes = []
    for residual in residuals.tolist():
        values = [0] * (len(residual) + 1)  # the last one stays 0: stencil -1 reads it
        for i, (r, (a, b, c)) in enumerate(zip(residual, rules, strict=True)):
            values[i] = (r + values[a] + values[b] - values[c]) & LEVELS
        axes.append(values[:-1])
    return np.array(axes, dtype=np.int64)


def _folded(residuals: np.ndarray) -> np.ndarray:
    """0, -1, 1, -2, ... (modulo 2^16) -> 0, 1, 2, 3, ..."""
    signed = (residuals + 32768 & LEVELS) - 32768
    return np.where(signed < 0, -2 * signed - 1, 2 * signed)


def _unfolded(folded: np.ndarray) -> np.ndarray:
    """Undo `_folded`."""
    return np.where(folded & 1, -(folded + 1 >> 1), folded >> 1)
