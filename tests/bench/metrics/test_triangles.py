import numpy as np
import pytest
import trimesh

from bench.metrics.triangles import EmptySurface, Triangles


def soup(vertices, faces):
    return trimesh.Trimesh(np.asarray(vertices, dtype=float).reshape(-1, 3), faces, process=False)


def test_areas_and_normals_are_those_of_trimesh():
    mesh = trimesh.creation.torus(0.7, 0.2)
    triangles = Triangles.of(mesh, "it")
    np.testing.assert_allclose(triangles.areas, mesh.area_faces, rtol=1e-9)
    np.testing.assert_allclose(triangles.normals, mesh.face_normals, atol=1e-9)
    assert triangles.area == pytest.approx(mesh.area)


def test_faces_without_area_are_left_out():
    mesh = soup([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]], [[0, 1, 2], [0, 0, 1], [0, 1, 3]])
    assert Triangles.of(mesh, "it").faces.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    "mesh", [trimesh.Trimesh(), soup([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]), soup([[0, 0, 0]], [[0, 0, 0]])]
)
def test_no_area_is_an_empty_surface(mesh):
    with pytest.raises(EmptySurface, match="the decoded mesh has no face"):
        Triangles.of(mesh, "the decoded mesh")


@pytest.mark.parametrize(
    ("corner", "index", "words"),
    [(np.nan, 2, "finite"), (np.inf, 2, "finite"), (1e30, 2, "not in the cube"), (0.5, 3, "refer"), (0.5, -1, "refer")],
)
def test_unusable_numbers_are_named(corner, index, words):
    with pytest.raises(ValueError, match=words):
        Triangles.of(soup([[0, 0, 0], [1, 0, 0], [0, 1, corner]], [[0, 1, index]]), "it")
