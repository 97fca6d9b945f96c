import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from mesh_datasets.errors import InvalidShape
from mesh_datasets.normalization import Normalization, normalize


def test_longest_side_becomes_two_and_the_centre_the_origin():
    mesh = trimesh.creation.box((2.0, 8.0, 4.0)).apply_translation((100, -7, 3))
    normalised, record = normalize(mesh)
    np.testing.assert_allclose(normalised.bounds, [[-0.25, -1, -0.5], [0.25, 1, 0.5]])
    assert record == Normalization((100.0, -7.0, 3.0), 0.25)
    np.testing.assert_allclose(record.invert(normalised).vertices, mesh.vertices, rtol=1e-15)
    np.testing.assert_array_equal(normalised.faces, mesh.faces)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(0, 1000))
def test_never_leaves_the_cube_and_can_be_undone(shift, size, seed):
    vertices = np.random.default_rng(seed).uniform(size=(6, 3)) * size + shift
    mesh = trimesh.Trimesh(vertices, [[0, 1, 2], [3, 4, 5]], process=False)
    normalised, record = normalize(mesh)
    assert abs(normalised.vertices).max() <= 1.0
    np.testing.assert_allclose(record.invert(normalised).vertices, vertices, atol=1e-14 * (abs(shift) + size))


def test_unused_vertices_have_no_say():
    mesh = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [50, 50, 50]], [[0, 1, 2]], process=False)
    normalised, record = normalize(mesh)
    assert record.scale == 2.0
    np.testing.assert_allclose(normalised.vertices[3], 2 * (np.array([50, 50, 50]) - [0.5, 0.5, 0]))


@pytest.mark.parametrize("vertices", [[[1, 1, 1]] * 3, [[-1e308, 0, 0], [1e308, 0, 0], [0, 1, 0]]])
def test_a_mesh_without_usable_extent_is_named(vertices):
    with pytest.raises(InvalidShape, match=r"dot\.obj"):
        normalize(trimesh.Trimesh(vertices, [[0, 1, 2]], process=False), "dot.obj")


def test_no_faces():
    with pytest.raises(InvalidShape, match="no faces"):
        normalize(trimesh.Trimesh())


def test_validates_itself():
    with pytest.raises(ValueError, match="positive scale"):
        Normalization((0.0, 0.0, 0.0), 0.0)
