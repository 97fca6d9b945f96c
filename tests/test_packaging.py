"""The wheel: what it holds, and that it lives beside Hugging Face's ``datasets``.

The wheel is built from a copy of the sources, offline, and installed without its dependencies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("bench", "necgs", "baselines", "reports", "datasets")
PACKAGES = {"bench", "necgs", "baselines", "reports", "mesh_datasets"}
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated", "--quiet")

STAND_IN = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "datasets"
version = "99"
[tool.setuptools]
packages = ["datasets"]
"""


Pip = Callable[..., None]


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Pip:
    """Runs pip, which starts many times here and takes half the time with its bytecode kept."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.mktemp("bytecode"))
    empty = tmp_path_factory.mktemp("empty")

    def run(*arguments: str | Path) -> None:
        subprocess.run([*PIP, *map(str, arguments)], check=True, cwd=empty, env=kept)

    return run


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is made of: building leaves files in the folder that it builds."""
    copy = tmp_path_factory.mktemp("sources")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def build(pip: Pip, folder: Path, target: Path) -> Path:
    """The one wheel that is built from ``folder``."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", target, folder)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(pip: Pip, sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(pip, sources, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def stand_in(pip: Pip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a package called ``datasets``, like Hugging Face's."""
    folder = tmp_path_factory.mktemp("stand_in")
    (folder / "pyproject.toml").write_text(STAND_IN)
    (folder / "datasets").mkdir()
    (folder / "datasets" / "__init__.py").write_text("from datasets.inner import ANSWER\n")
    (folder / "datasets" / "inner.py").write_text("ANSWER = 42\n")
    return build(pip, folder, tmp_path_factory.mktemp("stand_in_wheel"))


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of this environment, without this project's own where it is installed."""
    folder = tmp_path_factory.mktemp("dependencies")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name not in PACKAGES | {"datasets"} and not path.name.startswith("necgs_bench"):
            (folder / path.name).symlink_to(path)
    return folder


class Environment:
    """A virtual environment with its own packages in front of borrowed dependencies."""

    def __init__(self, folder: Path, dependencies: Path) -> None:
        venv.create(folder, with_pip=False)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        self._folder, self._dependencies = folder, dependencies

    def unpack(self, wheel: Path) -> None:
        """What ``pip install`` does with a wheel of Python files, in no time."""
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(sysconfig.get_path("purelib", "venv", {"base": str(self._folder)}))

    def run(self, statement: str, folder: Path) -> str:
        """What Python prints when it runs ``statement`` in ``folder``."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        code = f"import sys; sys.path.append({str(self._dependencies)!r}); {statement}"
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, cwd=folder, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run_module(self, command: str, folder: Path) -> str:
        """What ``python -m COMMAND`` prints."""
        module, *arguments = command.split()
        run = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
        return self.run(f"import runpy; sys.argv[1:] = {arguments}; {run}", folder)


@pytest.fixture
def environment(tmp_path: Path, dependencies: Path) -> Environment:
    return Environment(tmp_path / "environment", dependencies)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path, sources: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    folders = {name: sources / ("datasets" if name == "mesh_datasets" else "") / name for name in PACKAGES}
    expected = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert inside == expected


def test_the_folder_of_the_data_sets_holds_packages_only() -> None:
    """A module directly in datasets/ would make a package ``datasets`` of it, in front of Hugging Face's."""
    assert [path.name for path in (ROOT / "datasets").iterdir() if path.is_file()] == []


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "ours second"])
def test_beside_a_package_called_datasets(ours_first, pip, wheel, stand_in, environment, tmp_path) -> None:
    """Both work, installed in either order; when one goes, the other stays whole."""
    for source in (wheel, stand_in) if ours_first else (stand_in, wheel):
        pip("--python", environment.python, "install", "--no-deps", "--no-index", "--no-compile", source)
    theirs = "import datasets; print(datasets.ANSWER)"
    ours = "import mesh_datasets as m; print(len(m.load('sample')), m.__file__)"
    answer, shapes, place = environment.run(f"{theirs}; {ours}", tmp_path).split()
    assert (answer, shapes) == ("42", "48")
    assert place.startswith(str(tmp_path))
    pip("--python", environment.python, "uninstall", "--yes", "datasets" if ours_first else "necgs-bench")
    assert environment.run(ours if ours_first else theirs, tmp_path).split()[0] == ("48" if ours_first else "42")


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_commands_run_from_any_folder(editable, wheel, sources, environment, tmp_path) -> None:
    """Also from one that has folders with the packages' names; data of other projects are called so."""
    if editable:
        hook = "import setuptools.build_meta as b, sys; b.build_editable(sys.argv[1])"
        subprocess.run([sys.executable, "-c", hook, str(tmp_path)], check=True, cwd=sources, capture_output=True)
        (wheel,) = tmp_path.glob("*.whl")
    environment.unpack(wheel)
    folder = tmp_path / "work"
    for name in ("datasets", "reports", "baselines", "mesh_datasets"):
        (folder / name).mkdir(parents=True)
    assert "48" in environment.run_module("bench datasets", folder)
    assert "compress" in environment.run_module("necgs --help", folder)
    assert "--out" in environment.run_module("mesh_datasets.sample.build --help", tmp_path)
    found = environment.run("import bench.installation as i; print(i.strangers(), i.__file__)", folder)
    assert found.startswith(f"{{}} {sources if editable else tmp_path}")


@pytest.mark.parametrize(
    "first", ["necgs.coding.container", "reports.document.table", "baselines.points.pcgcv2.__main__"]
)
def test_any_module_of_a_checkout_can_be_the_first_import(first) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    code = f"import {first}, mesh_datasets; print(mesh_datasets.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(ROOT)
