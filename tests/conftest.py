"""What all tests share: GPU tests run where there is a GPU, slow ones where they are asked for."""

from __future__ import annotations

import os

import pytest

from bench.machine import cuda_available


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" not in config.getoption("markexpr"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") is None or cuda_available():
        return
    if os.environ.get("BENCH_REQUIRE_GPU") == "1":
        pytest.fail("a CUDA device is required here (BENCH_REQUIRE_GPU=1), and torch sees none", pytrace=False)
    pytest.skip("torch sees no CUDA device")
