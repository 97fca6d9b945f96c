from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def meshes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small closed meshes as files."""
    import trimesh

    folder = tmp_path_factory.mktemp("shapes")
    trimesh.creation.icosphere(subdivisions=2).export(folder / "a_sphere.ply")
    trimesh.creation.torus(1.0, 0.3, major_sections=16, minor_sections=8).export(folder / "b_torus.ply")
    trimesh.creation.box().subdivide().export(folder / "c_box.ply")
    return folder


@pytest.fixture(scope="session")
def tiny_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile whose measurements cost nothing."""
    path = tmp_path_factory.mktemp("profile") / "tiny.toml"
    path.write_text(
        'description = "for tests"\nsamples = 500\ntimeout_s = { encode = 60, decode = 60, measure = 60 }\n'
    )
    return path


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def command(tmp_path: Path, meshes_dir: Path, tiny_profile: Path, cache_dir: Path):
    """Arguments of ``bench run`` on the three meshes, into ``tmp_path / "run"``."""

    def build(*codecs: str, extra: tuple[str, ...] = ()) -> list[str]:
        names = ",".join(f"tests.bench.doubles:{codec}" for codec in codecs)
        return [
            *("run", "--codecs", names, "--dataset", f"folder:{meshes_dir}", "--profile", str(tiny_profile)),
            *("--out", str(tmp_path / "run"), "--cache", str(cache_dir), "--device", "cpu", "--workers", "2"),
            *extra,
        ]

    return build


@pytest.fixture(autouse=True)
def _workers_find_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes import the test doubles, wherever pytest was started."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
