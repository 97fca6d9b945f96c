import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from bench.execution.stored_meshes import StoredMeshes
from reports.report import write_report
from reports.views.stills import EYE
from reports.views.viewer import degrees, three_js
from reports.views.views import Panel, View
from tests.reports.meshes import write_run_with_meshes
from tests.reports.synthetic import Defects, write_run

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rates = [("octree", rate, 1) for rate in ("r1", "r2")]
    run = write_run_with_meshes(folder / "run", folder / "cache", defects=Defects(failing=rates))
    paths = write_report(run.path, formats=("png",), html=True, meshes=StoredMeshes(run, folder / "cache"))
    assert paths[-1].name == "report.html"
    return paths[-1]


def views_of(page):
    text = re.search(r'<script type="application/json" id="views">(.*?)</script>', page.read_text(), re.DOTALL)
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


def test_views_show_worst_median_and_best_with_every_codec_and_its_failures(page):
    views = views_of(page)
    assert [view["title"].partition(":")[0] for view in views] == ["worst", "median", "best"]
    assert all([panel["title"] for panel in view["panels"]] == ["Original", "Draco", "Octree"] for view in views)
    assert views[0]["title"].endswith("shape_01")
    assert "decode_failed" in views[0]["panels"][2]["failure"]
    assert views[2]["panels"][1]["errors"]


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
    assert "THREE" not in text


def test_the_library_comes_from_trimesh_with_its_licence():
    library = three_js()
    assert "SPDX-License-Identifier: MIT" in library
    assert "THREE.TrackballControls" in library
    assert "</script" not in library


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_browser_every_mesh_is_drawn_without_an_error_or_a_request(page, tmp_path):
    flags = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    flags += [f"--user-data-dir={tmp_path}", "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run([CHROMIUM, *flags, page.as_uri()], capture_output=True, text=True, timeout=200, check=False)
    assert 'data-drawn="8"' in done.stdout
    assert "CONSOLE" not in done.stderr
    assert "Refused to" not in done.stderr
