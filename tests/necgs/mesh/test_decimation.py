"""Decimation of groups: topology, borders, numbers of faces, and errors against MeshLab's decimator."""

from collections import Counter

import numpy as np
import pytest
import trimesh

from baselines.mesh.draco_simplify import simplify
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh.decimation import decimate
from necgs.mesh.groups import find_groups
from necgs.mesh.quadrics import vertex_quadrics
from necgs.mesh.symmetry import half
from necgs.vertex_fit.borders import border_vertices
from tests.necgs.mesh.real_meshes import sample_shape, sheet, sphere, three_sheets


def edge_counts(faces):
    sides = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return Counter(np.unique(sides, axis=0, return_counts=True)[1].tolist())


def euler(faces):
    return len(np.unique(faces)) - sum(edge_counts(faces).values()) + len(faces)


def error(reference, decoded):
    meshes = (trimesh.Trimesh(*mesh, process=False) for mesh in (reference, decoded))
    return measure(*meshes, Protocol(samples=4000))


def test_quadrics_are_summed_squared_distances_to_planes():
    vertices, faces = sheet(4)
    found = vertex_quadrics(vertices[:, None], faces, np.zeros(faces.shape, bool), 1.0)[:, 0]
    at = np.array([0.3, -0.2, 0.7])
    A = found[5][[0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(3, 3)
    expected = 0.0
    for a, b, c in vertices[faces[(faces == 5).any(1)]]:
        cross = np.cross(b - a, c - a)
        area = np.linalg.norm(cross) / 2
        expected += area / 3 * (cross / (2 * area) @ (at - a)) ** 2
    assert at @ A @ at + 2 * found[5][6:9] @ at + found[5][9] == pytest.approx(expected)


def test_every_shape_of_a_group_follows_its_own_surface():
    vertices, faces = sphere()
    shapes = np.stack([vertices, vertices * [1, 0.5, 0.3], vertices * 0.6 + [0.2, 0.1 * np.pi, 0]])
    half, tenth = decimate(shapes, faces, [640, 128])
    for result, target in ((half, 640), (tenth, 128)):
        assert len(result.faces) == target
        assert euler(result.faces) == 2
        assert set(edge_counts(result.faces)) == {2}
        for k in range(3):
            alone = decimate(shapes[k : k + 1], faces, [target])[0]
            errors = (
                error((shapes[k], faces), (r.vertices[i], r.faces))["surface_cd"] for r, i in ((result, k), (alone, 0))
            )
            assert next(errors) < 1.5 * next(errors)


def test_results_come_in_the_order_asked_for_and_name_their_vertices():
    vertices, faces = sphere()
    few, all_, many = decimate(vertices[None], faces, [100, 5000, 300])
    assert [len(r.faces) for r in (few, all_, many)] == [100, len(faces), 300]
    assert np.array_equal(all_.vertices[0][all_.faces], vertices[faces])
    assert set(few.origins) <= set(many.origins)
    assert np.linalg.norm(many.vertices[0] - vertices[many.origins], axis=1).max() < 0.3


def test_equal_input_gives_equal_output():
    vertices, faces = sample_shape("objects", 6)
    a, b = (decimate(vertices[None], faces, [300])[0] for _ in range(2))
    assert np.array_equal(a.faces, b.faces)
    assert np.array_equal(a.vertices, b.vertices)


def test_borders_keep_their_line_and_holes_stay():
    vertices, faces = sheet(holes=((4, 4), (8, 3)))
    result = decimate(vertices[None], faces, [60])[0]
    assert len(result.faces) <= 60
    assert euler(result.faces) == euler(faces) == -1
    assert set(edge_counts(result.faces)) == {1, 2}
    placed = result.vertices[0]
    assert np.abs(placed).max() == pytest.approx(0.9, abs=0.01)
    assert error((vertices, faces), (placed, result.faces))["surface_max"] < 60


def test_borders_can_be_held_in_mirrors():
    vertices, faces = half(*half(*sphere(4), 2), 0, [2])
    result = decimate(vertices[None], faces, [100], (0, 2))[0]
    held = border_vertices(result.faces)
    assert len(held) > 5
    assert (result.vertices[0, held][:, [0, 2]].min(1) == 0).all()
    assert (result.vertices[0, held][:, [0, 2]] == 0).all(1).sum() == 2  # the corners
    assert error((vertices, faces), (result.vertices[0], result.faces))["surface_max"] < 60


def test_a_seam_of_three_sheets_stays_one():
    vertices, faces = three_sheets()
    before = edge_counts(faces)
    result = decimate(vertices[None], faces, [40])[0]
    after = edge_counts(result.faces)
    assert set(before) == set(after) == {1, 2, 3}
    assert len(result.faces) <= 40
    assert error((vertices, faces), (result.vertices[0], result.faces))["surface_max"] < 20


def test_no_part_vanishes():
    vertices, faces = sphere(1)
    parts = [vertices * s + t for s, t in ((0.5, 0), (0.01, 0.9), (0.1, -0.8))]
    many = np.concatenate([faces + k * len(vertices) for k in range(3)])
    triangle = np.array([[0.9, 0.9, -0.9], [0.8, 0.9, -0.9], [0.9, 0.8, -0.9]])
    everything = np.concatenate([*parts, triangle])
    many = np.concatenate([many, [np.arange(3) + len(everything) - 3]])
    result = decimate(everything[None], many, [0])[0]
    assert trimesh.Trimesh(result.vertices[0], result.faces, process=False).body_count == 4
    assert len(result.faces) == 3 * 4 + 1


@pytest.mark.parametrize(("part", "number"), [("humans", 3), ("animals", 5), ("objects", 9)])
def test_no_worse_than_meshlab(part, number):
    mesh = sample_shape(part, number)
    target = 500
    ours = decimate(mesh[0][None], mesh[1], [target])[0]
    mine = error(mesh, (ours.vertices[0], ours.faces))
    theirs = error(mesh, simplify(*mesh, target))
    assert mine["surface_cd"] < 1.03 * theirs["surface_cd"]
    assert mine["surface_p95"] < 1.1 * theirs["surface_p95"]


def test_groups_can_be_decimated_as_they_are():
    vertices, faces = sheet(4)
    group = find_groups([(vertices, faces)])[0]
    assert len(decimate(group.vertices, group.faces, [10])[0].faces) == 10


def test_wrong_input_is_named():
    vertices, faces = sheet(3)
    with pytest.raises(ValueError, match="0 to 8"):
        decimate(vertices[None], faces + 1, [4])
    with pytest.raises(ValueError, match="finite"):
        decimate(vertices[None] * np.nan, faces, [4])
