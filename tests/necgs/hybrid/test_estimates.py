"""The surface error against closed forms and the benchmark's metric; the forecast against trained volumes."""

from __future__ import annotations

from math import inf

import mesh_datasets
import pytest
import trimesh
from mesh_datasets.normalization import normalize

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.hybrid.forecast import MARGIN, bend, forecast
from necgs.hybrid.surface_error import surface_error
from necgs.settings import NecgsRate

TRAINED = {
    # bytes and error at the rates k128, k128-fine and k192, six shapes trained together
    "human_04_wave": ((1538, 1.19), (2606, 0.82), (2770, 0.80)),
    "dog_12_paw": ((1428, 1.24), (2443, 0.84), (2430, 0.82)),
    "object_04_inner_finger": ((2833, 1.23), (4960, 0.86), (4877, 0.86)),
    "object_12_stand": ((4943, 1.04), (8169, 0.73), (7349, 0.61)),
}
RATES = [NecgsRate(resolution=k, lambda_=price) for k, price in ((128, 4e-3), (128, 1e-3), (192, 4e-3))]


def ball(radius: float) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=5, radius=radius)


def test_the_error_of_concentric_balls_is_their_distance() -> None:
    assert surface_error(ball(0.6), ball(0.5)) == pytest.approx(100, rel=0.01)
    assert surface_error(ball(0.6), ball(0.6)) < 1e-3
    assert surface_error(ball(0.6), trimesh.Trimesh()) == inf


def test_it_is_about_what_the_benchmark_measures() -> None:
    fine = ball(0.8)
    coarse = trimesh.creation.icosphere(subdivisions=2, radius=0.8)
    measured = measure(fine, coarse, Protocol(samples=20_000))["surface_cd"]
    assert surface_error(fine, coarse) == pytest.approx(measured, rel=0.03)


def test_twice_the_resolution_is_twice_the_bend_of_a_ball_and_planes_have_none() -> None:
    assert bend(ball(0.9), 127, 4) == pytest.approx(2 * bend(ball(0.9), 64, 4), rel=0.1)
    tilted = trimesh.Trimesh(
        [[-0.9, -0.9, -0.5], [0.9, -0.9, 0], [0.9, 0.9, 0.5], [-0.9, 0.9, 0.0]], [[0, 1, 2], [0, 2, 3]]
    )
    assert bend(tilted, 128, 4) < 0.01 * bend(ball(0.5), 128, 4)


@pytest.mark.parametrize("name", TRAINED)
def test_the_forecast_is_near_what_training_gave(name: str) -> None:
    shape = next(shape for shape in mesh_datasets.load("sample").shapes if shape.name == name)
    mesh = normalize(shape.load())[0]
    for rate, (nbytes, error) in zip(RATES, TRAINED[name], strict=True):
        foretold = forecast(mesh, rate)
        assert nbytes == pytest.approx(foretold.nbytes, rel=0.16)
        assert MARGIN * foretold.error < error < 1.15 * foretold.error
