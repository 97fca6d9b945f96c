import math

import numpy as np
import pytest
import trimesh

from bench.metrics.point_psnr import point_psnr, psnr, psnr_of_mesh
from bench.metrics.voxels import surface_voxels

BITS = 6
PEAK = 63


def to_cube(voxels):
    return np.asarray(voxels, dtype=float) * (2 / PEAK) - 1


def plane(z):
    x, y = np.meshgrid(np.arange(8), np.arange(8))
    return np.stack([x.ravel(), y.ravel(), np.full(64, z)], axis=1)


UP = np.tile([0.0, 0.0, 1.0], (64, 1))


def nearest(point, candidates):
    squared = ((candidates - point) ** 2).sum(axis=1)
    return np.flatnonzero(squared == squared.min())


def brute_force(a, a_normals, b):
    """D1 and D2 errors by the words of the definition, point after point."""
    given = [[] for _ in b]
    for point, normal in zip(a, a_normals, strict=True):
        for j in nearest(point, b):
            given[j].append(normal)
    b_normals = [np.mean(g or [a_normals[i] for i in nearest(p, a)], axis=0) for p, g in zip(b, given, strict=True)]

    def one_way(xs, ys, normals):
        d1 = [((x - ys[nearest(x, ys)[0]]) ** 2).sum() for x in xs]
        d2 = [np.mean([np.dot(x - ys[j], normals[j]) ** 2 for j in nearest(x, ys)]) for x in xs]
        return np.mean(d1), np.mean(d2)

    return np.max([one_way(a, b, b_normals), one_way(b, a, a_normals)], axis=0)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_brute_force(seed):
    random = np.random.default_rng(seed)
    a = np.unique(random.integers(0, 12, (150, 3)), axis=0).astype(float)  # crowded: many equal distances
    b = np.unique(random.integers(0, 12, (90, 3)), axis=0).astype(float)
    normals = random.normal(size=a.shape)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    values = point_psnr(to_cube(a), normals, to_cube(b), BITS)
    np.testing.assert_allclose([values["d1_mse"], values["d2_mse"]], brute_force(a, normals, b), rtol=1e-9)


def test_identical_clouds_have_no_error():
    values = point_psnr(to_cube(plane(3)), UP, to_cube(plane(3))[::-1], BITS)
    assert values == {"d1_mse": 0, "d1_psnr": math.inf, "d2_mse": 0, "d2_psnr": math.inf}


def test_a_shift_along_the_normal_counts_in_both():
    values = point_psnr(to_cube(plane(3)), UP, to_cube(plane(5)), BITS)
    assert values["d1_mse"] == values["d2_mse"] == pytest.approx(4)
    assert values["d1_psnr"] == pytest.approx(10 * math.log10(3 * 63**2 / 4))


def test_a_shift_in_the_plane_counts_in_d1_only():
    values = point_psnr(to_cube(plane(3)), UP, to_cube(plane(3) + np.array([0.25, 0, 0])), BITS)
    assert values["d1_mse"] == pytest.approx(1 / 16)
    assert values["d2_mse"] == pytest.approx(0)


def test_the_worse_direction_counts():
    whole, half = to_cube(plane(3)), to_cube(plane(3)[:32])
    missing = point_psnr(whole, UP, half, BITS)["d1_mse"]  # rows 4..7 are 1..4 away from row 3
    assert missing == pytest.approx((1 + 4 + 9 + 16) / 8)
    assert point_psnr(half, UP[:32], whole, BITS)["d1_mse"] == pytest.approx(missing)


def test_duplicates_do_not_weigh():
    a, b = to_cube(plane(3)), to_cube(plane(4))
    repeated = np.concatenate([b, np.repeat(b[:1], 500, axis=0)])
    assert point_psnr(a, UP, repeated, BITS) == point_psnr(a, UP, b, BITS)
    assert point_psnr(np.repeat(a, 2, axis=0), np.repeat(UP, 2, axis=0), b, BITS) == point_psnr(a, UP, b, BITS)


def test_psnr_of_a_published_measurement():
    # A trisoup decoding at 8 bits, on which pc_error, mm and a KD-tree agree.
    assert psnr(0.30810137, 255) == pytest.approx(58.0150799, abs=1e-6)


def test_the_reference_cloud_is_what_the_surface_crosses():
    torus = trimesh.creation.torus(0.7, 0.25)
    voxels, _ = surface_voxels(torus.triangles, BITS)
    assert psnr_of_mesh(torus, to_cube(voxels), BITS)["d1_psnr"] == math.inf
    every_other = psnr_of_mesh(torus, to_cube(voxels[voxels.sum(axis=1) % 2 == 0]), BITS)
    assert every_other["d1_mse"] < 2


@pytest.mark.parametrize(
    ("decoded", "words"),
    [(np.zeros((0, 3)), "n > 0"), (np.zeros((4, 2)), "shape"), (np.full((2, 3), np.nan), "not finite")],
)
def test_refuses_unusable_clouds(decoded, words):
    with pytest.raises(ValueError, match=words):
        point_psnr(to_cube(plane(3)), UP, decoded, BITS)


def test_refuses_normals_that_do_not_fit():
    with pytest.raises(ValueError, match="one normal per reference point"):
        point_psnr(to_cube(plane(3)), UP[:5], to_cube(plane(3)), BITS)


def test_points_between_and_far_beyond_the_voxels():
    decoded = np.concatenate([plane(3) + np.array([0, 0, 0.25]), [[3e9, 0, 3]]])
    values = point_psnr(to_cube(plane(3)), UP, to_cube(decoded), BITS)
    expected = (64 * 0.25**2 + (3e9 - 7) ** 2) / 65
    assert values["d1_mse"] == pytest.approx(expected, rel=1e-6)


def test_points_on_the_lattice_and_off_it_are_matched_alike(monkeypatch):
    random = np.random.default_rng(5)
    a, b = (np.unique(random.integers(0, 40, (900, 3)), axis=0).astype(float) for _ in range(2))
    b[:5] += 300  # out of a lattice's reach
    normals = np.eye(3)[random.integers(0, 3, len(a))]
    values = point_psnr(to_cube(a), normals, to_cube(b), BITS)
    monkeypatch.setattr("bench.metrics.lattice.MOST_CELLS", 1)
    trees = point_psnr(to_cube(a), normals, to_cube(b), BITS)
    assert values == pytest.approx(trees, rel=1e-12)


def test_the_order_of_the_points_does_not_matter():
    order = np.random.default_rng(0).permutation(64)
    ahead = point_psnr(to_cube(plane(3)), UP, to_cube(plane(4)), BITS)
    assert point_psnr(to_cube(plane(3))[order], UP, to_cube(plane(4))[order[::-1]], BITS) == ahead
