import numpy as np
import pytest
import trimesh

from bench.codec import CorruptArchive, InvalidMesh
from bench.codec.checks import checked_arrays, decoded_mesh
from tests.baselines import small_meshes


def changed(vertex=None, faces=None):
    mesh = small_meshes.torus(16)
    vertices = mesh.vertices.copy()
    if vertex is not None:
        vertices[3] = vertex
    return trimesh.Trimesh(vertices, mesh.faces if faces is None else faces, process=False)


def test_a_good_mesh_passes_unchanged():
    mesh = small_meshes.torus(16)
    vertices, faces = checked_arrays(mesh)
    np.testing.assert_array_equal(vertices, mesh.vertices)
    np.testing.assert_array_equal(faces, mesh.faces)


def test_vertices_without_a_face_are_dropped():
    mesh = small_meshes.with_waste()
    vertices, faces = checked_arrays(mesh)
    assert len(vertices) == len(mesh.vertices) - 1
    np.testing.assert_array_equal(vertices[faces], mesh.vertices[mesh.faces])


def test_rounding_beyond_the_cube_is_clipped():
    assert checked_arrays(changed([1 + 1e-7, 0, 0]))[0].max() == 1.0


@pytest.mark.parametrize(
    ("mesh", "words"),
    [
        (trimesh.Trimesh(), "no faces"),
        (trimesh.Trimesh([[0, 0, 0]], np.zeros((0, 3), int), process=False), "no faces"),
        (changed([np.nan, 0, 0]), "not finite"),
        (changed([np.inf, 0, 0]), "not finite"),
        (changed([1e30, 0, 0]), "normalise"),
        (changed([1.01, 0, 0]), "normalise"),
        (changed(faces=[[0, 1, 10**6]]), "not there"),
        (changed(faces=[[0, 1, -1]]), "not there"),
    ],
)
def test_unusable_meshes_are_refused(mesh, words):
    with pytest.raises(InvalidMesh, match=words):
        checked_arrays(mesh)


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 3]], "not there"),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, -1]], "not there"),
        ([[0, 0, 0], [np.nan, 0, 0], [0, 1, 0]], [[0, 1, 2]], "not finite"),
        ([[0, 0, 0]], [0, 0, 0], "no triangle mesh"),
        ([[0, 0]], [[0, 0, 0]], "no triangle mesh"),
        ([[0, 0, 0]], [[0.0, 0.0, 0.0]], "not integers"),
    ],
)
def test_what_a_decoder_returns_is_a_mesh_or_refused(vertices, faces, message):
    with pytest.raises(CorruptArchive, match=message):
        decoded_mesh(np.array(vertices), np.array(faces))


def test_indices_without_a_sign_and_no_faces_are_a_mesh():
    assert decoded_mesh(np.eye(3), np.array([[0, 1, 2]], np.uint32)).faces.tolist() == [[0, 1, 2]]
    assert len(decoded_mesh(np.eye(3), np.zeros((0, 3), int)).faces) == 0
