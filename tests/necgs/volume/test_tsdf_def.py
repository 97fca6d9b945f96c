"""TSDF volumes against closed forms and brute force; bad meshes; quantisation; the cache."""

import numpy as np
import pytest
import torch
import trimesh

from bench.codec import Context, InvalidMesh
from necgs.volume.banded_tsdf import banded_tsdf
from necgs.volume.distance_band import distance_band
from necgs.volume.dmc import mesh_of
from necgs.volume.plain_volume import content_key, plain_volume
from necgs.volume.tsdf_def import TsdfDef, dequantise, quantise
from tests.necgs.training.test_dense import spheres


def tsdf(mesh, K):
    return banded_tsdf(mesh, K).whole()


def grid(K):
    axis = np.linspace(-1, 1, K)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def box(extents, at=(0, 0, 0)):
    mesh = trimesh.creation.box(extents)
    mesh.apply_translation(at)
    return mesh


def box_distance(points, extents):
    q = np.abs(points) - np.asarray(extents) / 2
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(-1), 0)


def test_box_has_its_closed_form():
    K, extents = 24, (1.1, 0.73, 2.0)
    h = 2 / (K - 1)
    expected = np.clip(box_distance(grid(K), extents) / (2 * h), -1, 1)
    assert tsdf(box(extents), K) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_rotated_needles_match_brute_force(seed):
    """Long thin triangles in all directions: none of the band is missed."""
    K = 16
    triangle = np.random.default_rng(seed).uniform(-0.9, 0.9, (3, 3))
    triangle[2] = triangle[0] + 0.6 * (triangle[1] - triangle[0]) + 0.02 * (triangle[2] - triangle[0])
    mesh = trimesh.Trimesh(triangle, [[0, 1, 2]], process=False)
    points = grid(K).reshape(-1, 3)
    nearest = trimesh.triangles.closest_point(np.repeat(triangle[None], len(points), 0), points)
    distance = np.linalg.norm(nearest - points, axis=1).reshape(K, K, K)
    h = 2 / (K - 1)
    band = distance_band(mesh.vertices, mesh.faces, K, 2.0)
    near = distance <= 2 * h
    assert np.array_equal(band.points, np.flatnonzero(near))
    assert band.distance == pytest.approx(distance[near], abs=1e-6)
    shell = np.clip((distance - 0.9 * h) / (2 * h), -1, 1)  # an open sheet: nothing is inside
    assert tsdf(mesh, K) == pytest.approx(shell, abs=1e-5)


def test_inverted_mesh_gives_the_same_volume():
    mesh = trimesh.creation.icosphere(3, 0.8)
    expected = tsdf(mesh, 20)
    mesh.invert()
    assert tsdf(mesh, 20) == pytest.approx(expected, abs=1e-6)


def test_surfaces_of_overlapping_and_inverted_parts_all_survive():
    K = 24
    a, b = box((0.8, 0.8, 0.8), (-0.3, 0, 0)), box((0.8, 0.5, 0.5), (0.3, 0, 0))
    c = box((0.2, 0.2, 0.2), (0, 0.8, 0))
    c.invert()
    volume = tsdf(trimesh.util.concatenate([a, b, c]), K)
    p = grid(K)
    in_a = box_distance(p - [-0.3, 0, 0], (0.8, 0.8, 0.8)) < 0
    in_b = box_distance(p - [0.3, 0, 0], (0.8, 0.5, 0.5)) < 0
    in_c = box_distance(p - [0, 0.8, 0], (0.2, 0.2, 0.2)) < 0
    assert np.array_equal(volume < 0, (in_a ^ in_b) | in_c)


def test_solid_within_a_solid_survives():
    outer, inner = trimesh.creation.icosphere(3, 0.9), trimesh.creation.icosphere(3, 0.4)
    nested = trimesh.util.concatenate([outer, inner])
    radius = np.linalg.norm(grid(24), axis=-1)
    sides = tsdf(nested, 24) < 0
    clear = np.minimum(abs(radius - 0.9), abs(radius - 0.4)) > 0.02
    assert np.array_equal(sides[clear], ((radius < 0.9) & (radius > 0.4))[clear])


@pytest.mark.parametrize("gap", [0.0, 0.01])
def test_surface_that_is_there_twice_is_not_lost(gap):
    """The winding number changes by two, or twice within less than a cell."""
    once = trimesh.creation.icosphere(3, 0.8)
    twice = trimesh.util.concatenate([once, trimesh.creation.icosphere(3, 0.8 - gap)])
    near = abs(np.linalg.norm(grid(24), axis=-1) - 0.8) < gap + 0.01
    assert np.array_equal((tsdf(twice, 24) < 0)[~near], (tsdf(once, 24) < 0)[~near])


def test_cavity_stays_hollow():
    outer, inner = trimesh.creation.icosphere(3, 0.9), trimesh.creation.icosphere(3, 0.4)
    inner.invert()
    volume = tsdf(trimesh.util.concatenate([outer, inner]), 24)
    assert volume[12, 12, 12] == 1
    assert (volume < 0).any()


