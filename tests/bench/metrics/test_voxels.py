import numpy as np
import pytest
import trimesh

from bench.metrics.voxels import surface_voxels


def dense_samples(triangles, bits, per_edge=200):
    """Brute force: a dense barycentric grid of points on every triangle, rounded to voxels."""
    u, v = np.meshgrid(*[np.linspace(0, 1, per_edge)] * 2)
    u, v = u[u + v <= 1], v[u + v <= 1]
    points = (
        triangles[:, None, 0] * (1 - u - v)[None, :, None]
        + triangles[:, None, 1] * u[None, :, None]
        + triangles[:, None, 2] * v[None, :, None]
    ).reshape(-1, 3)
    return np.unique(np.floor((points + 1) / 2 * (2**bits - 1) + 0.5).astype(int), axis=0)


def rows(voxels):
    return {tuple(v) for v in voxels.tolist()}


def clipped_away(polygon, low, high):
    """Sutherland and Hodgman: whether nothing of a polygon is left inside a box."""
    for axis in range(3):
        for bound, sign in ((low[axis], 1), (high[axis], -1)):
            kept = []
            for p, q in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
                dp, dq = sign * (p[axis] - bound), sign * (q[axis] - bound)
                if dp >= 0:
                    kept.append(p)
                if dp * dq < 0:
                    kept.append(p + (q - p) * dp / (dp - dq))
            if not kept:
                return True
            polygon = np.array(kept)
    return False


@pytest.mark.parametrize("seed", range(4))
def test_equals_clipping_every_triangle_against_every_box(seed):
    triangles = np.random.default_rng(seed).uniform(-1, 1, (4, 3, 3))
    grid = (triangles + 1) / 2 * 7
    expected = {
        tuple(v)
        for v in np.ndindex(8, 8, 8)
        if not all(clipped_away(t, np.array(v) - 0.5, np.array(v) + 0.5) for t in grid)
    }
    assert rows(surface_voxels(triangles, 3)[0]) == expected


@pytest.mark.parametrize("seed", range(4))
def test_covers_every_dense_sample_and_nothing_far(seed):
    triangles = np.random.default_rng(seed).uniform(-1, 1, (4, 3, 3))
    voxels, faces = surface_voxels(triangles, 6)
    assert rows(dense_samples(triangles, 6)) <= rows(voxels)
    corners = triangles[faces]
    distance = np.linalg.norm(
        trimesh.triangles.closest_point(corners, voxels / 63 * 2 - 1) - (voxels / 63 * 2 - 1), axis=1
    )
    assert distance.max() <= np.sqrt(3) / 63 + 1e-6  # half a voxel's diagonal


def test_agrees_with_a_closed_form_plane():
    square = np.array([[-1, -1, 0.2], [1, -1, 0.2], [1, 1, 0.2], [-1, 1, 0.2]])
    voxels, _ = surface_voxels(square[[[0, 1, 2], [0, 2, 3]]], 4)
    assert len(voxels) == 256
    assert set(voxels[:, 2]) == {9}  # round(0.6 * 15)


def test_a_face_between_two_voxels_takes_the_upper_layer_only():
    z = 2 * 6.5 / 15 - 1
    square = np.array([[-1, -1, z], [1, -1, z], [1, 1, z], [-1, 1, z]])
    voxels, _ = surface_voxels(square[[[0, 1, 2], [0, 2, 3]]], 4)
    assert set(voxels[:, 2]) == {7}


def test_the_cube_itself_stays_on_the_grid():
    box = trimesh.creation.box(extents=(2, 2, 2))
    voxels, _ = surface_voxels(np.asarray(box.triangles), 4)
    assert (voxels.min(), voxels.max()) == (0, 15)
    assert len(voxels) == 16**3 - 14**3


def test_triangles_without_area_leave_their_edges():
    point = np.full((1, 3, 3), 0.5)
    assert rows(surface_voxels(point, 4)[0]) == {(11, 11, 11)}
    line = np.array([[[-1.0, -1, -1], [1, 1, 1], [0, 0, 0]]])
    assert {(i, i, i) for i in range(16)} <= rows(surface_voxels(line, 4)[0])


def test_the_nearest_plane_names_the_voxel():
    layers = [np.array([[-1, -1, z], [1, -1, z], [0, 1, z]]) for z in (0.02, 0.005)]
    voxels, faces = surface_voxels(np.stack(layers), 3)  # both fall into layer round(3.5 + small) = 4
    assert set(voxels[:, 2]) == {4}
    assert set(faces) == {0}  # the voxel's centre is at z = 1/7


def test_many_chunks_give_one_result(monkeypatch):
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.9)
    whole = surface_voxels(np.asarray(mesh.triangles), 6)
    monkeypatch.setattr("bench.metrics.voxels.CHUNK", 500)
    parts = surface_voxels(np.asarray(mesh.triangles), 6)
    assert np.array_equal(whole[0], parts[0])
    assert np.array_equal(whole[1], parts[1])
