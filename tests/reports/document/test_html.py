import json
import re

import numpy as np
import pytest

from bench.execution.stored_meshes import StoredMeshes
from reports.explorer.scripts import d3
from reports.report import write_report
from reports.views.stills import EYE
from reports.views.viewer import SPAN, degrees, packed, three_js, unpacked
from reports.views.views import Panel, View
from tests.reports.meshes import write_run_with_meshes
from tests.reports.synthetic import Defects, write_run


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rates = [("octree", rate, 1) for rate in ("r1", "r2")]
    run = write_run_with_meshes(folder / "run", folder / "cache", defects=Defects(failing=rates))
    paths = write_report(run.path, formats=("png",), html=True, meshes=StoredMeshes(run, folder / "cache"))
    assert paths[-1].name == "report.html"
    return paths[-1]


def views_of(page):
    text = re.search(r'<script type="application/json" id="meshes">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(text.group(1))["views"]


def test_nothing_comes_from_elsewhere(page):
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)[^"']+""", text)


def test_tables_figures_failures_and_provenance_are_in_the_file(page):
    text = page.read_text()
    for part in (
        "Rate and distortion",
        "BD-rate",
        "Failures",
        "decode_failed",
        "Provenance",
        "set TMC3 to the program",
    ):
        assert part in text
    assert text.count("data:image/svg+xml;base64,") >= 4
    assert text.count("<table>") >= 4


def test_views_show_worst_median_and_best_with_every_codec_rate_and_failure(page):
    views = views_of(page)
    assert [view["role"] for view in views] == ["worst", "median", "best"]
    for view in views:
        keys = [panel.get("key") for panel in view["panels"]]
        assert keys == [None, "draco@r1", "draco@r2", "octree@r1", "octree@r2"]
    assert views[0]["shape"] == "shape_01"
    assert all("decode_failed" in panel["failure"] for panel in views[0]["panels"][3:])
    assert views[2]["panels"][1]["mean"] == pytest.approx(6, rel=0.3)  # noise of 10 in each coordinate


def test_a_mesh_survives_its_packing():
    rng = np.random.default_rng(0)
    vertices = rng.uniform(-1.2, 1.2, (70_000, 3)).astype(np.float32)
    faces = rng.integers(0, 70_000, (500, 3)).astype(np.int32)
    error = rng.uniform(0, 3, 70_000).astype(np.float32)
    text = packed(Panel("x", "", vertices, faces, error), 3.0)
    found, indices, parts = unpacked(text, 70_000, 500)
    np.testing.assert_allclose(found, vertices, atol=SPAN / 32767)
    np.testing.assert_array_equal(indices, faces)
    np.testing.assert_allclose(3 * parts, error, atol=3 / 255)


def test_the_camera_holds_each_mesh_however_it_is_turned():
    corners = np.float32([[1, 1, 1], [-1, 0, 0]])
    view = View("d", "s", "worst", (Panel("x", "", corners, np.zeros((0, 3), np.int32)),), 1.0)
    distance = np.linalg.norm(EYE)
    assert distance * np.sin(np.radians(degrees(view) / 2)) == pytest.approx(np.sqrt(3))
    assert degrees(View("d", "s", "worst", (), 1.0)) < degrees(view)


def test_the_still_images_lie_beside_the_page(page):
    (image,) = (page.parent / "figures").glob("views_*.png")
    assert image.stat().st_size > 20_000


def test_without_meshes_the_page_says_why_and_carries_no_viewer(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=2)
    (page,) = [
        p
        for p in write_report(run.path, formats=("svg",), html=True, meshes=StoredMeshes(run, tmp_path))
        if p.suffix == ".html"
    ]
    text = page.read_text()
    assert "No views of sample: no archive" in text
    assert "SPDX-License-Identifier: MIT" not in text  # three.js


def test_the_library_comes_from_trimesh_with_its_licence():
    library = three_js()
    assert "SPDX-License-Identifier: MIT" in library
    assert "THREE.TrackballControls" in library
    assert "</script" not in library


def test_the_plots_library_comes_from_mpld3_and_is_small():
    library = d3()
    assert "d3js.org" in library[:100]
    assert len(library) < 300_000
