"""Where the nodes of a glTF scene put its meshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mesh_datasets.mesh_files.gltf_document import INSTANCING, Document, natural

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_VISITS = 100_000
"""So many times a file may repeat its nodes."""


@dataclass(frozen=True)
class Placement:
    """A mesh that a node shows.

    Args:
        mesh: its number.
        weights: of its morph targets.
        matrices: (n, 4, 4), the places where it stands.
    """

    mesh: int
    weights: tuple[float, ...]
    matrices: NDArray[np.float64]


def placements(document: Document) -> list[Placement]:
    """The meshes of the default scene, parents before their children; without nodes, every mesh once.

    A node with several parents (glTF forbids it, some programs write it) stands in several places.

    Raises:
        ValueError: a node that is not there, or is its own descendant; nodes that multiply beyond measure.
    """
    nodes = document.tree.get("nodes", [])
    if not nodes:
        meshes = range(len(document.tree.get("meshes", [])))
        return [Placement(mesh, _weights(document, {}, mesh), np.eye(4)[None]) for mesh in meshes]
    found, visits = [], 0
    known: dict[int, tuple[dict[str, Any], NDArray[np.float64]]] = {}
    waiting = [(number, np.eye(4), 1) for number in reversed(_roots(document))]
    while waiting:
        number, above, depth = waiting.pop()
        if number not in known:
            node = document.entry("nodes", number)
            known[number] = (node, _matrix(node))
        node, local = known[number]
        visits += 1
        if depth > len(nodes):
            raise ValueError(f"node {number} is its own descendant")
        if visits > max(len(nodes), _MOST_VISITS):
            raise ValueError(f"its {len(nodes):,} nodes are repeated more than {_MOST_VISITS:,} times")
        matrix = above @ local
        if "mesh" in node:
            mesh = natural(node, "mesh")
            found.append(Placement(mesh, _weights(document, node, mesh), matrix @ _instances(document, node)))
        waiting += [(child, matrix, depth + 1) for child in reversed(node.get("children", []))]
    return found


def _roots(document: Document) -> list[Any]:
    """The top nodes of the default scene; without a scene, those that are nobody's child."""
    if document.tree.get("scenes"):
        return list(document.entry("scenes", natural(document.tree, "scene", 0)).get("nodes", []))
    nodes = document.tree["nodes"]
    children = {child for node in nodes for child in node.get("children", [])}
    return [number for number in range(len(nodes)) if number not in children]


def _weights(document: Document, node: dict[str, Any], mesh: int) -> tuple[float, ...]:
    return tuple(map(float, node.get("weights", document.entry("meshes", mesh).get("weights", []))))


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """(4, 4): from a node's coordinates to its parent's."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    if "rotation" in node:
        matrix = _composed(*(np.array([part], dtype=np.float64) for part in ([0] * 3, node["rotation"], [1] * 3)))[0]
    matrix[:3, :3] *= np.array(node.get("scale", [1.0] * 3), dtype=np.float64)
    matrix[:3, 3] = node.get("translation", [0.0] * 3)
    return matrix


def _composed(
    translation: NDArray[np.float64], rotation: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 4, 4) of n translations, quaternions (x, y, z, w) and scales."""
    from scipy.spatial.transform import Rotation

    matrices = np.tile(np.eye(4), (len(translation), 1, 1))
    matrices[:, :3, :3] = Rotation.from_quat(rotation).as_matrix() * scale[:, None, :]
    matrices[:, :3, 3] = translation
    return matrices


def _instances(document: Document, node: dict[str, Any]) -> NDArray[np.float64]:
    """(n, 4, 4): where the node repeats its mesh; once, unless the extension for instances says otherwise."""
    extension = node.get("extensions", {}).get(INSTANCING)
    if extension is None:
        return np.eye(4)[None]
    given = {name: document.accessor(index) for name, index in extension.get("attributes", {}).items()}
    count = max((len(values) for values in given.values()), default=0)
    rest = {"TRANSLATION": [0.0] * 3, "ROTATION": [0.0, 0.0, 0.0, 1.0], "SCALE": [1.0] * 3}
    parts = [given.get(name, np.tile(value, (count, 1))).astype(np.float64) for name, value in rest.items()]
    if any(part.shape != (count, len(value)) for part, value in zip(parts, rest.values(), strict=True)):
        raise ValueError(f"the instances of a node have {', '.join(str(part.shape) for part in parts)} values")
    return _composed(*parts)
