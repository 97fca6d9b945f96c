"""Mirror symmetry: found where it is and only there; parts and wholes are the same surface."""

import numpy as np
import pytest
import trimesh

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh.decimation import decimate, seam
from necgs.mesh.symmetric_half import Symmetry, unfolded
from necgs.mesh.symmetry import find_mirrors, folded, half
from necgs.vertex_fit.fitting import Original, fit_vertices
from tests.necgs.mesh.real_meshes import sample_shape, sheet
from tests.necgs.mesh.test_manifold import problems


def box_with_a_knob(at):
    """A box, and a smaller one on its top; its middle is the origin."""
    parts = [
        trimesh.creation.box([1.6, 1.2, 0.4]),
        trimesh.creation.box([0.3, 0.2, 0.4], trimesh.transformations.translation_matrix(at)),
    ]
    mesh = trimesh.boolean.union(parts, engine="manifold")
    return np.array(mesh.vertices - mesh.bounds.mean(0)), np.array(mesh.faces)


def axes(mesh):
    return sorted(mirror.axis for mirror in find_mirrors(*mesh))


def error(reference, decoded):
    meshes = (trimesh.Trimesh(*mesh, process=False) for mesh in (reference, decoded))
    return measure(*meshes, Protocol(samples=5000))


def test_the_mirrors_of_boxes():
    assert axes(box_with_a_knob([0, 0, 0.3])) == [0, 1]
    assert axes(box_with_a_knob([0.4, 0, 0.3])) == [1]
    assert axes(box_with_a_knob([0.4, 0.3, 0.3])) == []
    box = trimesh.creation.box()
    assert axes((box.vertices, box.faces)) == [0, 1, 2]
    assert axes((box.vertices + np.array([0.2, 0, 0]), box.faces)) == [1, 2]


def test_the_mirrors_of_real_shapes():
    found = find_mirrors(*sample_shape("objects", 6))
    assert [mirror.axis for mirror in found] == [0]
    assert found[0].mean < 1e-5
    assert find_mirrors(*sample_shape("humans", 0)) == []


@pytest.mark.parametrize(("number", "symmetry"), [(6, Symmetry((0,))), (11, Symmetry((0, 1)))])
def test_a_real_part_is_cut_and_made_whole_again(number, symmetry):
    vertices, faces = sample_shape("objects", number)
    found = folded(vertices, faces)
    assert found.symmetry == symmetry
    assert problems(found.faces) == []
    assert found.vertices[:, list(symmetry.axes)].min() == 0
    whole, all_faces = unfolded(found.vertices, found.faces, symmetry)
    assert len(all_faces) == symmetry.parts * len(found.faces)
    assert trimesh.Trimesh(whole, all_faces, process=False).is_watertight
    areas = (trimesh.Trimesh(*mesh, process=False).area for mesh in ((whole, all_faces), (vertices, faces)))
    assert next(areas) == pytest.approx(next(areas), rel=1e-3)
    result = error((vertices, faces), (whole, all_faces))
    assert result["surface_cd"] < 0.1
    assert result["surface_nc"] > 0.995


@pytest.mark.parametrize("number", [6, 11])
def test_a_part_of_a_shape_can_be_decimated_fitted_and_made_whole(number):
    vertices, faces = sample_shape("objects", number)
    found = folded(vertices, faces)
    coarse = decimate(found.vertices[None], found.faces, [200], found.symmetry.axes)[0]
    held, farthest = seam(coarse.vertices[0], coarse.faces, found.symmetry.axes)
    assert farthest == 0
    fitted = fit_vertices(Original(found.vertices, found.faces), coarse.vertices[0], coarse.faces, free=~held)
    assert (fitted.vertices[held] == 0).all()
    whole, all_faces = unfolded(fitted.vertices, coarse.faces, found.symmetry)
    assert trimesh.Trimesh(whole, all_faces, process=False).is_watertight
    assert error((vertices, faces), (whole, all_faces))["surface_cd"] < 1.0


def test_equal_points_become_one_vertex_and_integers_stay():
    points = np.array([[0, 0, 0], [0, 8, 0], [0, 8, 8], [0, 0, 8], [50, 4, 4]])
    faces = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    whole, all_faces = unfolded(points, faces, Symmetry((0,)))
    assert whole.tolist() == [*points.tolist(), [-50, 4, 4]]
    assert all_faces.tolist()[4:] == [[5, 1, 0], [5, 2, 1], [5, 3, 2], [5, 0, 3]]
    eighth = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3]]), np.array([[0, 1, 2]])
    octahedron, faces = unfolded(*eighth, Symmetry((0, 1, 2)))
    assert len(octahedron) == 6
    assert trimesh.Trimesh(octahedron, faces, process=False).volume == pytest.approx(36)


def test_open_shapes_have_no_half():
    assert half(*sheet(), 0) is None
    box = trimesh.creation.box()
    assert half(box.vertices - [0, 0, 0.5], box.faces, 2) is None
    assert half(box.vertices - [0, 0, 0.1], box.faces, 2) is not None


@pytest.mark.parametrize("axes", [(), (1, 0), (3,), (0, 0)])
def test_wrong_axes_are_refused(axes):
    with pytest.raises(ValueError, match="rising"):
        Symmetry(axes)
