import numpy as np
import pytest
import trimesh

from necgs.volume.ray_winding import ray_winding


def solid_angles(vertices, faces, points):
    """Winding numbers by the formula of van Oosterom and Strackee (1983), face by face."""
    a, b, c = (vertices[faces[:, i]][None] - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=2) for x in (a, b, c))
    over = np.einsum("pfk,pfk->pf", a, np.cross(b, c))
    dots = [(x * y).sum(2) for x, y in ((a, b), (b, c), (c, a))]
    under = la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    return np.arctan2(over, under).sum(1) / (2 * np.pi)


def scene(name):
    ball = trimesh.creation.icosphere(2, 0.5)
    if name == "nested, one inside out":
        inner = trimesh.creation.icosphere(1, 0.25)
        inner.invert()
        return trimesh.util.concatenate([ball, inner])
    if name == "overlapping":
        box = trimesh.creation.box((0.7, 0.7, 0.7))
        box.apply_translation((0.3, 0.2, 0.1))
        return trimesh.util.concatenate([ball, box])
    return trimesh.creation.torus(0.6, 0.2, major_sections=24, minor_sections=12)


@pytest.mark.parametrize("name", ["torus", "nested, one inside out", "overlapping"])
def test_equals_the_rounded_sum_of_solid_angles(name):
    mesh = scene(name)
    points = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    expected = np.rint(solid_angles(mesh.vertices, mesh.faces, points))
    assert np.array_equal(ray_winding(mesh.vertices, mesh.faces, points), expected)
    assert len(np.unique(expected)) > 1


def test_rays_through_vertices_and_edges_count_once():
    box = trimesh.creation.box((1, 1, 1))
    axis = np.array([-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75])
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    off = np.abs(np.abs(grid).max(1) - 0.5) > 1e-9
    inside = (np.abs(grid[off]) < 0.5).all(1)
    assert np.array_equal(ray_winding(box.vertices, box.faces, grid[off]), inside)


def test_nothing_has_no_winding():
    assert ray_winding(np.zeros((3, 3)), np.zeros((0, 3), int), np.zeros((2, 3))).tolist() == [0, 0]
