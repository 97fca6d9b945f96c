"""Closest points by lists of near triangles, against all triangles for each point."""

import numpy as np
import pytest
import trimesh
from mesh_datasets import load
from mesh_datasets.normalization import normalize

from necgs.fit.cell_lists import CellLists
from necgs.volume.surface import Surface


def all_distances(mesh, points):
    """Distances (n, m) of points from triangles."""
    corners = mesh.triangles
    return np.array(
        [
            np.linalg.norm(trimesh.triangles.closest_point(corners, np.tile(p, (len(corners), 1))) - p, axis=1)
            for p in points.astype(np.float64)
        ]
    )


def brute_force(mesh, points):
    return all_distances(mesh, points).min(axis=1)


def list_of(lists, cell):
    """The triangles listed for a cell, by its three coordinates."""
    blocks = -(-lists.resolution // 4)
    block = lists.blocks.reshape(blocks, blocks, blocks)[tuple(cell // 4)]
    if block < 0:
        return lists.entries[:0]
    at = 64 * block + np.ravel_multi_index(tuple(cell % 4), (4, 4, 4))
    return lists.entries[lists.starts[at] : lists.starts[at + 1]]


def sphere_and_plate():
    """Small triangles that touch the cube's border, and two that are cut into many pieces."""
    plate = trimesh.Trimesh([[-1, -1, -0.9], [1, -1, -0.2], [1, 1, 0.6], [-1, 1, -0.1]], [[0, 1, 2], [0, 2, 3]])
    return trimesh.util.concatenate([trimesh.creation.icosphere(2, 1.0), plate])


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


@pytest.mark.parametrize("K", [3, 30, 37])
def test_a_list_holds_all_triangles_near_its_cell_in_their_order_and_each_once(K):
    mesh = sphere_and_plate()
    lists = CellLists.of(Surface(mesh.vertices, mesh.faces), K)
    inside = np.random.default_rng(0).uniform(-1, 1, (200, 3))
    near = mesh.sample(200, seed=1) + np.random.default_rng(2).normal(0, 0.2 / K, (200, 3))
    points = np.concatenate([inside, near]).clip(-1, 1)
    points[::7, 0] = np.where(points[::7, 0] < 0, -1, 1)  # the border belongs to the cells at it
    is_near = all_distances(mesh, points) < 0.199 * 2 / K
    assert is_near.any(axis=1).sum() > 100
    for point, row in zip(points, is_near, strict=True):
        listed = list_of(lists, np.minimum(((point + 1) * K / 2).astype(int), K - 1))
        assert (np.diff(listed) > 0).all()
        assert np.isin(np.flatnonzero(row), listed).all()


def test_points_beyond_the_last_whole_block_and_outside_of_the_cube_are_found():
    mesh = sphere_and_plate()
    surface = Surface(mesh.vertices, mesh.faces)
    points = np.float32([[1, 0, 0], [0, 0, 1], [1, 1, 0.6], [1, 1, 1], [-1, -1, -1], [1.004, 0, 0], [0, -9, 0]])
    points = np.concatenate([points, surface.sample(100, 0)[0] * np.float32(1.003)])
    found = CellLists.of(surface, 30).search(points)
    assert found.distances == pytest.approx(brute_force(mesh, points), abs=2e-6)


def test_memory_follows_the_cells_near_the_mesh():
    mesh = trimesh.creation.icosphere(3, 0.5)
    lists = CellLists.of(Surface(mesh.vertices, mesh.faces), 256)
    assert lists.blocks.nbytes + lists.starts.nbytes + lists.entries.nbytes < 256**3 / 4
    assert len(lists.starts) == 64 * (lists.blocks.max() + 1) + 1
    assert lists.starts[-1] == len(lists.entries)
