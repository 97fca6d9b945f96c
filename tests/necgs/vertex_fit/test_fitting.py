"""The vertex fit: normal equations against dense algebra, errors that fall, and what must not move."""

import numpy as np
import pytest
import trimesh

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh.decimation import decimate
from necgs.vertex_fit.fitting import FitSettings, Original, fit_vertices, refit_vertices
from necgs.vertex_fit.guarded_fit import guarded_fit
from necgs.vertex_fit.normal_equations import EdgeList, NormalEquations, Rows
from necgs.vertex_fit.triangle_turns import keep_triangles
from tests.necgs.mesh.real_meshes import sample_shape, sheet, sphere


def error(reference, decoded):
    meshes = (trimesh.Trimesh(*mesh, process=False) for mesh in (reference, decoded))
    return measure(*meshes, Protocol(samples=20_000))


def random_rows(faces, count, generator):
    direction = generator.normal(size=(count, 3))
    return Rows(
        generator.integers(len(faces), size=count),
        generator.dirichlet(np.ones(3), count),
        direction / np.linalg.norm(direction, axis=1)[:, None],
        generator.normal(size=count),
        generator.random(count),
    )


def test_steps_solve_the_dense_system():
    generator = np.random.default_rng(0)
    vertices, faces = sphere(1)
    v = len(vertices)
    parts = [random_rows(faces, count, generator) for count in (300, 40)]
    A, b = np.zeros((3 * v, 3 * v)), np.zeros(3 * v)
    for rows in parts:
        for m in range(len(rows.face)):
            row = np.zeros((v, 3))
            row[faces[rows.face[m]]] = rows.shares[m][:, None] * rows.direction[m]
            A += rows.weight[m] * np.outer(row, row)
            b += rows.weight[m] * rows.residual[m] * row.reshape(-1)
    equations = NormalEquations.of(parts, faces, EdgeList.of(faces), v)
    free = generator.random((v, 3)) < 0.7
    axes = free.reshape(-1)
    damped = A + np.diag(0.1 * np.diag(A) + 0.2 * np.diag(A).mean())
    expected = np.zeros(3 * v)
    expected[axes] = np.linalg.solve(damped[np.ix_(axes, axes)], b[axes])
    found = equations.step(free, 0.1, 0.2)
    assert np.abs(found.reshape(-1) - expected).max() < 3e-3 * np.abs(expected).max()
    assert not found[~free].any()
    blocks = np.stack([A[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] for k in range(v)])
    assert np.allclose(equations.blocks(), blocks)


@pytest.mark.parametrize(
    ("part", "number", "faces", "gain"), [("humans", 5, 500, 0.7), ("animals", 9, 300, 0.75), ("objects", 8, 500, 0.8)]
)
def test_the_error_falls_and_neither_maximum_nor_normals_get_worse(part, number, faces, gain):
    mesh = sample_shape(part, number)
    coarse = decimate(mesh[0][None], mesh[1], [faces])[0]
    fitted = fit_vertices(Original(*mesh), coarse.vertices[0], coarse.faces)
    before, after = (error(mesh, (x, coarse.faces)) for x in (coarse.vertices[0], fitted.vertices))
    assert after["surface_cd"] < gain * before["surface_cd"]
    assert after["surface_p95"] < before["surface_p95"]
    assert after["surface_max"] < 1.1 * before["surface_max"]
    assert after["surface_nc"] > before["surface_nc"] - 0.002
    assert fitted.after == pytest.approx(after["surface_cd"] / 1000, rel=0.1)
    assert fitted.before == pytest.approx(before["surface_cd"] / 1000, rel=0.1)


def test_a_fit_that_makes_things_worse_is_not_kept():
    """A part that decimation leaves as good as exact: a fit only scatters its vertices."""
    mesh = sample_shape("objects", 11)
    coarse = decimate(mesh[0][None], mesh[1], [2088])[0]
    original, start = Original(*mesh), coarse.vertices[0]
    blind, guarded = (fit(original, start, coarse.faces, FitSettings()) for fit in (fit_vertices, guarded_fit))
    before, worse = (error(mesh, (x, coarse.faces))["surface_cd"] for x in (start, blind.vertices))
    assert worse > 1.3 * before
    assert np.array_equal(guarded.vertices, start)
    assert guarded.after == guarded.before


def test_a_sheet_keeps_its_border():
    mesh = sheet(25)
    coarse = decimate(mesh[0][None], mesh[1], [80])[0]
    fitted = fit_vertices(Original(*mesh), coarse.vertices[0], coarse.faces)
    before, after = (error(mesh, (x, coarse.faces)) for x in (coarse.vertices[0], fitted.vertices))
    assert after["surface_cd"] < 0.8 * before["surface_cd"]
    assert after["surface_max"] < 1.6 * before["surface_max"]


def test_vertices_that_are_not_free_stay():
    mesh = sphere()
    coarse = decimate(mesh[0][None], mesh[1], [100])[0]
    free = np.arange(coarse.vertices.shape[1]) % 2 == 0
    original = Original(*mesh)
    start = coarse.vertices[0]
    fitted = fit_vertices(original, start, coarse.faces, free=free)
    again = refit_vertices(original, start, coarse.faces, free, fitted.before)
    for result in (fitted, again):
        assert np.array_equal(result.vertices[~free], start[~free])
        assert (result.vertices[free] != start[free]).any(1).all()
    assert fitted.after < fitted.before


def test_hessians_say_what_a_move_costs():
    mesh = sphere(4)
    coarse = decimate(mesh[0][None], mesh[1], [200])[0]
    settings = FitSettings(samples_per_face=80, floor=1.0, normal_weight=0.0)
    original = Original(*mesh)
    fitted = fit_vertices(original, coarse.vertices[0], coarse.faces, settings)
    generator = np.random.default_rng(0)
    moves = generator.normal(0, 0.5 * fitted.after, fitted.vertices.shape)
    expected = 0.5 * np.einsum("va,vab,vb->", moves, fitted.hessians, moves)
    moved = fit_vertices(original, fitted.vertices + moves, coarse.faces, FitSettings(steps=0, samples_per_face=80))
    assert 0.4 * expected < moved.after - fitted.after < 1.6 * expected


def test_no_triangle_turns_over():
    vertices, faces = sheet(5)
    after = vertices + np.random.default_rng(2).normal(0, 0.4, vertices.shape)
    kept = keep_triangles(vertices, after, faces)
    a, b = (np.cross(x[faces[:, 1]] - x[faces[:, 0]], x[faces[:, 2]] - x[faces[:, 0]]) for x in (vertices, kept))
    assert ((a * b).sum(1) >= 0.499 * np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)).all()
    assert (kept != vertices).any()
    small = vertices + 1e-3 * (after - vertices)
    assert np.allclose(keep_triangles(vertices, small, faces), small)


def test_settings_without_sense_are_refused():
    with pytest.raises(ValueError, match="floor < cap"):
        FitSettings(floor=4.0)


def test_samples_and_steps_follow_the_faces_within_their_bounds():
    settings = FitSettings(steps=7, samples_per_face=8, least_samples=3000, most_samples=12_000, many_faces=3000)
    assert [settings.samples_for(faces) for faces in (100, 1000, 1500, 3000, 4500, 6000, 20_000)] == [
        *(3000, 8000, 12_000, 12_000, 18_000, 24_000, 48_000)
    ]
    assert [settings.steps_for(faces) for faces in (100, 1500, 3000, 6000, 12_000, 10**6)] == [7, 7, 4, 4, 4, 1]
