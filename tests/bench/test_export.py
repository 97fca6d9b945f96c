import csv
import io
import json
import math

import pandas as pd
import pytest

from bench.__main__ import main
from bench.metrics.point_psnr import psnr
from bench.results.mpeg_csv import COLUMNS, mpeg_csv, peak
from bench.results.store import RunFolder
from tests.reports.synthetic import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return write_run(tmp_path_factory.mktemp("run"), codecs=["draco", "octree"], shapes=3, rates=2)


def test_each_shape_is_a_line_in_the_columns_of_mmetric(run):
    lines = list(csv.DictReader(io.StringIO(mpeg_csv(run.rows())), delimiter=";"))
    shapes = [row for row in run.rows() if row["kind"] == "shape"]
    assert len(lines) == len(shapes)
    assert tuple(lines[0])[: len(COLUMNS)] == COLUMNS
    for line, row in zip(lines, shapes, strict=True):
        assert line["p_inputModelA"] == f"sample/{row['shape']}"
        assert line["frame"] == str(row["index"])
        points = row["codec"] == "octree"
        assert line["c2c_psnr"] == (str(row["d1_psnr"]) if points else "")
        assert float(line["surface_cd"]) == row["surface_cd"]


def test_no_error_is_infinite_and_names_are_no_formulas(run):
    rows = [dict(row) for row in run.rows()]
    row = next(row for row in rows if row["kind"] == "shape" and row["codec"] == "octree")
    row.update(d1_mse=0.0, dataset="=1+1")
    del row["d1_psnr"], row["d2_psnr"]
    for whole in rows:
        whole["dataset"] = row["dataset"]
    line = next(iter(csv.DictReader(io.StringIO(mpeg_csv([*rows[4:], *rows[:4]])), delimiter=";")))
    assert line["p_inputModelA"].startswith("'=1+1")
    assert "inf" in [found["c2c_psnr"] for found in csv.DictReader(io.StringIO(mpeg_csv(rows)), delimiter=";")]


def test_the_resolution_is_the_peak_behind_the_psnr():
    assert peak(2.5, psnr(2.5, 1023)) == 1023
    assert peak(0.0, math.inf) is None
    assert peak(math.nan, math.nan) is None


def test_the_other_forms_are_the_summary_and_the_reports_json(run, tmp_path, capsys):
    assert main(["export", str(run.path), "--format", "csv", "--out", str(tmp_path / "x" / "points.csv")]) == 0
    assert len(pd.read_csv(tmp_path / "x" / "points.csv")) == 4
    capsys.readouterr()
    assert main(["export", str(run.path), "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["points"]) == 4
    assert main(["export", str(tmp_path), "--format", "csv"]) == 2
    assert "no manifest.json" in capsys.readouterr().err
