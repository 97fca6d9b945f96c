import json

import numpy as np
import pytest

from bench.results.rows import shape_rows
from reports.document.html import write_html
from reports.document.style import looks
from reports.explorer.colours import DARK, LIGHT, contrast, readable
from reports.explorer.content import content, embedded
from reports.explorer.measures import METRICS
from reports.explorer.page import explorer_page, page_style
from reports.run_data import RunData
from tests.reports.synthetic import Defects, write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    defects = Defects(failing=[("octree", "r2", 0)])
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), seeds=(0, 1), shapes=7, defects=defects).path)


def test_the_categories_add_up_to_the_summary(data):
    found = content(data)
    for point in found["datasets"][0]["points"]:
        codec = found["codecs"][point["codec"]]["id"]
        line = data.points[(data.points["codec"] == codec) & (data.points["rate"] == point["rate"])].iloc[0]
        groups = np.array(point["groups"])
        assert groups[:, 0].sum() == point["count"] == 2 * 7
        assert groups[:, 2].sum() == 2 * line["failed"]
        assert (point["shared"] + groups[:, 3].sum()) / groups[:, 5].sum() == pytest.approx(line["bytes_per_shape"])
        assert groups[:, 4].sum() / point["bytes"] == pytest.approx(line["ratio"], rel=1e-3)
        for name in METRICS:
            mean = (groups[:, 1] * [spread[0] for spread in point["metrics"][name]]).sum() / groups[:, 1].sum()
            assert mean == pytest.approx(line[name], rel=1e-5)
        assert point["encode_s"] == pytest.approx(line["encode_s"] / 7, rel=1e-5)


def test_spreads_are_those_of_the_shapes(data):
    found = content(data)
    point = next(p for p in found["datasets"][0]["points"] if found["codecs"][p["codec"]]["id"] == "draco")
    category = found["datasets"][0]["categories"].index("humans")
    mine = [
        r for r in shape_rows(data.rows) if (r["codec"], r["rate"], r["category"]) == ("draco", point["rate"], "humans")
    ]
    values = np.array([row["surface_cd"] for row in mine])
    mean, squares, least, most = point["metrics"]["surface_cd"][category]
    assert [mean, least, most] == pytest.approx([values.mean(), values.min(), values.max()], rel=1e-5)
    assert squares == pytest.approx(len(values) * values.var(), rel=1e-5)


def test_names_from_elsewhere_stay_text(tmp_path):
    evil = "</script><script>alert(1)</script><!--"
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=3, rates=2)
    text = run.rows_path.read_text().replace("shape_01", evil).replace('"humans"', json.dumps(evil))
    run.rows_path.write_text(text)
    data = RunData.load(run.path)
    assert json.loads(embedded(content(data))) == content(data)
    page = explorer_page(data, [], {evil: "x.html"})
    written = write_html(tmp_path / "x.html", [], page).read_text()
    assert "alert(1)" in written
    assert "</script><script>alert" not in written
    assert written.count("</script>") == len(page.parts) + len(page.scripts)


def test_colours_stand_out_on_both_backgrounds(data):
    for look in looks(data.codecs).values():
        assert contrast(readable(look.colour, LIGHT), LIGHT) >= 3
        assert contrast(readable(look.colour, DARK, 4.5), DARK) >= 4.5
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert readable("#0072b2", LIGHT) == "#0072b2"  # enough contrast already: it stays
    assert f"--paper: {LIGHT}" in page_style()
    assert f"--paper: {DARK}" in page_style()
