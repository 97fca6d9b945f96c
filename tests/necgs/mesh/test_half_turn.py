"""Half turns: found where they are and only there; halves and wholes are the same surface, and turned the same."""

import numpy as np
import pytest
import trimesh

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh.decimation import decimate_turned
from necgs.mesh.half_turn import find_turned, half_of
from necgs.mesh.symmetric_half import HalfTurn, images, unfolded
from necgs.mesh.symmetry import find_mirrors
from tests.necgs.mesh.real_meshes import sheet
from tests.necgs.mesh.test_manifold import problems

TURNS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def pinwheel(hole=0.0, knob=()):
    """A bar, and a post at each end of it, on opposite sides; its middle is the origin."""
    parts = [trimesh.creation.box([0.5, 1.6, 0.6])]
    for angle in (0.0, np.pi):
        post = trimesh.creation.cylinder(0.3, 0.3, sections=28)
        post.apply_translation([0.4, 0.5, 0.15])
        parts.append(post.apply_transform(trimesh.transformations.rotation_matrix(angle, [0, 0, 1])))
    if len(knob):
        parts.append(trimesh.creation.box([0.4, 0.4, 0.4], trimesh.transformations.translation_matrix(knob)))
    mesh = trimesh.boolean.union(parts, engine="manifold")
    if hole:
        bore = trimesh.creation.cylinder(hole, 2, sections=21)
        mesh = trimesh.boolean.difference([mesh, bore], engine="manifold")
    return np.array(mesh.vertices), np.array(mesh.faces)


def as_mesh(vertices, faces):
    return trimesh.Trimesh(vertices, faces, process=False)


def rows(points):
    return sorted(map(tuple, (points + 0.0).tolist()))


@pytest.mark.parametrize("hole", [0.0, 0.15])
def test_a_shape_with_a_half_turn_is_made_exact(hole):
    vertices, faces = pinwheel(hole)
    assert find_mirrors(vertices, faces) == []
    found = find_turned(vertices, faces)
    assert found.turn == HalfTurn(2)
    assert problems(found.faces) == []
    assert rows(found.vertices * TURNS[2]) == rows(found.vertices)
    assert np.array_equal(found.vertices[found.images], found.vertices * TURNS[2])
    half = len(found.faces) // 2
    assert np.array_equal(found.images[found.faces[:half]], found.faces[half:])
    made, given = as_mesh(found.vertices, found.faces), as_mesh(vertices, faces)
    assert made.is_watertight
    assert made.euler_number == given.euler_number
    assert made.volume == pytest.approx(given.volume, rel=1e-3)
    assert measure(given, made, Protocol(samples=5000))["surface_cd"] < 0.1


@pytest.mark.parametrize("axis", [0, 1])
def test_the_other_axes(axis):
    vertices, faces = pinwheel()
    found = find_turned(np.roll(vertices, axis + 1, axis=1), faces)
    assert found.turn == HalfTurn(axis)
    assert rows(found.vertices * TURNS[axis]) == rows(found.vertices)


def test_shapes_without_a_half_turn():
    assert find_turned(*pinwheel(knob=(0.3, -0.5, 0.2))) is None
    assert find_turned(*sheet()) is None


@pytest.mark.parametrize("target", [60, 120])
def test_the_half_of_a_decimated_shape_stands_for_the_whole(target):
    found = find_turned(*pinwheel(0.15))
    coarse = decimate_turned(found.vertices, found.faces, found.images, found.turn, [target])[0]
    assert len(coarse.faces) <= target
    points, corners = half_of(coarse, found)
    assert 2 * len(corners) == len(coarse.faces)
    whole, all_faces = unfolded(points, corners, found.turn)
    assert rows(whole) == rows(coarse.vertices[0])
    assert rows(whole * TURNS[2]) == rows(whole)
    assert as_mesh(whole, all_faces).is_watertight


def test_images_join_at_borders_and_integers_stay():
    points = np.array([[3, 0, 0], [0, 3, 0], [0, -3, 0], [0, 0, 3], [0, 0, -3]])
    faces = np.array([[0, 1, 3], [0, 3, 2], [0, 2, 4], [0, 4, 1]])
    octahedron, all_faces = unfolded(points, faces, HalfTurn(2))
    assert octahedron.tolist() == [*points.tolist(), [-3, 0, 0]]
    assert all_faces.tolist()[4:] == [[5, 2, 3], [5, 3, 1], [5, 1, 4], [5, 4, 2]]
    assert as_mesh(octahedron, all_faces).volume == pytest.approx(36)


def test_vertices_that_share_a_place_are_not_joined():
    points = np.array([[3, 0, 0], [0, 3, 0], [0, -3, 0], [0, 0, 3], [0, -3, 0]])
    faces = np.array([[0, 1, 3], [0, 3, 2], [0, 2, 4], [0, 4, 1]])
    assert images(points, faces, HalfTurn(2)).tolist() == [5, 6, 7, 3, 8]


def test_nonsense_stays_bounded():
    generator = np.random.default_rng(0)
    for _ in range(50):
        points = generator.integers(-1, 2, (12, 3))
        faces = np.array([generator.permutation(12)[:3] for _ in range(20)])
        whole, all_faces = unfolded(points, faces, HalfTurn(int(generator.integers(3))))
        assert len(points) <= len(whole) <= 24
        assert all_faces.shape == (40, 3)
        assert 0 <= all_faces.min() <= all_faces.max() < len(whole)
        assert (all_faces != np.roll(all_faces, 1, axis=1)).all()


def test_a_wrong_axis_is_refused():
    with pytest.raises(ValueError, match="axis"):
        HalfTurn(3)
