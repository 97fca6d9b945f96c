"""Fits of the deformation: they lower the error, keep their promises on signs and seeds, and capture thin parts."""

import dataclasses
import time

import numpy as np
import pytest
import torch
import trimesh

from bench.codec import Context, DeadlineExceeded
from necgs.fit.direct import DirectFit, fit_direct
from necgs.fit.fit_volume import FITS, fitted_volume
from necgs.fit.narrow_band import NarrowBand
from necgs.fit.rendered import RenderedFit, fit_rendered, reconstruction_error
from necgs.fit.thin_parts import capture_thin_parts
from necgs.volume.dmc import extract
from necgs.volume.plain_volume import plain_volume
from necgs.volume.surface import Surface
from necgs.volume.topology import topology
from necgs.volume.tsdf_def import TsdfDef, dequantise

K = 20
QUICK = DirectFit(iterations=40, associate_every=8)
SMALL = RenderedFit(iterations=25, size=96, views=2)


def turned(mesh, angle=0.5):
    mesh.apply_transform(trimesh.transformations.rotation_matrix(angle, [1, 2, 3]))
    return mesh


@pytest.fixture(scope="module")
def block():
    """A box in general position: sharp edges that no regular grid hits."""
    return turned(trimesh.creation.box((1.1, 0.8, 0.7)))


def errors(volume, mesh):
    """Mean distances mesh -> volume's surface and back, in cells."""
    a, b = Surface(mesh.vertices, mesh.faces), (lambda m: Surface(m.vertices, m.faces))(volume.mesh())
    h = 2 / (volume.resolution - 1)
    return [
        float(np.linalg.norm(p - target.closest(p)[0], axis=1).mean() / h)
        for p, target in ((a.sample(4000, 1)[0], b), (b.sample(4000, 1)[0], a))
    ]


# --- the narrow band


def test_band_extracts_what_the_dense_volume_gives(block):
    volume = plain_volume(block, K)
    generator = np.random.default_rng(0)
    codes = volume.codes.copy()
    codes[1:] = generator.integers(-128, 129, codes[1:].shape) * (np.abs(codes[0]) < 128)
    volume = TsdfDef.of_codes(codes)
    band = NarrowBand.of(volume)
    mesh = topology(band.inside(band.values()[0]))
    tsdf, deformation = torch.from_numpy(dequantise(volume.codes)).split([1, 3])
    vertices, faces = extract(tsdf[0], deformation)
    assert torch.equal(mesh.faces, faces)
    assert torch.allclose(band.vertices(mesh, band.values()), vertices)
    assert np.array_equal(band.volume_of(band.values()).codes, codes)


def test_band_knows_the_border_and_the_truncated_sides():
    """A volume that is inside from a jump to the border: -1 next to +1, and -1 on the border."""
    codes = np.full((4, 6, 6, 6), 0, np.int16)
    codes[0] = 128
    codes[0, 3:] = -128
    codes[0, 2, 2, 2] = 100
    volume = TsdfDef.of_codes(codes)
    band = NarrowBand.of(volume)
    mesh = topology(band.inside(band.values()[0]))
    expected, _ = extract(torch.from_numpy(dequantise(volume.codes[0])), torch.zeros(3, 6, 6, 6))
    assert torch.allclose(band.vertices(mesh, band.values()), expected)


# --- surfaces


def test_closest_points_and_samples_of_a_surface(block):
    surface = Surface(block.vertices, block.faces)
    assert surface.area == pytest.approx(block.area)
    points, face = surface.sample(3000, seed=0)
    assert np.bincount(face, minlength=12) / 3000 == pytest.approx(block.area_faces / block.area, abs=2e-3)
    on, found, _ = surface.closest(points)
    assert on == pytest.approx(points, abs=1e-5)
    away = points + 0.05 * surface.normals[face]
    near, found, weights = surface.closest(away)
    rebuilt = (block.triangles[found] * weights[:, :, None]).sum(1)
    assert rebuilt == pytest.approx(near, abs=1e-5)
    assert np.linalg.norm(near - away, axis=1).max() <= 0.05 + 1e-5
    assert surface.first_hit(away, -surface.normals[face]) == pytest.approx(0.05, abs=1e-4)


# --- the direct fit


def test_direct_fit_sharpens_edges_and_keeps_the_signs(block):
    plain = plain_volume(block, K)
    fitted = fit_direct(plain, block.vertices, block.faces, QUICK)
    assert sum(errors(fitted, block)) < sum(errors(plain, block)) / 2.5
    assert np.array_equal(fitted.codes[0] < 0, plain.codes[0] < 0)
    assert fitted.mesh().is_watertight
    assert fitted.mesh().volume == pytest.approx(block.volume, rel=1e-2)


