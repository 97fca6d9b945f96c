"""constraints.txt pins every dependency for every Python that pyproject.toml claims."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    return [Requirement(line) for line in (*PROJECT["dependencies"], *extras["test"], *extras["types"])]


def pins(environment: dict[str, str]) -> dict[str, str]:
    """Package -> its pinned version there."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pinned
        if pin.marker is None or pin.marker.evaluate(environment)
    }


@pytest.mark.parametrize("system", [("Linux", "linux", "x86_64"), ("Darwin", "darwin", "arm64")], ids=lambda s: s[0])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_within_its_range(python, system):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= dict(zip(("platform_system", "sys_platform", "platform_machine"), system, strict=True))
    pinned = pins(environment)
    wanted = [one for one in requirements() if one.marker is None or one.marker.evaluate(environment)]
    assert [
        str(one) for one in wanted if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"))
    ] == []


def test_the_claimed_pythons_are_those_that_are_pinned():
    classifiers = [line for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert [line.rpartition(" ")[2] for line in classifiers] == list(PYTHONS)
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in (ROOT / "README.md").read_text()
