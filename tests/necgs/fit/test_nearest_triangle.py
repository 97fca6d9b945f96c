import numpy as np
import pytest
import trimesh

from necgs.fit.nearest_triangle import neighbouring_faces, walk
from necgs.volume.surface import Surface


@pytest.mark.parametrize("soup", [False, True])
def test_a_walk_from_nearby_ends_where_a_search_of_the_whole_mesh_does(soup):
    mesh = trimesh.creation.icosphere(3, 0.7)
    if soup:  # every triangle with vertices of its own
        mesh = trimesh.Trimesh(
            mesh.triangles.reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3), process=False
        )
    surface = Surface(mesh.vertices, mesh.faces)
    random = np.random.default_rng(0)
    before, _ = surface.sample(400, 1)
    # Outside of a convex body there is one nearest triangle, and none that is merely nearer than those beside it.
    points = (1.1 * before + random.normal(0, 0.02, before.shape)).astype(np.float32)
    _, start, _ = surface.closest(before)
    found = walk(points, surface.vertices, surface.faces, neighbouring_faces(surface.vertices, surface.faces), start)
    nearest, _, _ = surface.closest(points)
    assert np.abs(found.points - nearest).max() < 2e-6
    assert np.abs(np.linalg.norm(points - nearest, axis=1) - found.distances).max() < 2e-6
    corners = surface.vertices[surface.faces[found.faces]]
    assert np.abs((corners * found.weights[:, :, None]).sum(1) - found.points).max() < 1e-6
    assert (found.weights > -1e-6).all()


def test_single_triangle_by_closed_form():
    vertices, faces = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]])
    points = np.float32([[1, 1, 1], [2, 0, 0], [0.5, 0.5, -1]])
    found = walk(points, vertices, faces, neighbouring_faces(vertices, faces), np.zeros(3, np.int64))
    assert found.points == pytest.approx(np.float32([[1 / 3] * 3, [1, 0, 0], [0.5, 0.5, 0]]), abs=1e-6)
