"""What an installed package needs beside its modules must be installed with it."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "necgs", "baselines", "datasets", "reports")


def test_every_data_file_is_packaged():
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], capture_output=True, text=True, cwd=ROOT, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    data = [Path(line) for line in tracked.stdout.splitlines() if not line.endswith(".py")]
    assert [str(path) for path in data if not any(fnmatch(path.name, pattern) for pattern in patterns)] == []
