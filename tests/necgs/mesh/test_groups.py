"""Groups of one face list, found as they stand and after cleaning."""

import numpy as np
import pytest

from necgs.mesh.groups import find_groups
from tests.necgs.mesh.real_meshes import sheet, sphere


def unwelded(vertices, faces):
    return vertices[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3)


def same_surface(group, k, vertices, faces):
    """Each triangle's three points, in order."""
    return np.array_equal(group.vertices[k][group.faces], vertices[faces])


def test_shapes_of_one_face_list_go_together_and_others_alone():
    a, f = sphere(2)
    b, g = sheet(5)
    groups = find_groups([(a, f), (b, g), (a[:, [1, 2, 0]] * 0.5, f), (b, g[::-1])])
    assert [group.shapes for group in groups] == [(0, 2), (1,), (3,)]
    assert same_surface(groups[0], 0, a, f)
    assert same_surface(groups[0], 1, a[:, [1, 2, 0]] * 0.5, f)
    assert same_surface(groups[2], 0, b, g[::-1])


def test_shapes_go_together_after_welding_and_renumbering():
    a, f = sphere(2)
    order = np.random.default_rng(0).permutation(len(a))
    groups = find_groups([unwelded(a, f), (2 * a, f), ((3 * a)[order], np.argsort(order)[f])])
    assert [group.shapes for group in groups] == [(0, 1, 2)]
    assert groups[0].vertices.shape == (3, len(a), 3)
    for k in range(3):
        assert same_surface(groups[0], k, (k + 1) * a, f)
    assert groups[0].welded == f.size - len(a)


def test_only_what_coincides_in_every_shape_is_welded():
    a, f = unwelded(*sheet(4))
    apart = a + np.repeat(np.random.default_rng(1).normal(0, 0.1, (len(f), 3)), 3, axis=0)
    group = find_groups([(a, f), (apart, f)])[0]
    assert group.vertices.shape[1] == f.size
    assert group.welded == 0
    assert find_groups([(a, f)])[0].vertices.shape[1] == 16


def test_what_is_left_out_is_counted():
    a, f = sheet(3)
    vertices = np.concatenate([a, [[5.0, 5, 5], a[0]]])
    faces = np.concatenate([f, f[:1, [1, 2, 0]], f[:1, ::-1], [[0, 1, 10], [10, 3, 1]]])
    group = find_groups([(vertices, faces)])[0]
    # (10, 3, 1) is (0, 3, 1) once 10 is welded to 0; the face turned over is another side, and stays
    assert (group.welded, group.degenerate, group.repeated, group.unused) == (1, 1, 2, 1)
    assert len(group.faces) == len(f) + 1
    assert group.faces.max() + 1 == group.vertices.shape[1] == 9


def test_faces_out_of_range_are_refused():
    with pytest.raises(ValueError, match="shape 1"):
        find_groups([sheet(3), (np.zeros((3, 3)), np.array([[0, 1, 3]]))])


def test_a_shape_without_faces_is_a_group():
    assert find_groups([(np.zeros((2, 3)), np.zeros((0, 3), int))])[0].faces.shape == (0, 3)
