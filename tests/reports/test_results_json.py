import json
import math

import pytest

from bench.results.summary import COLUMNS, METRICS, summarise
from reports.results_json import BETTER, UNITS, results_text
from reports.run_data import RunData
from tests.reports.synthetic import Defects, write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    lost = Defects(failing=[("octree", "r1", 0)])
    return RunData.load(
        write_run(tmp_path_factory.mktemp("run"), codecs=["octree", "draco"], shapes=3, defects=lost).path
    )


def test_it_is_json_without_nan_and_the_points_are_the_summary(data):
    found = json.loads("".join(results_text(data)), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    summary = summarise(data.rows)
    assert len(found["points"]) == len(summary)
    for line, expected in zip(found["points"], summary.to_dict("records"), strict=True):
        assert list(line) == COLUMNS
        for name, value in expected.items():
            missing = isinstance(value, float) and not math.isfinite(value)
            assert line[name] is None if missing else line[name] == value


def test_every_shape_of_every_point_is_there(data):
    found = json.loads("".join(results_text(data)))
    assert len(found["shapes"]) == 3 * len(found["points"])
    assert {line["status"] for line in found["shapes"]} > {"ok"}
    names = {shape["name"] for shape in found["datasets"]["sample"]["shapes"]}
    assert {line["shape"] for line in found["shapes"]} <= names


def test_units_and_directions_are_of_columns_that_there_are():
    assert set(UNITS) <= set(COLUMNS)
    assert set(METRICS) - {"saturated"} <= set(BETTER)
    assert set(BETTER) <= set(COLUMNS)
