"""What all tests share: GPU tests run where there is a GPU, slow ones where they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bench.codec.devices import gpu_count


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" not in config.getoption("markexpr"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") is None or gpu_count():
        return
    if os.environ.get("BENCH_REQUIRE_GPU") == "1":
        pytest.fail("a CUDA device is required here (BENCH_REQUIRE_GPU=1), and torch sees none", pytrace=False)
    pytest.skip("torch sees no CUDA device")


@dataclass(frozen=True)
class Device:
    """Where a test computes.

    Args:
        name: as torch takes it.
        exact: whether it computes as the CPU does, to the last digit.
    """

    name: str
    exact: bool


@pytest.fixture(params=["cpu", "pretended", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """The CPU, a CUDA device that is not there, and one that is."""
    if request.param == "pretended":
        from tests.pretended_cuda import PretendedCuda

        with PretendedCuda():
            yield Device("cuda", exact=True)
    else:
        yield Device(request.param, exact=request.param == "cpu")