def test_hole_is_capped_where_the_winding_number_passes_one_half():
    mesh = trimesh.creation.icosphere(4, 0.8)
    mesh.update_faces(mesh.triangles_center[:, 2] < 0.45)  # a hole of 50 cells and more: the far region leaks
    K = 48
    volume = tsdf(mesh, K)
    whole = tsdf(trimesh.creation.icosphere(4, 0.8), K)
    below = grid(K)[..., 2] < 0.2
    assert np.array_equal((volume < 0)[below], (whole < 0)[below])
    assert not (volume < 0)[grid(K)[..., 2] > 0.75].any()
    assert TsdfDef.of(volume).mesh().is_watertight


def test_surface_is_reproduced_and_fills_the_cube():
    mesh = trimesh.creation.icosphere(4, 1.0)
    K = 64
    out = plain_volume(mesh, K).mesh()
    assert out.is_watertight
    assert out.volume == pytest.approx(mesh.volume, rel=5e-3)
    assert np.abs(out.bounds).max() == pytest.approx(1, abs=1e-3)
    assert np.abs(np.linalg.norm(out.vertices, axis=1) - 1).max() < 3e-3


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((3, 3)), np.zeros((0, 3), int), "no faces"),
        (np.full((3, 3), np.nan), [[0, 1, 2]], "not finite"),
        ([[0, 0, 0], [2, 0, 0], [0, 1, 0]], [[0, 1, 2]], "lies outside"),
    ],
)
def test_unusable_meshes_are_named(vertices, faces, message):
    with pytest.raises(InvalidMesh, match=message):
        tsdf(trimesh.Trimesh(vertices, faces, process=False), 8)


def test_single_and_degenerate_triangles_become_closed_shells():
    triangle = trimesh.Trimesh([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.7, 0]], [[0, 1, 2]], process=False)
    point = trimesh.Trimesh([[0.1, 0.2, 0.3]] * 3, [[0, 1, 2]], process=False)
    for mesh in (triangle, point):
        out = plain_volume(mesh, 16).mesh()
        assert len(out.faces)
        assert out.is_watertight


def test_quantiser_is_the_257_level_one():
    values = np.linspace(-1.2, 1.2, 1001).astype(np.float32)
    step = 2 / 256
    expected = np.round((np.clip(values, -1, 1) + 1) / step) * step - 1
    assert dequantise(quantise(values)) == pytest.approx(expected, abs=1e-7)
    assert len(np.unique(quantise(np.linspace(-1, 1, 5000)))) == 257
    assert dequantise(quantise(np.zeros(1)))[0] == 0
    codes = np.arange(-128, 129, dtype=np.int16)
    assert np.array_equal(quantise(dequantise(codes)), codes)


def test_volume_validates_itself():
    good = np.zeros((4, 4, 4, 4), np.int16)
    assert TsdfDef.of_codes(good).resolution == 4
    for bad in (good.astype(np.int32), good[:3], good[:, :3], good[:, :3, :3, :3], np.full_like(good, -129)):
        with pytest.raises(ValueError, match=r"codes|points"):
            TsdfDef.of_codes(bad)


def test_points_are_changed():
    codes = spheres(K=12, channels=4)[0]
    points = np.sort(np.random.default_rng(0).permutation(12**3)[:50])
    values = np.random.default_rng(1).integers(-128, 129, (4, 50)).astype(np.int16)
    for changed in (values, values[:1]):
        expected = codes.copy().reshape(4, -1)
        expected[: len(changed), points] = changed
        found = TsdfDef.of_codes(codes).changed(points, changed)
        assert np.array_equal(found.codes, expected.reshape(codes.shape))
        assert np.array_equal(found.points, TsdfDef.of_codes(expected.reshape(codes.shape)).points)


def test_the_surface_is_that_of_the_whole_volume():
    """Also where a sign changes between truncated points and at the border of the grid."""
    codes = spheres(K=12, channels=4)[0]
    codes[0, :3, :4] = -128
    codes[1:, 5] = np.random.default_rng(0).integers(-128, 129, codes[1:, 5].shape)
    expected = mesh_of(torch.from_numpy(codes[0]), torch.from_numpy(codes[1:]), level=128)
    found = TsdfDef.of_codes(codes).mesh()
    assert np.array_equal(found.vertices, expected.vertices)
    assert np.array_equal(found.faces, expected.faces)


def test_cache_is_keyed_by_content_and_parameters(tmp_path, monkeypatch):
    mesh = box((1, 1, 1))
    context = Context(cache=tmp_path)
    first = plain_volume(mesh, 8, context)
    monkeypatch.setattr("necgs.volume.plain_volume.banded_tsdf", lambda *_: pytest.fail("computed twice"))
    again = Context(cache=tmp_path)
    assert np.array_equal(plain_volume(mesh.copy(), 8, again).codes, first.codes)
    assert again.phases["tsdf"] > 0
    moved = mesh.copy()
    moved.vertices[0] += 1e-9
    keys = {content_key(mesh, K=8), content_key(mesh, K=9), content_key(moved, K=8)}
    assert len(keys) == 3
