import math

import pytest
import trimesh

from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol, f1_key, penalty


def test_default_is_the_published_protocol():
    protocol = Protocol()
    assert (protocol.samples, protocol.thresholds) == (100_000, (0.005, 0.01))
    assert str(protocol) == "sampled+surface/1"


def test_name_in_a_row_tells_what_differs_from_the_default():
    assert str(Protocol(samples=500, seed=3)) == "sampled+surface/1 (samples=500, seed=3)"
    assert str(Protocol(name="mine/2")) == "mine/2"


def test_thresholds_from_a_file_may_be_a_list():
    assert Protocol(thresholds=[0.005, 0.01]) == Protocol()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"samples": 0}, "samples"),
        ({"thresholds": ()}, "thresholds"),
        ({"thresholds": (0.0,)}, "thresholds"),
        ({"thresholds": (float("nan"),)}, "thresholds"),
        ({"seed": -1}, "seed"),
    ],
)
def test_refuses_nonsense(settings, words):
    with pytest.raises(ValueError, match=words):
        Protocol(**settings)


@pytest.mark.parametrize(("threshold", "key"), [(0.005, "f1_005"), (0.01, "f1_01"), (0.1, "f1_1"), (0.0125, "f1_0125")])
def test_key_of_a_threshold(threshold, key):
    assert f1_key(threshold) == key


def test_penalty_is_half_the_diagonal_and_no_agreement():
    values = penalty(Protocol())
    assert {values[k] for k in ("cd", "surface_cd", "surface_p95", "surface_max")} == {math.sqrt(3) * 1e3}
    assert {values[k] for k in ("nc", "surface_nc", "f1_005", "f1_01", "surface_f1_005", "surface_f1_01")} == {0.0}
    assert all(math.isfinite(v) for v in values.values())


def test_penalty_has_the_keys_of_a_measurement():
    protocol = Protocol(samples=50, thresholds=(0.02,))
    sphere = trimesh.creation.icosphere(subdivisions=1)
    assert {*penalty(protocol), "reference_area"} == set(measure(sphere, sphere, protocol))
