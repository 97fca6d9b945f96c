"""Distances left by the triangles themselves, against a search of all triangles for each grid point."""

import numpy as np
import open3d as o3d
import pytest
import trimesh
from mesh_datasets import load
from mesh_datasets.normalization import normalize

from necgs.volume.distance_band import distance_band
from necgs.volume.winding_number import grid_positions

REACH = 2.0


def by_tree(mesh, K):
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices.astype(np.float32)), o3d.core.Tensor(mesh.faces.astype(np.uint32))
    )
    return scene.compute_distance(o3d.core.Tensor(grid_positions(np.arange(K**3), K))).numpy().reshape(K, K, K)


@pytest.mark.parametrize("name", ["human_06_T", "object_02_circuit_cover"])
def test_every_point_near_a_mesh_has_its_distance(name):
    K = 48
    shape = next(shape for shape in load("sample") if shape.name == name)
    mesh, _ = normalize(shape.load())
    band = distance_band(mesh.vertices, mesh.faces, K, REACH)
    expected, h = by_tree(mesh, K), 2 / (K - 1)
    near = np.zeros((K, K, K), bool)
    near.reshape(-1)[band.points] = True
    assert near[expected < (REACH - 1e-3) * h].all()
    assert not near[expected > (REACH + 2e-2) * h].any()
    assert band.distance == pytest.approx(expected[near], abs=0.01 * h)  # the tree computes in single precision
    some = slice(None, None, len(band.points) // 100)
    positions = grid_positions(band.points[some], K).astype(np.float64)
    for point, found in zip(positions, band.distance[some], strict=True):
        on = trimesh.triangles.closest_point(mesh.triangles, np.broadcast_to(point, (len(mesh.faces), 3)))
        assert np.linalg.norm(on - point, axis=1).min() == pytest.approx(found, abs=1e-6)


def test_triangles_without_area_count_as_what_they_are():
    vertices = np.array([[-0.9, 0.1, 0.2], [0.9, 0.1, 0.2], [0.0, 0.1, 0.2], [0.3, -0.7, 0.5]])
    faces = np.array([[0, 1, 2], [3, 3, 3]])
    K = 20
    points = grid_positions(np.arange(K**3), K).astype(np.float64)
    along = np.clip(points[:, 0], -0.9, 0.9)
    line = np.linalg.norm(points - np.stack([along, np.full(K**3, 0.1), np.full(K**3, 0.2)], axis=1), axis=1)
    expected = np.minimum(line, np.linalg.norm(points - vertices[3], axis=1))
    band = distance_band(vertices, faces, K, REACH)
    near = expected <= REACH * 2 / (K - 1)
    assert np.array_equal(band.points, np.flatnonzero(near))
    assert band.distance == pytest.approx(expected[near], abs=1e-6)


@pytest.mark.parametrize("reach", [REACH, 2.9])
def test_borders_between_slabs_do_not_show(reach, monkeypatch):
    """Triangles within one slab, across two and across all of them, at a resolution that is no multiple of a slab."""
    K = 75
    large = np.random.default_rng(0).uniform(-1, 1, (8, 3, 3))
    small = trimesh.creation.icosphere(3, 0.9).triangles
    vertices = np.concatenate([large, 0.9 * large[:, :1] + 0.1 * large, small]).reshape(-1, 3)
    faces = np.arange(len(vertices)).reshape(-1, 3)
    band = distance_band(vertices, faces, K, reach)
    for slab in (1, 7, K):
        monkeypatch.setattr("necgs.volume.distance_band._SLAB", slab)
        other = distance_band(vertices, faces, K, reach)
        assert np.array_equal(other.points, band.points)
        assert np.array_equal(other.distance, band.distance)
