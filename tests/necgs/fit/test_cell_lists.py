"""Closest points by lists of near triangles, against all triangles for each point."""

import numpy as np
import pytest
import trimesh
from mesh_datasets import load
from mesh_datasets.normalization import normalize

from necgs.fit.cell_lists import CellLists
from necgs.volume.surface import Surface


def brute_force(mesh, points):
    corners = mesh.triangles
    return np.array(
        [
            np.linalg.norm(trimesh.triangles.closest_point(corners, np.tile(p, (len(corners), 1))) - p, axis=1).min()
            for p in points.astype(np.float64)
        ]
    )


@pytest.mark.parametrize("name", ["human_06_T", "object_02_circuit_cover"])
@pytest.mark.parametrize("away", [0.0, 0.1, 3.0])
def test_distance_is_the_least_over_all_triangles(name, away):
    K = 64
    shape = next(shape for shape in load("sample") if shape.name == name)
    mesh, _ = normalize(shape.load())
    surface = Surface(mesh.vertices, mesh.faces)
    points, face = surface.sample(30, 3)
    points = points + (away * 2 / K * np.linspace(-1, 1, 30)[:, None] * surface.normals[face]).astype(np.float32)
    found = CellLists.of(surface, K).search(points)
    assert found.distances == pytest.approx(brute_force(mesh, points), abs=1e-4 * (2 / K) + 2e-6)
    corners = surface.vertices[surface.faces[found.faces]]
    assert (corners * found.weights[:, :, None]).sum(1) == pytest.approx(found.points, abs=1e-6)
    assert np.linalg.norm(found.points - points, axis=1) == pytest.approx(found.distances, abs=1e-6)


def test_points_outside_of_the_cube_are_found():
    mesh = trimesh.creation.box((2, 2, 2))
    found = CellLists.of(Surface(mesh.vertices, mesh.faces), 16).search(np.float32([[1.5, 0, 0], [-1.01, 0.2, 0.2]]))
    assert found.distances == pytest.approx([0.5, 0.01], abs=1e-6)
