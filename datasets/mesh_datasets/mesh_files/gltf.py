"""glTF 2.0, text and binary: the triangles of the default scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mesh_datasets.mesh_files.draco import decode_draco
from mesh_datasets.mesh_files.gltf_document import DRACO, Document, natural, read_document
from mesh_datasets.mesh_files.gltf_nodes import placements
from mesh_datasets.mesh_files.polygons import strips
from mesh_datasets.mesh_files.surface import PART, Surface, check_repeated, joined, placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Part = tuple[NDArray[np.float64], NDArray[np.int64]]

_DRACO_ROWS, _MOST_DRACO_ROWS = 100, 50_000_000
"""Vertices and corners that a compressed byte may stand for; and at most so many in all, beyond one a byte."""

_TRIANGLES, _STRIP, _FAN = 4, 5, 6


def read_gltf(data: bytes, folder: Path) -> Surface:
    """The triangles of the default scene (of all meshes where there is no scene), each part in its place.

    Strips and fans become triangles; points and lines are left out. Morph targets have their default weights; a mesh
    with a skin is not posed.

    Args:
        data: the file.
        folder: where its buffers lie, if they are files of their own.

    Raises:
        ValueError: naming what is wrong, or the extension that is required and not read.
    """
    document = read_document(data, folder)
    places = placements(document)
    rows = {mesh: _rows(document, mesh) for mesh in {place.mesh for place in places}}
    stored = len(data) + document.length
    if DRACO in document.tree.get("extensionsUsed", []):
        stored += min(_DRACO_ROWS * document.length, _MOST_DRACO_ROWS)
    check_repeated(sum(len(place.matrices) * rows[place.mesh] for place in places), stored)
    parts: dict[tuple[int, tuple[float, ...]], list[Part]] = {}
    made = []
    for place in places:
        key = (place.mesh, place.weights)
        if key not in parts:
            parts[key] = [_part(document, primitive, place.weights) for primitive in _primitives(document, place.mesh)]
        made += [placed(*part, matrix) for matrix in place.matrices for part in parts[key]]
    return joined(made)


def _primitives(document: Document, mesh: int) -> list[dict[str, Any]]:
    """The primitives of a mesh that have triangles."""
    primitives = document.entry("meshes", mesh).get("primitives", [])
    return [one for one in primitives if natural(one, "mode", _TRIANGLES) >= _TRIANGLES]


def _rows(document: Document, mesh: int) -> int:
    """What one instance of a mesh counts, by what its accessors state; see `check_repeated`."""
    total = 0
    for primitive in _primitives(document, mesh):
        counted = _stated if DRACO in primitive.get("extensions", {}) else Document.count
        vertices = counted(document, primitive["attributes"]["POSITION"])
        corners = counted(document, primitive["indices"]) if "indices" in primitive else 0
        total += PART + vertices + max(corners, vertices)
    return total


def _stated(document: Document, accessor: Any) -> int:
    """The count of an accessor whose values are compressed."""
    return natural(document.entry("accessors", accessor), "count")


def _part(document: Document, primitive: dict[str, Any], weights: tuple[float, ...]) -> Part:
    """Vertices and faces of a primitive."""
    if compressed := primitive.get("extensions", {}).get(DRACO):
        content, _ = document.view(compressed.get("bufferView"))
        vertices, faces = decode_draco(bytes(content))
        stated = _stated(document, primitive["attributes"]["POSITION"])
        if len(vertices) != stated:
            raise ValueError(f"a part states {stated:,} vertices, its Draco stream holds {len(vertices):,}")
        return vertices, faces
    vertices = _positions(document, primitive["attributes"]["POSITION"])
    for weight, target in zip(weights, primitive.get("targets", []), strict=False):
        if weight and "POSITION" in target:
            moved = _positions(document, target["POSITION"])
            if len(moved) != len(vertices):
                raise ValueError(f"a morph target moves {len(moved):,} of {len(vertices):,} vertices")
            vertices = vertices + weight * moved
    if "indices" not in primitive:
        corners = np.arange(len(vertices))
    else:
        corners = document.accessor(primitive["indices"])
        if corners.ndim != 1 or corners.dtype.kind != "u":
            raise ValueError(f"accessor {primitive['indices']} holds no indices")
    if len(corners) and corners.max() >= len(vertices):
        raise ValueError(f"a face names vertex {corners.max():,}, but there are {len(vertices):,}")
    return vertices, _faces(corners.astype(np.int64), natural(primitive, "mode", _TRIANGLES))


def _positions(document: Document, accessor: Any) -> NDArray[np.float64]:
    values = document.accessor(accessor)
    if values.ndim != 2 or values.shape[1] != 3:
        raise ValueError(f"accessor {accessor} holds no positions")
    return values.astype(np.float64)


def _faces(corners: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """(f, 3)."""
    if mode == _STRIP:
        return strips(corners)
    if mode == _FAN:
        ahead = corners[1:]
        return np.stack([np.full(max(len(ahead) - 1, 0), corners[0]), ahead[:-1], ahead[1:]], axis=1)
    if mode != _TRIANGLES:
        raise ValueError(f"a part has the unknown mode {mode}")
    if len(corners) % 3:
        raise ValueError(f"the {len(corners):,} corners of a part do not make whole triangles")
    return corners.reshape(-1, 3)
