"""The gradient that is written out, against automatic differentiation of the same objective."""

import numpy as np
import pytest
import torch
import trimesh

from bench.codec import Context
from necgs.fit.association import Association
from necgs.fit.direct import _Problem
from necgs.fit.misfit import descend, misfit_gradient, place_vertices
from necgs.fit.narrow_band import NarrowBand
from necgs.volume.plain_volume import plain_volume
from necgs.volume.surface import Surface
from necgs.volume.topology import topology

K, H, WEIGHT = 16, 2 / 15, 0.1


@pytest.fixture(scope="module")
def case():
    ball = trimesh.creation.icosphere(2, 0.6)
    band = NarrowBand.of(plain_volume(ball, K, Context()))
    mesh = topology(band.inside(band.values()[0]))
    problem = _Problem.of(band, mesh)
    values = np.ascontiguousarray(problem.values[:, problem.points].T)
    values[:, 1:] += np.random.default_rng(0).uniform(-0.4, 0.4, (len(values), 3)).astype(np.float32)
    association = Association(Surface(ball.vertices, ball.faces), mesh.faces.numpy(), K)
    association.draw_samples(3.0, H, 0)
    return problem, values, association, band, mesh


def objective(values, problem, pairs):
    rows, fill = torch.from_numpy(problem.edges.rows).long(), torch.from_numpy(problem.edges.fill).double()
    known, row = rows >= 0, rows.clamp(min=0)
    tsdf = torch.where(known, values[row, 0], fill)
    moves = torch.where(known[..., None], values[row, 1:], 0.0)
    ends = torch.from_numpy(problem.edges.positions).double() + moves * (H / 2)
    t = tsdf[:, 0] / (tsdf[:, 0] - tsdf[:, 1])
    vertices = ends[:, 0] + t[:, None] * (ends[:, 1] - ends[:, 0])
    corners = vertices[torch.from_numpy(problem.faces).long()]
    target, normal, ok, points, normals, weights, fine = (
        torch.from_numpy(getattr(pairs, name)).double()
        for name in ("target", "target_normal", "target_ok", "points", "normals", "weights", "sample_ok")
    )
    out = ((torch.cat([vertices, corners.mean(1)]) - target) * normal).sum(1) / H
    touched = (vertices[torch.from_numpy(pairs.corners).long()] * weights[:, :, None]).sum(1)
    back = ((touched - points) * normals).sum(1) / H
    cross = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length, faces = cross.norm(dim=1), slice(len(vertices), None)
    turned = (length - (cross * normal[faces]).sum(1)) * ok[faces]
    loss = (out.square() * ok).mean() + (back.square() * fine).mean() + WEIGHT * turned.sum() / length.detach().sum()
    return loss, vertices


def test_vertices_are_those_of_deformable_marching_cubes(case):
    problem, values, _, band, mesh = case
    whole = problem.values.copy()
    whole[:, problem.points] = values.T
    expected = band.vertices(mesh, torch.from_numpy(whole)).numpy()
    assert place_vertices(values, problem.edges, H) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("everywhere", [True, False])
def test_gradient_is_that_of_automatic_differentiation(case, everywhere):
    problem, values, association, _, _ = case
    vertices = place_vertices(values, problem.edges, H)
    pairs = association.pairs(vertices, everywhere=True)
    if not everywhere:
        pairs = association.pairs(vertices, everywhere=False)
    variable = torch.from_numpy(values).double().requires_grad_()
    loss, _ = objective(variable, problem, pairs)
    loss.backward()
    expected = variable.grad.numpy()
    found = misfit_gradient(values, vertices, problem.edges, problem.faces, pairs, H, WEIGHT)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_descent_is_adam():
    random = np.random.default_rng(0)
    values = random.uniform(-0.5, 0.5, (20, 4)).astype(np.float32)
    start, bounds = values[:, 0].copy(), np.tile(np.array([-1, 1], np.float32), (20, 1))
    variable = torch.from_numpy(values.copy()).requires_grad_()
    optimiser = torch.optim.Adam([variable], lr=0.03, betas=(0.9, 0.95))
    moments = np.zeros((20, 4, 2), np.float32)
    for step in range(1, 4):
        gradient = random.normal(size=(20, 4)).astype(np.float32)
        variable.grad = torch.from_numpy(gradient.copy())
        variable.grad[:, 0] += 2 * 0.1 * (variable.detach()[:, 0] - torch.from_numpy(start))
        variable.grad[:, 1:] += 0.02 * variable.detach()[:, 1:].sign()
        optimiser.step()
        rates = 0.03 / (1 - 0.9**step), 1 - 0.95**step
        descend(values, start, gradient, moments, bounds, rates, (0.02, 0.1, True))
    assert values == pytest.approx(variable.detach().numpy(), abs=1e-5)
