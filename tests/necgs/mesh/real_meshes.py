"""Meshes that several tests share: the smallest that show a kind of trouble, and some of the embedded sample set."""

from functools import cache

import mesh_datasets
import numpy as np
import trimesh
from mesh_datasets.normalization import normalize


@cache
def sample_shape(part: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a shape of the sample set, in the cube."""
    mesh, _ = normalize(mesh_datasets.load(f"sample:{part}").shapes[number].load())
    return np.array(mesh.vertices), np.array(mesh.faces)


def sphere(subdivisions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.9)
    return np.array(mesh.vertices), np.array(mesh.faces)


def sheet(side: int = 13, holes: tuple[tuple[int, int], ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """A wavy sheet of 2 (side - 1)^2 triangles, less two for each hole."""
    x, y = np.meshgrid(*[np.linspace(-0.9, 0.9, side)] * 2, indexing="ij")
    vertices = np.stack([x, y, 0.1 * np.sin(3 * x) * np.cos(2 * y)], axis=2).reshape(-1, 3)
    lower, upper = np.array([[0, side, 1], [side, side + 1, 1]])
    cells = [(i, j) for i in range(side - 1) for j in range(side - 1) if (i, j) not in holes]
    corner = np.array([i * side + j for i, j in cells])[:, None]
    faces = np.concatenate([corner + lower, corner + upper], axis=1).reshape(-1, 3)
    return vertices, faces


def three_sheets(side: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Three half planes that meet in one line: its edges have three faces each."""
    u, t = np.meshgrid(np.linspace(0, 0.8, side), np.linspace(-0.8, 0.8, side), indexing="ij")
    parts = [np.stack([u * np.cos(a), u * np.sin(a), t + 0.05 * u**2], axis=2) for a in (0.0, 2.0, 4.0)]
    vertices = np.stack(parts).reshape(-1, 3)
    lower, upper = np.array([[0, side, 1], [side, side + 1, 1]])
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1, 1)
    one = np.concatenate([corner + lower, corner + upper], axis=1).reshape(-1, 3)
    faces = np.concatenate([one + k * side * side for k in range(3)])
    _, first, same = np.unique(vertices.round(12) + 0.0, axis=0, return_index=True, return_inverse=True)
    return vertices[first], same.reshape(-1)[faces]
