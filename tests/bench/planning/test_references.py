import numpy as np
import pytest
import trimesh
from mesh_datasets.fingerprint import mesh_fingerprint

from bench.planning.references import read_mesh, write_mesh


def test_a_mesh_comes_back_as_it_was_in_half_the_bytes_for_its_triangles(tmp_path):
    mesh = trimesh.creation.icosphere(subdivisions=4)
    write_mesh(tmp_path / "a.npz", mesh)
    found = read_mesh(tmp_path / "a.npz")
    assert found.faces.dtype == np.int64
    assert mesh_fingerprint(found) == mesh_fingerprint(mesh)
    assert (tmp_path / "a.npz").stat().st_size < 24 * len(mesh.vertices) + 12 * len(mesh.faces) + 1000


@pytest.mark.parametrize("index", [-1, 1 << 32, -(1 << 63)])
def test_an_index_that_cannot_be_is_not_turned_into_one_that_can(tmp_path, index):
    mesh = trimesh.Trimesh(np.eye(3), [[0, 1, index]], process=False)
    write_mesh(tmp_path / "a.npz", mesh)
    assert read_mesh(tmp_path / "a.npz").faces.tolist() == [[0, 1, index]]


def test_a_mesh_without_triangles_comes_back(tmp_path):
    write_mesh(tmp_path / "a.npz", trimesh.Trimesh(np.eye(3), np.zeros((0, 3), int), process=False))
    assert read_mesh(tmp_path / "a.npz").faces.shape == (0, 3)
