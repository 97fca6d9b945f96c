"""Duplicates up to a similarity transform or a mirror, and the integer transform of a decoder."""

from fractions import Fraction

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from necgs.mesh.duplicates import find_duplicates
from necgs.mesh.fixed_point import CUBE as UNIT
from necgs.mesh.similarity import Similarity, nearest_similarity
from tests.necgs.mesh.real_meshes import sample_shape, sheet, sphere


def moved(mesh, seed, mirrored=False, shuffled=False):
    generator = np.random.default_rng(seed)
    vertices, faces = mesh
    image = 0.6 * Rotation.random(random_state=seed).apply(vertices) + generator.uniform(-0.1, 0.1, 3)
    if mirrored:
        image[:, 1] *= -1
        faces = faces[:, ::-1]
    if shuffled:
        order = generator.permutation(len(image))
        image, faces = image[order], generator.permutation(np.argsort(order)[faces])
    return image, faces


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
def test_moved_copies_are_found(mirrored, shuffled):
    part, other = sample_shape("objects", 14), sample_shape("objects", 12)
    copy = moved(part, 5, mirrored, shuffled)
    found = find_duplicates([other, part, copy])
    assert set(found) == {2}
    assert found[2].of == 1
    assert found[2].transform.mirrors == mirrored
    assert found[2].error < 3e-4
    image, faces = found[2].transform.apply_in_cube(*part)
    away = np.linalg.norm(image[:, None] - copy[0][None, ::40], axis=2).min(0)
    assert away.max() < 3e-4
    volumes = (trimesh.Trimesh(*m, process=False).volume for m in ((image, faces), copy))
    assert next(volumes) == pytest.approx(next(volumes), rel=1e-3)


def test_poses_and_other_shapes_are_no_duplicates():
    poses = [sample_shape("humans", k) for k in range(3)]
    bent = sheet(), (sheet()[0] * [1, 1, 0.9], sheet()[1])
    assert find_duplicates([*poses, *bent, sphere()]) == {}


def test_copies_of_a_copy_name_the_first():
    part = sample_shape("objects", 6)
    found = find_duplicates([part, moved(part, 1), moved(part, 2, mirrored=True)])
    assert {number: duplicate.of for number, duplicate in found.items()} == {1: 0, 2: 0}


def test_simple_transforms_have_small_integers():
    points = np.random.default_rng(0).normal(size=(20, 3))
    quarter = points[:, [1, 0, 2]] * [-1, 1, 1] * 0.5 + [0.25, 0, 0]
    assert nearest_similarity(points, quarter) == Similarity((1, 0, 0, 1), UNIT // 2, (UNIT // 4, 0, 0), mirrors=False)
    assert nearest_similarity(points, points) == Similarity((1, 0, 0, 0), UNIT, (0, 0, 0), mirrors=False)
    assert nearest_similarity(points, points * [1, -1, 1]).mirrors


def test_application_is_the_rounded_exact_transform():
    generator = np.random.default_rng(3)
    for transform in (
        Similarity((16384, -16384, 16384, 16384), 64 * UNIT, (-16 * UNIT, 5, 16 * UNIT), mirrors=True),
        Similarity((3, 1, -2, 7), 777_777, (1, -2, 3), mirrors=False),
    ):
        points = generator.integers(-16 * UNIT, 16 * UNIT + 1, (50, 3))
        points[0] = 16 * UNIT
        rotation = Rotation.from_quat(np.roll(transform.quaternion, -1)).as_matrix()
        scale = float(Fraction(-transform.scale if transform.mirrors else transform.scale, UNIT))
        expected = points @ rotation.T * scale + transform.shift
        moved, faces = transform.apply(points, np.array([[0, 1, 2]]))
        assert (faces[0, 0] == 2) == transform.mirrors
        assert np.abs(moved - expected).max() <= 0.5 * transform.scale / UNIT + 0.51


def test_wrong_transforms_are_refused():
    with pytest.raises(ValueError, match="quaternion"):
        Similarity((0, 0, 0, 0), UNIT, (0, 0, 0), mirrors=False)
    with pytest.raises(ValueError, match="scale"):
        Similarity((1, 0, 0, 0), 0, (0, 0, 0), mirrors=False)
