"""Small meshes of every kind that a triangle codec meets."""

import numpy as np
import trimesh


def torus(sections=60):
    return trimesh.creation.torus(0.7, 0.3, major_sections=sections, minor_sections=sections // 2)


def one_triangle():
    return trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)


def open_sheet(cells=12):
    """A wavy grid with a border."""
    x, y = np.meshgrid(np.linspace(-1, 1, cells + 1), np.linspace(-1, 1, cells + 1), indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), 0.2 * np.sin(3 * x + y).ravel()], axis=1)
    a = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    b, c, d = a + cells + 1, a + cells + 2, a + 1
    return trimesh.Trimesh(vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]), process=False)


def fan(blades=5):
    """Several triangles on one edge: not a manifold."""
    angles = np.linspace(0, 5, blades)
    tips = np.stack([np.cos(angles), np.sin(angles), np.zeros(blades)], axis=1)
    vertices = np.concatenate([[[0, 0, -0.5], [0, 0, 0.5]], tips])
    return trimesh.Trimesh(vertices, [[0, 1, 2 + i] for i in range(blades)], process=False)


def two_parts():
    """Two spheres, one inside out."""
    a, b = trimesh.creation.icosphere(2, radius=0.3), trimesh.creation.icosphere(2, radius=0.3)
    b.apply_translation((0.6, 0, 0))
    b.invert()
    return trimesh.util.concatenate([a, b])


def with_waste():
    """A torus with a collapsed face, a doubled face and a vertex that nothing uses."""
    mesh = torus(16)
    faces = np.concatenate([mesh.faces, mesh.faces[:1], [[0, 0, 1]]])
    return trimesh.Trimesh(np.concatenate([mesh.vertices, [[5, 5, 5]]]), faces, process=False)


def tiny():
    return trimesh.Trimesh(torus(16).vertices * 1e-6, torus(16).faces, process=False)


ALL = {f.__name__: f for f in (torus, one_triangle, open_sheet, fan, two_parts, with_waste, tiny)}
