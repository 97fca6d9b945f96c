"""Small meshes of every kind that the coder must take, and a group of bent shapes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import trimesh
from mesh_datasets import load

from necgs.mesh.binary_coder import Integers
from necgs.mesh.group_input import Floats, GroupInput, Steps

STEPS = Steps(2 / 255, 0.008, 0.02)


def sphere() -> tuple[Floats, Integers]:
    return plain(trimesh.creation.icosphere(subdivisions=2, radius=0.9))


def torus() -> tuple[Floats, Integers]:
    return plain(trimesh.creation.torus(0.7, 0.2, major_sections=20, minor_sections=8))


def sheet(rows: int = 9, columns: int = 7) -> tuple[Floats, Integers]:
    """Open, with a hole of one quad in its middle."""
    x, y = np.meshgrid(np.linspace(-0.9, 0.9, columns), np.linspace(-0.9, 0.9, rows))
    points = np.stack([x, y, 0.2 * np.sin(3 * x + y)], axis=2).reshape(-1, 3)
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])
    quads = len(a)
    return points, np.delete(faces, [quads // 2, quads // 2 + quads], axis=0)


def several() -> tuple[Floats, Integers]:
    """Five components: sphere, sheet, torus, one triangle, one tetrahedron."""
    parts = [sphere(), sheet(), torus(), (np.eye(3) * 0.5, np.array([[0, 1, 2]]))]
    parts.append(plain(trimesh.creation.icosahedron()))
    points = np.concatenate([0.3 * part[0] + 0.2 * index - 0.4 for index, part in enumerate(parts)])
    starts = np.cumsum([0] + [len(part[0]) for part in parts])
    return points, np.concatenate([part[1] + start for part, start in zip(parts, starts[:-1], strict=True)])


def tangled() -> tuple[Floats, Integers]:
    """Three faces at one edge, two that disagree about a direction, and fans that meet in a vertex."""
    rng = np.random.default_rng(0)
    faces = [[0, 1, 2], [0, 1, 3], [1, 0, 4], [2, 1, 5], [2, 1, 6], [7, 8, 0], [9, 10, 0], [7, 9, 11]]
    return rng.uniform(-0.9, 0.9, (12, 3)), np.array(faces)


def soup() -> tuple[Floats, Integers]:
    """Random faces over few vertices: nothing about them is manifold."""
    rng = np.random.default_rng(1)
    faces = np.array([rng.choice(20, 3, replace=False) for _ in range(60)])
    used, number = np.unique(faces, return_inverse=True)
    return rng.uniform(-0.9, 0.9, (len(used), 3)), number.reshape(-1, 3)


def all_meshes() -> Iterator[tuple[str, Floats, Integers]]:
    for make in (sphere, torus, sheet, several, tangled, soup):
        yield make.__name__, *make()


def body(index: int, faces: int) -> tuple[Floats, Integers]:
    """A shape of the sample set with about so many faces."""
    import pymeshlab

    mesh = list(load("sample").shapes)[index].load()
    points = (mesh.vertices - mesh.bounds.mean(axis=0)) / mesh.extents.max() * 1.9
    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(points, mesh.faces))
    meshes.meshing_decimation_quadric_edge_collapse(targetfacenum=faces, preservenormal=True)
    reduced = meshes.current_mesh()
    kept = reduced.face_matrix().astype(np.int64)
    used, number = np.unique(kept, return_inverse=True)
    return reduced.vertex_matrix()[used], number.reshape(-1, 3)


def bent(count: int, seed: int = 0) -> GroupInput:
    """A torus, bent in ``count`` ways."""
    points, faces = torus()
    rng = np.random.default_rng(seed)
    shapes = []
    for bend in rng.uniform(-1.2, 1.2, (count, 2)):
        angle = bend[0] * points[:, :1]
        x, y, z = points.T[..., None]
        turned = np.concatenate([x, y * np.cos(angle) - z * np.sin(angle), y * np.sin(angle) + z * np.cos(angle)], 1)
        shapes.append(0.9 * turned + 0.05 * np.sin(bend[1] + 3 * points[:, [1, 2, 0]]))
    return GroupInput(faces, np.stack(shapes), STEPS, tuple(range(count)))


def plain(mesh: trimesh.Trimesh) -> tuple[Floats, Integers]:
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)


def canonical(faces: Integers) -> Integers:
    """Faces turned so that the smallest vertex comes first, and sorted."""
    turned = np.stack([np.roll(face, -int(face.argmin())) for face in faces])
    ordered: Integers = turned[np.lexsort(turned.T[::-1])]
    return ordered
