import igl
import numpy as np
import pytest
import trimesh

from bench.metrics.closest_triangle import TriangleTree


def slivers():
    """A fan of needles and a flat cone: boxes that overlap each other."""
    cone = trimesh.creation.cone(radius=0.9, height=0.05, sections=200)
    return cone.vertices, np.asarray(cone.faces, np.int64)


def rough_torus():
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=40, minor_sections=20)
    noise = np.random.default_rng(0).normal(scale=1e-3, size=mesh.vertices.shape)
    return mesh.vertices + noise, np.asarray(mesh.faces, np.int64)


@pytest.mark.parametrize("mesh", [rough_torus, slivers], ids=["torus", "slivers"])
@pytest.mark.parametrize("threads", [1, 3])
def test_distances_are_libigls_to_the_last_bit(mesh, threads):
    vertices, faces = mesh()
    random = np.random.default_rng(1)
    far, on = random.uniform(-2, 2, (2000, 3)), vertices[faces[:500]].mean(axis=1)
    points = np.concatenate([far, vertices, on])
    expected, face, _ = igl.point_mesh_squared_distance(points, vertices, faces)
    squared, found = TriangleTree.of(vertices, faces).closest(points, threads)
    assert np.abs(squared - expected).max() == 0
    if mesh is rough_torus:  # no two barycentres are level: ties are decided in the same way, too
        np.testing.assert_array_equal(found, face)


def test_the_order_of_the_queries_does_not_matter():
    vertices, faces = slivers()
    tree = TriangleTree.of(vertices, faces)
    points = np.random.default_rng(2).uniform(-1, 1, (500, 3))
    order = np.random.default_rng(3).permutation(500)
    squared, face = tree.closest(points)
    shuffled, shuffled_face = tree.closest(points[order])
    np.testing.assert_array_equal(squared[order], shuffled)
    np.testing.assert_array_equal(face[order], shuffled_face)


@pytest.mark.parametrize("threads", [1, 3])
def test_where_a_search_starts_does_not_matter(threads):
    vertices, faces = slivers()
    tree = TriangleTree.of(vertices, faces)
    random = np.random.default_rng(4)
    points = np.concatenate([random.uniform(-1, 1, (500, 3)), vertices])  # corners: many triangles are as near
    squared, face = tree.closest(points)
    near = random.integers(0, len(faces), len(points))
    for start in (near, face):
        again, again_face = tree.closest(points, threads, start)
        np.testing.assert_array_equal(squared, again)
        np.testing.assert_array_equal(face, again_face)


def test_one_triangle_and_one_of_no_area():
    corners = np.array([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [5, 5, 5]])
    squared, face = TriangleTree.of(corners, np.array([[0, 1, 2]])).closest(np.array([[0.5, 0.5, 3.0], [-3.0, 0, 4.0]]))
    np.testing.assert_allclose(squared, [9, 25])
    assert face.tolist() == [0, 0]
    squared, face = TriangleTree.of(corners, np.array([[0, 1, 2], [3, 3, 3]])).closest(np.array([[5.0, 5.0, 6.0]]))
    assert (squared.tolist(), face.tolist()) == ([1.0], [1])


def test_no_points_at_all():
    vertices, faces = slivers()
    squared, face = TriangleTree.of(vertices, faces).closest(np.empty((0, 3)), threads=2)
    assert (len(squared), len(face)) == (0, 0)
