import csv

import numpy as np
import pytest

from bench.results.summary import COLUMNS, console_table, over_seeds, summarise, write_summary
from tests.reports.synthetic import PENALTY, Defects, write_run

PROMISED = "dataset codec rate shapes failed bytes bytes_shared bytes_per_shape ratio cd nc f1_005 f1_01".split()  # noqa: SIM905
PROMISED += "cd_floor f1_005_floor surface_cd surface_p95 surface_max surface_nc encode_s decode_s device".split()  # noqa: SIM905


def test_the_promised_columns_come_first():
    assert COLUMNS[:22] == PROMISED


def test_a_line_per_point_ordered_by_codec_then_bytes(tmp_path):
    frame = summarise(write_run(tmp_path, codecs=["necgs", "draco"], shapes=4).rows())
    assert frame["codec"].tolist() == ["draco"] * 5 + ["necgs"] * 5
    assert all(group["bytes"].is_monotonic_increasing for _, group in frame.groupby("codec"))


def test_means_sizes_and_ratio_equal_those_taken_by_hand(tmp_path):
    rows = write_run(tmp_path, codecs=["necgs"], shapes=6).rows()
    line = summarise(rows).iloc[0]
    shapes = [row for row in rows if row["kind"] == "shape" and row["rate"] == line["rate"]]
    assert line["surface_p95"] == pytest.approx(np.mean([row["surface_p95"] for row in shapes]))
    assert line["bytes"] == line["bytes_shared"] + sum(row["bytes"] for row in shapes)
    assert line["ratio"] == pytest.approx(6 * 300_000 / line["bytes"])
    assert line["bytes_per_shape"] == line["bytes"] / 6
    assert line["cd_median"] == pytest.approx(np.median([row["cd"] for row in shapes]))


def test_a_failed_shape_counts_with_its_penalty_and_is_named_worst(tmp_path):
    run = write_run(tmp_path, codecs=["octree"], shapes=4, rates=1, defects=Defects(failing=[("octree", "r1", 2)]))
    rows = run.rows()
    line = summarise(rows).iloc[0]
    assert line["failed"] == 1
    assert line["cd"] == pytest.approx(np.mean([row["cd"] for row in rows if row["kind"] == "shape"]))
    assert line["cd"] > PENALTY["cd"] / 4
    assert line["worst_shape"] == "shape_02"
    assert 0.5 < line["f1_005_floor"] < 0.99
    fine = [row["d1_psnr"] for row in rows if row["kind"] == "shape" and row["status"] == "ok"]
    assert line["d1_psnr"] == pytest.approx(np.mean(fine))


def test_a_metric_missing_for_one_shape_is_not_averaged_over_the_rest(tmp_path):
    rows = write_run(tmp_path, codecs=["draco"], shapes=3, rates=1).rows()
    del rows[0]["nc"]
    line = summarise(rows).iloc[0]
    assert np.isnan(line["nc"])
    assert line["cd"] > 0


def test_the_control_is_saturated_and_a_coarse_codec_is_not(tmp_path):
    frame = summarise(write_run(tmp_path, codecs=["identity", "octree"], shapes=5).rows())
    assert frame.loc[frame["codec"] == "identity", "saturated"].item() == 1
    assert frame.loc[frame["codec"] == "octree", "saturated"].iloc[0] == 0


def test_a_set_that_failed_as_a_whole_has_no_size(tmp_path):
    rows = write_run(tmp_path, codecs=["draco"], shapes=2, rates=1).rows()
    rows[-1] |= {"status": "timeout", "bytes": 0, "bytes_shared": 0, "failed": 2, "encode": None}
    line = summarise(rows).iloc[0]
    assert line["status"] == "timeout"
    assert np.isnan(line["ratio"])
    assert np.isnan(line["encode_s"])


def test_shapes_that_were_not_coded_make_no_set_smaller(tmp_path):
    rows = write_run(tmp_path, codecs=["draco"], shapes=4, rates=1).rows()
    before = summarise(rows).iloc[0]
    shape = next(row for row in rows if row["kind"] == "shape")
    whole = next(row for row in rows if row["kind"] == "set")
    whole |= {"failed": 1, "bytes": whole["bytes"] - shape["bytes"]}
    shape |= {"status": "timeout", "bytes": 0}
    line = summarise(rows).iloc[0]
    assert line["bytes_per_shape"] == pytest.approx(before["bytes_per_shape"], rel=0.35)
    assert line["bytes_per_shape"] == whole["bytes"] / 3
    assert line["ratio"] == pytest.approx(3 * 300_000 / whole["bytes"])


def test_seeds_are_lines_of_their_own_and_can_be_averaged(tmp_path):
    frame = summarise(write_run(tmp_path, codecs=["necgs"], shapes=3, seeds=[0, 1, 2]).rows())
    assert len(frame) == 15
    merged = over_seeds(frame)
    assert len(merged) == 5
    assert set(merged["seeds"]) == {3}
    first = frame[frame["rate"] == "r1"]
    assert merged["surface_cd"].iloc[0] == pytest.approx(first["surface_cd"].mean())


def test_summary_csv_is_written_beside_the_rows_and_empty_runs_have_a_header(tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2)
    with write_summary(run).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert run.summary_path.parent == run.path
    assert list(lines[0]) == COLUMNS
    assert len(lines) == 5
    empty = write_run(tmp_path / "empty", codecs=[], shapes=1)
    assert write_summary(empty).read_text().strip() == ",".join(COLUMNS)


def test_the_console_table_fits_a_terminal(tmp_path):
    text = console_table(write_run(tmp_path, shapes=3))
    assert "draco-simplify" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_terminal_gets_as_many_columns_as_fit(tmp_path):
    run = write_run(tmp_path, codecs=["draco-simplify"], shapes=2, rates=2)
    widths = {width: max(map(len, console_table(run, width).splitlines())) for width in (60, 80, 100, 200)}
    assert all(found <= width for width, found in widths.items())
    assert sorted(set(widths.values())) == list(widths.values())
    assert "surface" in console_table(run, 40)
    assert "enc MB" in console_table(run, 200)


def test_a_job_that_failed_as_a_whole_shows_no_penalties_as_results(tmp_path):
    run = write_run(
        tmp_path, codecs=["octree"], shapes=2, rates=1, defects=Defects(failing=[("octree", "r1", n) for n in (0, 1)])
    )
    line = console_table(run).splitlines()[-1]
    assert line.split() == ["octree", "r1", "failed", "2"]
