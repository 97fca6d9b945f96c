"""Whether the packages that belong together were imported from one place: one wheel, or one checkout."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("necgs", "baselines", "reports", "mesh_datasets")


def expected_folder(package: str) -> Path:
    """Where ``package`` lies beside this one: in a wheel side by side, in a checkout the data sets in datasets/."""
    root = Path(__file__).resolve().parents[1]
    checkout = root / "datasets" / package
    return checkout if package == "mesh_datasets" and checkout.is_dir() else root / package


def strangers() -> dict[str, str]:
    """Package -> where Python finds it instead of where it belongs; empty when all is well.

    Another distribution, or a folder in the working directory, can have a package of the same name, and an older
    installation can stand in front of a checkout.
    """
    found = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        folder = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if folder != expected_folder(package):
            found[package] = str(folder or "nowhere")
    return found


def installed_version() -> str:
    """The version of the distribution, or where the checkout lies that runs without being installed."""
    try:
        return version("necgs-bench")
    except PackageNotFoundError:
        return f"(checkout in {Path(__file__).resolve().parents[1]}, not installed)"