def test_direct_fit_of_the_tsdf_alone_moves_no_point(block):
    mesh = trimesh.creation.icosphere(3, 0.8)
    plain = plain_volume(mesh, K)
    fitted = fit_direct(plain, mesh.vertices, mesh.faces, dataclasses.replace(QUICK, deformation=False))
    assert not fitted.codes[1:].any()
    assert sum(errors(fitted, mesh)) < 0.8 * sum(errors(plain, mesh))


def test_regularisation_keeps_points_near_their_place(block):
    plain = plain_volume(block, K)
    free, tied = (
        np.abs(
            fit_direct(plain, block.vertices, block.faces, dataclasses.replace(QUICK, regularisation=weight)).codes[1:]
        ).sum()
        for weight in (0.0, 0.1)
    )
    assert tied < 0.5 * free


def test_volume_without_a_surface_is_returned_as_it_is():
    nothing, ball = TsdfDef.of(np.ones((K, K, K), np.float32)), trimesh.creation.icosphere(3, 0.8)
    settings = dataclasses.replace(QUICK, deformation=False)
    assert fit_direct(nothing, ball.vertices, ball.faces, settings) is nothing


@pytest.mark.parametrize("corners", [[[-0.5, 0, 0], [0.5, 0, 0], [0, 0.7, 0.1]], [[0.1, 0.2, 0.3]] * 3])
def test_single_and_degenerate_triangles_are_fitted(corners):
    mesh = trimesh.Trimesh(corners, [[0, 1, 2]], process=False)
    fitted = fitted_volume(mesh, K, QUICK).mesh()
    assert len(fitted.faces)
    assert fitted.is_watertight


# --- thin parts


def plate(thickness_in_cells):
    return turned(trimesh.creation.box((1.3, 1.1, thickness_in_cells * 2 / (K - 1))))


def test_wall_thinner_than_a_cell_is_captured():
    mesh = plate(0.3)
    plain = plain_volume(mesh, K)
    assert errors(plain, mesh)[0] > 0.3
    captured = capture_thin_parts(plain, mesh.vertices, mesh.faces)
    assert errors(captured, mesh)[0] < errors(plain, mesh)[0]
    fitted = fit_direct(plain, mesh.vertices, mesh.faces, QUICK)
    assert max(errors(fitted, mesh)) < 0.1
    assert fitted.mesh().is_watertight


def test_wall_keeps_its_place_without_deformation():
    mesh = plate(0.3)
    plain = plain_volume(mesh, K)
    fitted = fit_direct(plain, mesh.vertices, mesh.faces, dataclasses.replace(QUICK, deformation=False))
    assert not fitted.codes[1:].any()
    assert max(errors(fitted, mesh)) < 0.4 < errors(plain, mesh)[0]


def test_wall_on_fixed_points_is_one_point_deep():
    mesh = plate(0.05)
    outside = TsdfDef.of(np.ones((K, K, K), np.float32))
    inside = capture_thin_parts(outside, mesh.vertices, mesh.faces, move=False).codes[0] < 0
    normal = mesh.face_normals[np.argmax(mesh.area_faces)]
    deep = inside.sum(axis=np.abs(normal).argmax())
    assert deep.max() == 1
    assert deep.sum() > 0.8 * np.abs(normal).max() * mesh.area / 2 / (2 / (K - 1)) ** 2


@pytest.mark.parametrize("deformation", [True, False])
def test_faces_of_parts_that_touch_are_kept(deformation):
    """Their winding number is the same on both sides: the volume alone has no surface there."""
    below, above = (trimesh.creation.box((0.9, 0.9, 0.5)) for _ in range(2))
    mesh = turned(trimesh.util.concatenate([below, above.apply_translation((0.1, 0, 0.5))]))
    plain = plain_volume(mesh, K)
    settings = dataclasses.replace(QUICK, deformation=deformation)
    fitted = fit_direct(plain, mesh.vertices, mesh.faces, settings)
    assert errors(fitted, mesh)[0] < 0.3 * errors(plain, mesh)[0]
    assert max(errors(fitted, mesh)) < 0.1
    assert fitted.mesh().is_watertight


@pytest.mark.parametrize("deformation", [True, False])
def test_open_sheet_beside_a_body_is_kept(deformation):
    corners = np.array([[-0.7, -0.7, 0.4], [0.7, -0.7, 0.4], [0.7, 0.7, 0.4], [-0.7, 0.7, 0.4]])
    sheet = trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]])
    mesh = turned(trimesh.util.concatenate([trimesh.creation.box((0.8, 0.7, 0.4)), sheet]))
    plain = plain_volume(mesh, K)
    settings = dataclasses.replace(QUICK, deformation=deformation)
    assert errors(plain, mesh)[0] > 1.0
    assert max(errors(fit_direct(plain, mesh.vertices, mesh.faces, settings), mesh)) < 0.25


