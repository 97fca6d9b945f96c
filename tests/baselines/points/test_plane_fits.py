import numpy as np
import pytest

from baselines.points.plane_fits import fitted_planes


def rows_of(members):
    return np.arange(len(members) + 1) * members.shape[1], members.ravel().astype(np.int32)


@pytest.mark.parametrize("flatness", [1.0, 0.1, 1e-4])
def test_planes_are_those_of_the_eigenvectors(flatness):
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    points = random.normal(size=(500, 3)) * [1, 1, flatness] @ turn + 100
    members = random.integers(0, 500, (500, 9))
    normals, feet = fitted_planes(points, *rows_of(members))
    for point, row, normal, foot in zip(points, members, normals, feet, strict=True):
        patch = points[row]
        values, vectors = np.linalg.eigh(np.cov(patch.T))
        assert abs(normal @ vectors[:, 0]) == pytest.approx(1, abs=1e-9 / min(1, values[1] - values[0]))
        np.testing.assert_allclose(foot, point - ((point - patch.mean(axis=0)) @ normal) * normal, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


def test_points_that_span_no_plane_have_a_unit_normal_across_them():
    line = np.arange(6.0)[:, None] * [1, 2, 2]
    points = np.concatenate([line, [[50.0, 0, 0]]])
    members = np.array([range(6)] * 6 + [[6] * 6])
    normals, feet = fitted_planes(points, *rows_of(members))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    np.testing.assert_allclose(normals[:6] @ [1, 2, 2], 0, atol=1e-9)
    np.testing.assert_allclose(feet, points, atol=1e-9)
