"""What is told of a long run before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bench.execution.forecast import forecasts
from bench.planning.jobs import plan
from bench.planning.limits import Timeouts
from bench.planning.profile import Profile
from bench.results.spec import CodecSpec
from tests.bench.doubles import Rounding

NAME = "tests.bench.execution.test_forecast:Slow"


class Slow(Rounding):
    """Takes an hour a shape and step of its grid."""

    info = replace(Rounding.info, name="slow")

    def expected_seconds(self, rate: Any, shapes: int, context: Any) -> Mapping[str, float]:
        return {"fit": 1800.0 * shapes, "train": 3600.0 * shapes * rate.steps}


class SlowOnGpus(Slow):
    """The same, by its own account on a GPU."""

    info = replace(Rounding.info, name="slow-on-gpus", devices=("cpu", "cuda"))


def made(name: str = NAME, encode: float = 1e9, remeasure: bool = False, device: str = "cpu") -> list[str]:
    """The lines for a plan with two shapes, as far as they look at it."""
    jobs = plan([CodecSpec.parse(name)], Profile("p"), dataset="d", shapes="s", protocol="m", seed=0, device=device)
    request = SimpleNamespace(
        remeasure=remeasure,
        limits=SimpleNamespace(threads=1, timeouts=Timeouts(encode=encode)),
    )
    fake: Any = SimpleNamespace(request=request, prepared={"d": SimpleNamespace(references=[1, 2])})
    return list(forecasts(fake, jobs))


def test_the_hours_of_each_rate_stand_in_one_line() -> None:
    (line,) = made()
    assert "2 shapes of d" in line
    assert "g16: 33.0 h (fit 1.0, train 32.0); g256: 513.0 h (fit 1.0, train 512.0)" in line
    assert "--device cuda" in line


def test_a_timeout_that_is_too_short_is_told_with_one_that_is_not() -> None:
    (line,) = made(encode=50 * 3600.0)
    assert "g16: 33.0 h (fit 1.0, train 32.0);" in line
    assert f"more than the 50.0 h that it is allowed: --timeout {2 * 513 * 3600}" in line


@pytest.mark.parametrize("arguments", [{"name": "tests.bench.doubles:Rounding"}, {"remeasure": True}])
def test_nothing_is_told_where_nothing_takes_long(arguments: dict[str, Any]) -> None:
    assert made(**arguments) == []


def test_on_a_gpu_the_hours_are_told_without_the_hint_to_use_one() -> None:
    (line,) = made(f"{__name__}:SlowOnGpus", device="cuda")
    assert "33.0 h" in line
    assert "(cuda, from steps measured now)" in line