def test_gap_thinner_than_a_cell_is_captured():
    gap = 0.4 * 2 / (K - 1)
    halves = [trimesh.creation.box((0.9, 0.9, 0.5)) for _ in range(2)]
    for half, side in zip(halves, (1, -1), strict=True):
        half.apply_translation((0, 0, side * (0.25 + gap / 2)))
    mesh = turned(trimesh.util.concatenate(halves))
    plain = plain_volume(mesh, K)
    fitted = fit_direct(plain, mesh.vertices, mesh.faces, QUICK)
    assert errors(plain, mesh)[0] > 2.5 * errors(fitted, mesh)[0]
    assert errors(fitted, mesh)[0] < 0.15


def test_mesh_that_the_grid_resolves_is_left_alone():
    mesh = trimesh.creation.icosphere(3, 0.8)
    plain = plain_volume(mesh, K)
    assert capture_thin_parts(plain, mesh.vertices, mesh.faces) is plain


# --- the rendered fit


def test_reconstruction_error_is_the_published_one():
    generator = torch.Generator().manual_seed(0)
    a, b = ([torch.rand((2, 4, 4), generator=generator) for _ in range(2)] for _ in range(2))
    expected = np.abs(a[0] - b[0]).mean() + 10 * (b[0] * np.abs(a[1] - b[1])).sum() / b[0].sum()
    assert reconstruction_error(tuple(a), tuple(b), 10.0).item() == pytest.approx(expected.item(), rel=1e-5)


def test_rendered_fit_lowers_the_error(block):
    plain = plain_volume(block, K)
    fitted = fit_rendered(plain, block.vertices, block.faces, SMALL)
    assert sum(errors(fitted, block)) < 0.8 * sum(errors(plain, block))
    assert fitted.mesh().is_watertight


def test_defaults_of_the_rendered_fit_are_the_papers():
    fit = FITS["rendered"]
    assert (fit.iterations, fit.views, fit.size, fit.learning_rate, fit.decay) == (500, 4, 2048, 0.01, 0.004)
    assert (fit.regularisation, fit.depth_weight) == (10, 10)


# --- seeds, cache, deadline, settings


@pytest.mark.parametrize("fit", [dataclasses.replace(QUICK, iterations=5), dataclasses.replace(SMALL, iterations=3)])
def test_a_seed_gives_one_volume(block, fit):
    a, b, other = (fitted_volume(block, K, fit, Context(seed=seed)).codes for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, other)


def test_volumes_are_cached_by_mesh_settings_and_seed(block, tmp_path, monkeypatch):
    fit = dataclasses.replace(QUICK, iterations=2)
    first = fitted_volume(block, K, fit, Context(cache=tmp_path))
    monkeypatch.setattr("necgs.fit.fit_volume.fit_direct", lambda *_, **__: pytest.fail("fitted again"))
    context = Context(cache=tmp_path)
    assert np.array_equal(fitted_volume(block, K, fit, context).codes, first.codes)
    assert set(context.phases) == {"tsdf", "fit"}
    for changed in ((fit, Context(cache=tmp_path, seed=3)), (dataclasses.replace(fit, iterations=3), context)):
        with pytest.raises(pytest.fail.Exception):
            fitted_volume(block, K, *changed)


def test_a_rendered_volume_is_cached_by_device_a_direct_one_is_not(block, tmp_path, monkeypatch):
    monkeypatch.setattr("necgs.fit.fit_volume.fit_volume", lambda plain, *_: plain)
    direct = DirectFit()
    for fit in (direct, SMALL):
        fitted_volume(block, K, fit, Context(cache=tmp_path))
    monkeypatch.setattr("necgs.fit.fit_volume.fit_volume", lambda *_: pytest.fail("fitted again"))
    fitted_volume(block, K, direct, Context(cache=tmp_path, device="meta"))
    with pytest.raises(pytest.fail.Exception):
        fitted_volume(block, K, SMALL, Context(cache=tmp_path, device="meta"))


@pytest.mark.parametrize("fit", [QUICK, SMALL])
def test_deadline_and_progress(block, fit):
    seen = []
    context = Context(report=lambda done, total, note: seen.append((done, total, note)))
    fitted_volume(block, K, dataclasses.replace(fit, iterations=2), context)
    assert seen == [(0, 2, "fit")]
    with pytest.raises(DeadlineExceeded):
        fitted_volume(block, K, fit, Context(deadline=time.monotonic() - 1))


def test_settings_validate_themselves():
    for bad in ({"iterations": 0}, {"learning_rate": 2.0}, {"samples_per_cell": 0.0}, {"normal_weight": -1.0}):
        with pytest.raises(ValueError, match=r"a fit needs|weights"):
            DirectFit(**bad)
    for bad in ({"views": 0}, {"size": 4}, {"decay": -1.0}):
        with pytest.raises(ValueError, match=r"a fit needs|weights"):
            RenderedFit(**bad)
