"""Mirror symmetry: found where it is and only there; halves and wholes are the same surface."""

import numpy as np
import pytest
import trimesh

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh.decimation import border_vertices, decimate
from necgs.mesh.manifold import is_manifold
from necgs.mesh.symmetry import find_symmetries, half, whole
from necgs.mesh.vertex_fit import Original, fit_vertices
from tests.necgs.mesh.real_meshes import sample_shape, sheet


def box_with_a_knob(at):
    """A box, and a smaller one on its top."""
    parts = [
        trimesh.creation.box([1.6, 1.2, 0.4]),
        trimesh.creation.box([0.3, 0.2, 0.4], trimesh.transformations.translation_matrix(at)),
    ]
    mesh = trimesh.boolean.union(parts, engine="manifold")
    return np.array(mesh.vertices), np.array(mesh.faces)


def flips(mesh):
    return {symmetry.flipped for symmetry in find_symmetries(*mesh)}


def test_the_symmetries_of_boxes():
    x, y, z = (tuple(k == axis for k in range(3)) for axis in range(3))
    assert flips(box_with_a_knob([0, 0, 0.3])) == {x, y, (True, True, False)}
    assert flips(box_with_a_knob([0.4, 0, 0.3])) == {y}
    assert flips(box_with_a_knob([0.4, 0.3, 0.3])) == set()
    assert len(flips((lambda m: (m.vertices, m.faces))(trimesh.creation.box()))) == 7
    assert z in flips((lambda m: (m.vertices, m.faces))(trimesh.creation.box()))


def test_the_symmetries_of_real_shapes():
    found = find_symmetries(*sample_shape("objects", 6))
    assert [symmetry.mirror_axis for symmetry in found] == [0]
    assert found[0].share > 0.99
    assert find_symmetries(*sample_shape("humans", 0)) == []


def test_half_and_whole_of_a_real_part():
    vertices, faces = sample_shape("objects", 6)
    mirror = find_symmetries(vertices, faces)[0]
    at = mirror.centre[0]
    upper, few = half(vertices, faces, 0, at)
    assert is_manifold(few)
    assert upper[:, 0].min() == at
    assert (upper[border_vertices(few), 0] == at).all()
    areas = (trimesh.Trimesh(*mesh, process=False).area for mesh in ((upper, few), (vertices, faces)))
    assert next(areas) == pytest.approx(next(areas) / 2, rel=1e-3)
    joined, all_faces = whole(upper, few, 0, 2 * at)
    assert is_manifold(all_faces)
    assert len(border_vertices(all_faces)) == 0
    result = measure(
        trimesh.Trimesh(vertices, faces, process=False),
        trimesh.Trimesh(joined, all_faces, process=False),
        Protocol(samples=5000),
    )
    assert result["surface_cd"] < 0.1
    assert result["surface_nc"] > 0.995


def test_a_half_can_be_decimated_fitted_and_joined():
    vertices, faces = sample_shape("objects", 6)
    at = find_symmetries(vertices, faces)[0].centre[0]
    upper, few = half(vertices, faces, 0, at)
    coarse = decimate(upper[None], few, [200], plane=(0, at))[0]
    border = border_vertices(coarse.faces)
    free = np.ones(coarse.vertices[0].shape, bool)
    free[border, 0] = False
    fitted = fit_vertices(Original(upper, few), coarse.vertices[0], coarse.faces, free=free)
    assert (fitted.vertices[border, 0] == at).all()
    joined, all_faces = whole(fitted.vertices, coarse.faces, 0, 2 * at)
    assert is_manifold(all_faces)
    assert len(border_vertices(all_faces)) == 0
    result = measure(
        trimesh.Trimesh(vertices, faces, process=False),
        trimesh.Trimesh(joined, all_faces, process=False),
        Protocol(samples=5000),
    )
    assert result["surface_cd"] < 1.0


@pytest.mark.parametrize("twice_at", [10, 11, -7])
def test_wholes_of_integers_are_exact(twice_at):
    vertices = np.array([[5, 0, 0], [6, 9, 0], [9, 4, 4], [7, 0, 9]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    joined, all_faces = whole(vertices, faces, 0, twice_at)
    assert joined.dtype == vertices.dtype
    assert np.array_equal(joined[:, 0], np.full(4, twice_at // 2))
    assert all_faces.tolist() == [[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]]
    one_inner = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    apex = np.array([[0, 0, 0], [0, 8, 0], [0, 8, 8], [0, 0, 8], [50, 4, 4]])
    joined, all_faces = whole(apex, one_inner, 0, twice_at)
    assert joined[5].tolist() == [twice_at - 50, 4, 4]
    assert is_manifold(all_faces)


def test_open_shapes_have_no_half():
    assert half(*sheet(), 0, 0.0) is None
    box = trimesh.creation.box()
    assert half(box.vertices, box.faces, 2, 0.5) is None
    assert half(box.vertices, box.faces, 2, 0.1) is not None
