import pytest
import trimesh

from bench.metrics.floors import cd_floor, f1_floor, is_saturated
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol


def test_published_example():
    assert cd_floor(3.5, 3.5, 100_000) == pytest.approx(2.96e-3, rel=1e-3)
    assert f1_floor(3.5, 3.5, 100_000, 0.005) == pytest.approx(0.894, abs=5e-4)


def test_each_direction_counts_the_surface_that_is_searched():
    assert cd_floor(4.0, 16.0, 100) == pytest.approx((0.5 * 0.2 + 0.5 * 0.4) / 2)
    assert f1_floor(1.0, 1e9, 100, 0.01) < 1e-6  # one direction finds nothing


@pytest.mark.parametrize("samples", [20_000, 100_000])
@pytest.mark.parametrize(
    "mesh",
    [
        trimesh.creation.icosphere(subdivisions=4, radius=0.9),
        trimesh.creation.torus(0.7, 0.3, major_sections=80, minor_sections=40),
        trimesh.creation.box((2, 1, 0.5)),
    ],
    ids=["sphere", "torus", "box"],
)
def test_a_perfect_reconstruction_sits_on_the_floor(mesh, samples):
    values = measure(mesh, mesh, Protocol(samples=samples))
    assert values["cd"] == pytest.approx(values["cd_floor"], rel=0.02)
    assert values["f1_005"] == pytest.approx(values["f1_005_floor"], abs=0.01)
    assert values["f1_01"] == pytest.approx(values["f1_01_floor"], abs=0.01)
    assert values["saturated"] == 1.0


def test_saturation_begins_ten_percent_above_the_floor():
    assert is_saturated(1.09, 1.0)
    assert not is_saturated(1.11, 1.0)
