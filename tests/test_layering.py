"""The structure of the project: arrows between packages point down, and light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch",
    "open3d",
    "trimesh",
    "pandas",
    "seaborn",
    "matplotlib",
    "scipy",
    "pymeshlab",
    "DracoPy",
    "numba",
    "igl",
}
CONTRACT = {"bench.codec", "bench.context", "bench.errors"}
# What each package may import of the others. The command line sits on top and may call everything.
ALLOWED = {
    "datasets": set(),
    "necgs": {"datasets", *CONTRACT},
    "baselines": {"necgs", "datasets", *CONTRACT},
    # D1 and D2 compare with the cloud that the point codecs start from.
    "bench": {"datasets", "baselines.voxelize"},
    "reports": {"bench"},
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_arrows_point_down(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        if "commands" in path.parts:
            continue
        for name in imports(path):
            top = name.partition(".")[0]
            if top not in ALLOWED or top == package:
                continue
            below = any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[package])
            assert below, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize(
    "statement", ["import bench.__main__ as m; m.build_parser()", "from bench.commands import codecs"]
)
def test_the_command_line_answers_without_heavy_imports(statement):
    code = f"import sys; {statement}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_describing_all_codecs_imports_nothing_heavy():
    code = (
        "import sys; from bench import registry; from bench.commands.codecs import describe; "
        f"[describe(name) for name in registry.names()]; print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []
