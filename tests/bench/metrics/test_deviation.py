import numpy as np
import pytest
import trimesh

from bench.metrics.deviation import (
    Deviation,
    f1_score,
    from_points,
    from_triangles,
    harmonic_mean,
    mean_distance,
    normal_consistency,
)
from bench.metrics.sampling import Samples, sample_surface
from bench.metrics.triangles import Triangles


def cloud(count, seed):
    random = np.random.default_rng(seed)
    normals = random.normal(size=(count, 3))
    points, faces = random.uniform(-1, 1, (count, 3)), np.zeros(count, np.int64)
    return Samples(points, normals / np.linalg.norm(normals, axis=1)[:, None], faces)


def test_samples_against_samples_agree_with_brute_force():
    a, b = cloud(300, 0), cloud(200, 1)
    between = np.linalg.norm(a.points[:, None] - b.points[None], axis=2)
    deviation = from_points(a, b)
    np.testing.assert_allclose(deviation.distance, between.min(axis=1))
    np.testing.assert_allclose(deviation.agreement, np.abs((a.normals * b.normals[between.argmin(axis=1)]).sum(axis=1)))


def test_samples_against_triangles_agree_with_brute_force():
    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=8, minor_sections=5)
    samples = cloud(60, 2)
    pairs = [
        trimesh.triangles.closest_point(mesh.triangles, np.tile(p, (len(mesh.faces), 1))) - p for p in samples.points
    ]
    distance = np.linalg.norm(pairs, axis=2)
    deviation = from_triangles(samples, Triangles.of(mesh, "it"))
    np.testing.assert_allclose(deviation.distance, distance.min(axis=1), atol=1e-12)
    # Where an edge or corner is nearest, any of its faces may give the normal.
    cosines = np.abs(samples.normals @ mesh.face_normals.T)
    tied = distance < distance.min(axis=1, keepdims=True) + 1e-9
    assert (np.abs(np.where(tied, cosines - deviation.agreement[:, None], 1)).min(axis=1) < 1e-9).all()


def test_a_surface_of_slivers_lies_on_itself():
    # A round hole joined to one far corner, as CAD systems cut it; single precision is off by 8e-4 here.
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    rim = 0.01 * np.stack([np.cos(angle), np.sin(angle), np.zeros(64)], axis=1)
    mesh = trimesh.Trimesh(np.concatenate([[[1.8, 0, 0]], rim]), [[0, i, i + 1] for i in range(1, 64)], process=False)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    surface = Triangles.of(mesh, "it")
    samples = sample_surface(surface, 5000, np.random.default_rng(0))
    assert from_triangles(samples, surface).distance.max() < 1e-6


def test_scores_of_known_deviations():
    forth = Deviation(np.array([0.0, 0.1, 0.2, 0.3]), np.array([1.0, 1.0, 0.5, 0.5]))
    back = Deviation(np.array([0.3, 0.3]), np.array([0.0, 0.5]))
    assert mean_distance(forth, back) == pytest.approx((0.15 + 0.3) / 2)
    assert normal_consistency(forth, back) == pytest.approx((0.75 + 0.25) / 2)
    assert f1_score(forth, back, 0.25) == 0.0  # recall 0
    assert f1_score(forth, back, 0.301) == 1.0
    assert f1_score(forth, Deviation(np.array([0.1, 0.3]), np.ones(2)), 0.25) == pytest.approx(harmonic_mean(0.75, 0.5))


def test_scores_do_not_depend_on_the_direction():
    a, b = cloud(100, 3), cloud(150, 4)
    forth, back = from_points(a, b), from_points(b, a)
    for score in (mean_distance, normal_consistency, lambda x, y: f1_score(x, y, 0.2)):
        assert score(forth, back) == score(back, forth)


def test_harmonic_mean_of_nothing_is_nothing():
    assert harmonic_mean(0.0, 0.0) == 0.0
    assert harmonic_mean(0.5, 1.0) == pytest.approx(2 / 3)
