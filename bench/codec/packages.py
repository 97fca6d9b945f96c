"""Whether optional packages are installed."""

from __future__ import annotations

from importlib.util import find_spec

from bench.codec.interface import Availability


def missing_packages(*modules: str, **packages: str) -> Availability:
    """Available where all ``modules`` can be found; they are not imported.

    Args:
        modules: installed by packages of their own names.
        packages: module -> the package that installs it, where that has another name.
    """
    wanted = {**{name: name for name in modules}, **packages}
    absent = [package for name, package in wanted.items() if find_spec(name) is None]
    if not absent:
        return Availability(ok=True)
    return Availability(False, f"package {', '.join(absent)} is not installed", f"type: pip install {' '.join(absent)}")
