"""Steps and prices of a set's groups."""

from __future__ import annotations

import numpy as np
import pytest

from bench.codec import Context
from necgs.mesh.groups import Group
from necgs.mesh.preparation import _SHARE, Coarse, coder_input, slope_of
from necgs.mesh.rate import MeshSetRate
from tests.necgs.mesh.fixed_meshes import sphere, torus


def with_error(mesh: tuple[np.ndarray, np.ndarray], error: float, shapes: int = 1) -> Coarse:
    points, faces = np.stack([mesh[0]] * shapes), mesh[1]
    bent = np.zeros((*points.shape, 3))
    return Coarse(Group(tuple(range(shapes)), points, faces), faces, points, bent, error, 0)


def test_a_shape_that_is_nearly_exact_gets_the_steps_of_the_sets_slope() -> None:
    rate = MeshSetRate()
    poor, exact = with_error(sphere(), 2e-3, shapes=3), with_error(torus(), 1e-7)
    slope = slope_of([poor, exact])
    vertices = [found.vertices.shape[1] for found in (poor, exact)]
    assert slope == pytest.approx((3 * 2e-3 + 1e-7) / (3 * vertices[0] + vertices[1]))
    given = [coder_input(found, [0, 1, 2][: len(found.vertices)], rate, Context(), slope) for found in (poor, exact)]
    assert given[0].steps.normal == pytest.approx(rate.step * 2e-3)
    assert given[1].steps.lattice == pytest.approx(rate.lattice * _SHARE * slope * vertices[1], rel=1e-3)
    assert given[1].price == pytest.approx(rate.lambda_ * _SHARE * slope)
    alone = coder_input(exact, [0], rate, Context())
    assert alone.steps.lattice < given[1].steps.lattice / 100
