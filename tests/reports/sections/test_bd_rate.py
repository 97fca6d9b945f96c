import json
from dataclasses import replace

import numpy as np
import pytest

from reports.run_data import RunData
from reports.sections.bd_rate import (
    METRICS,
    anchor_table,
    bd_rate_by_category_table,
    bd_rates,
    choose_anchor,
    matrix_table,
    too_few_rates,
)
from tests.reports.synthetic import LAWS, write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return RunData.load(write_run(tmp_path_factory.mktemp("run"), shapes=8).path)


def test_anchor_is_what_practitioners_do_where_it_was_run(data, tmp_path):
    assert choose_anchor(data, "sample") == "draco-simplify"
    other = RunData.load(write_run(tmp_path, codecs=["octree", "identity"], shapes=2).path)
    assert choose_anchor(other, "sample") == "octree"


def test_anchor_table_gives_numbers_with_intervals_or_reasons(data):
    pairs = {metric: bd_rates(data, "sample", metric, replicates=40) for metric in METRICS}
    frame = anchor_table(data, "sample", pairs, "draco-simplify").frame.set_index(["metric", "title"])
    octree = frame.loc[("surface error", "Octree")]
    assert octree["percent"] == pytest.approx(pairs["surface_cd"]["draco-simplify", "octree"].percent)
    assert octree["interval"].startswith("[")
    assert octree["why"] == ""
    necgs = frame.loc[("surface error", "NeCGS (ours)")]
    assert np.isnan(necgs["percent"])
    assert necgs["why"].startswith("insufficient overlap")
    assert "Decimate + Draco" not in frame.index.get_level_values("title")


def test_codecs_with_too_few_rates_are_named_once_and_controls_never(tmp_path, monkeypatch):
    monkeypatch.setitem(LAWS, "octree", replace(LAWS["octree"], marginal=[500, 1_100], shared=[0, 0]))
    data = RunData.load(write_run(tmp_path, shapes=6).path)
    pairs = {metric: bd_rates(data, "sample", metric, replicates=0) for metric in METRICS}
    tables = [
        anchor_table(data, "sample", pairs, "draco-simplify"),
        matrix_table(data, "sample", pairs["surface_cd"], "surface_cd"),
        bd_rate_by_category_table(data, "sample", "draco-simplify", replicates=0),
    ]
    for table in tables:
        assert "Draco" in table.markdown()
        assert not any(word in table.markdown() for word in ("too few", "Octree", "Lossless"))
    sentence = too_few_rates(data, "sample", pairs)
    assert "surface error: Octree;" in sentence
    assert "Lossless" not in sentence
    alone = RunData.load(write_run(tmp_path / "one", codecs=["draco", "identity"], shapes=2).path)
    assert too_few_rates(alone, "sample", {}) == ""


def test_the_two_directions_of_a_pair_undo_each_other(data):
    pairs = bd_rates(data, "sample", "surface_cd", replicates=0)
    there, back = pairs["octree", "draco-simplify"].percent, pairs["draco-simplify", "octree"].percent
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)
    table = matrix_table(data, "sample", pairs, "surface_cd")
    assert len(table.frame) == 4
    assert len(table.columns) == 5


def test_categories_are_compared_by_themselves(tmp_path):
    folder = write_run(tmp_path, codecs=["draco", "draco-simplify"], shapes=17)
    rows = [json.loads(line) for line in (folder.path / "rows.jsonl").read_text().splitlines()]
    for row in rows:
        if row["codec"] == "draco" and row.get("category") == "animals":
            row["bytes"] *= 2
    (folder.path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = bd_rate_by_category_table(RunData.load(folder.path), "sample", "draco-simplify", replicates=20)
    (line,) = table.frame.to_dict("records")
    assert line["title"] == "Draco"
    humans, animals = (1 + float(line[c].split(" %")[0]) / 100 for c in ("humans", "animals"))
    assert animals / humans == pytest.approx(2, rel=0.01)
    assert "[" in line["humans"]
    assert "[" not in line["objects"]
    assert [c.title for c in table.columns[1:]] == ["humans, 6 shapes", "animals, 6 shapes", "objects, 5 shapes"]


def test_an_interval_of_two_shapes_is_not_printed(tmp_path):
    data = RunData.load(write_run(tmp_path, codecs=["octree", "draco-simplify"], shapes=2).path)
    table = anchor_table(data, "sample", {"surface_cd": bd_rates(data, "sample", "surface_cd")}, "draco-simplify")
    assert table.frame["interval"].tolist() == ["2 shapes: no interval"]


def test_one_category_needs_no_table(tmp_path):
    data = RunData.load(write_run(tmp_path, codecs=["draco", "draco-simplify"], shapes=1).path)
    assert bd_rate_by_category_table(data, "sample", "draco-simplify") is None
