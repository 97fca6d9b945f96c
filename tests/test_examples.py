"""The example codecs of docs/examples keep the contract, and the first is the README's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from bench import registry
from bench.codec import Archive, Context, CorruptArchive, Part

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
CODECS = ("mycodec:Grid", "mysetcodec:SharedFaces")


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


def test_the_readme_shows_the_first_example():
    assert f"```python\n{(EXAMPLES / 'mycodec.py').read_text()}```" in (ROOT / "README.md").read_text()


def test_links_of_the_page_lead_somewhere():
    page = (ROOT / "docs" / "adding-a-codec.md").read_text()
    assert [link for link in re.findall(r"\]\(([^)#]+)\)", page) if not (ROOT / "docs" / link).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CODECS)
def test_the_conformance_kit_passes(name):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench", "check-codec", name]
    done = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CODECS)
def test_every_damaged_part_is_noticed(name, tmp_path):
    codec = registry.get(name)
    meshes = [trimesh.creation.icosphere(subdivisions=1), trimesh.creation.box()]
    archive = codec.encode(meshes, codec.rate_type(), Context(scratch=tmp_path))
    data = archive.shapes[1].data
    for damaged in (data[:-1], data[: len(data) // 2], data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]):
        context = Context(scratch=tmp_path)
        decoded = codec.decode(Archive((archive.shapes[0], Part(damaged)), archive.shared), context)
        assert {index: failure.status for index, failure in context.failures.items()} == {1: "corrupt"}
        assert np.array_equal(decoded[0].faces, meshes[0].faces)


@pytest.mark.parametrize("name", CODECS)
def test_an_invalid_mesh_fails_alone(name, tmp_path):
    codec, context = registry.get(name), Context(scratch=tmp_path)
    archive = codec.encode([trimesh.Trimesh(), trimesh.creation.box()], codec.rate_type(), context)
    assert {index: failure.status for index, failure in context.failures.items()} == {0: "invalid_mesh"}
    assert len(codec.decode(archive, Context(scratch=tmp_path))[1].faces) == 12


def test_shapes_of_one_connectivity_pay_for_it_once(tmp_path):
    codec = registry.get("mysetcodec:SharedFaces")
    sphere = trimesh.creation.icosphere(subdivisions=3)
    egg = trimesh.Trimesh(sphere.vertices * [1, 0.5, 0.5], sphere.faces, process=False)
    rate = codec.rate_type(bits=12)
    alone = codec.encode([sphere], rate, Context(scratch=tmp_path))
    both = codec.encode([sphere, egg], rate, Context(scratch=tmp_path))
    assert both.shared.data == alone.shared.data
    for mesh, decoded in zip((sphere, egg), codec.decode(both, Context(scratch=tmp_path)), strict=True):
        assert np.abs(decoded.vertices - mesh.vertices).max() <= 1 / 4095 + 1e-12
        assert np.array_equal(decoded.faces, mesh.faces)


def test_impossible_headers_are_refused(tmp_path):
    codec = registry.get("mysetcodec:SharedFaces")
    archive = codec.encode([trimesh.creation.box()], codec.rate_type(), Context(scratch=tmp_path))
    context = Context(scratch=tmp_path)
    shared = codec.decode_shared(archive.shared.data, context)
    data = archive.shapes[0].data
    for head in (np.array([1, 10], "<u4"), np.array([0, 40], "<u4")):
        with pytest.raises(CorruptArchive):
            codec.decode_shape(shared, head.tobytes() + data[8:], context)
    with pytest.raises(CorruptArchive):
        codec.decode_shared(archive.shared.data[:-3], context)


def test_the_notebook_runs(tmp_path):
    notebook = json.loads((EXAMPLES / "first_run.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    (tmp_path / "cells.py").write_text(
        "\n".join([*cells, "print(int(points['failed'].sum()), len(shapes), len(data) > 0)"])
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NECGS_BENCH_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "cells.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250
    )
    assert done.stdout.splitlines()[-1:] == ["0 8 True"], done.stderr[-2000:]
