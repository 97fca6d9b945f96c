import numpy as np
import pytest

from reports.bd_table import METRICS, anchor_table, bd_rates, choose_anchor, matrix_table
from reports.run_data import RunData
from tests.reports.synthetic import write_run


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
    octree, lossless = frame.loc[("surface error", "Octree")], frame.loc[("surface error", "Lossless")]
    assert octree["percent"] == pytest.approx(pairs["surface_cd"]["draco-simplify", "octree"].percent)
    assert octree["interval"].startswith("[")
    assert octree["why"] == ""
    assert np.isnan(lossless["percent"])
    assert "too few points" in lossless["why"]
    assert "Decimate + Draco" not in frame.index.get_level_values("title")


def test_the_two_directions_of_a_pair_undo_each_other(data):
    pairs = bd_rates(data, "sample", "surface_cd", replicates=0)
    there, back = pairs["octree", "draco-simplify"].percent, pairs["draco-simplify", "octree"].percent
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)
    table = matrix_table(data, "sample", pairs, "surface_cd")
    assert len(table.frame) == 5
    assert len(table.columns) == 6
