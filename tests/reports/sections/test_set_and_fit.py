"""Where a set codec's gain comes from, on rows whose bytes are known fractions of one another's; equal bytes."""

import json

import numpy as np
import pytest

from reports.run_data import RunData
from reports.sections.equal_bytes import equal_bytes_table, sizes
from reports.sections.set_and_fit import STEPS, set_and_fit_table
from tests.reports.synthetic import write_run

FRACTIONS = dict(zip(STEPS, (1.0, 0.8, 0.5, 0.25), strict=True))


def steps_run(path, fractions, animals=1.0):
    """A run of the steps: equal errors, and these fractions of the first's bytes; of animals' another factor."""
    folder = write_run(path, codecs=["draco-simplify"], shapes=9)
    file = folder.path / "rows.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    made = []
    for codec, fraction in fractions.items():
        for row in rows:
            factor = fraction * (animals if codec == "meshset" and row.get("category") == "animals" else 1.0)
            made.append(row | {"codec": codec, "job": codec + row["job"], "bytes": round(1000 * row["bytes"] * factor)})
    file.write_text("".join(json.dumps(row) + "\n" for row in made))
    return RunData.load(folder.path)


def percents(table, against, part):
    frame = table.frame[table.frame["against"] == against]
    return [float(cell.split(" %")[0]) for cell in frame[part]]


def test_each_step_is_compared_with_the_first_and_with_the_one_before(tmp_path):
    table = set_and_fit_table(steps_run(tmp_path, FRACTIONS, animals=0.5), "sample", replicates=20)
    first = table.frame["against"].iloc[0]
    assert percents(table, first, "humans") == pytest.approx([-20, -50, -75], abs=0.1)
    assert percents(table, "the step before", "humans") == pytest.approx([-20, -37.5, -50], abs=0.1)
    assert percents(table, first, "animals") == pytest.approx([-20, -50, -87.5], abs=0.1)
    assert percents(table, "the step before", "animals")[-1] == pytest.approx(-75, abs=0.1)
    assert -87.5 < percents(table, first, "all")[-1] < -75


def test_a_step_that_was_not_run_is_left_out_and_two_are_too_few(tmp_path):
    some = {codec: FRACTIONS[codec] for codec in ("draco-simplify", "draco-simplify:fit=on", "meshset")}
    table = set_and_fit_table(steps_run(tmp_path / "three", some), "sample", replicates=0)
    assert percents(table, "the step before", "all") == pytest.approx([-20, 100 * (0.25 / 0.8 - 1)], abs=0.1)
    few = {codec: FRACTIONS[codec] for codec in ("draco-simplify", "meshset")}
    assert set_and_fit_table(steps_run(tmp_path / "two", few), "sample", replicates=0) is None


def test_at_equal_bytes_the_anchor_has_its_measured_values_and_others_lie_between_theirs(tmp_path):
    data = RunData.load(write_run(tmp_path, codecs=["draco-simplify", "octree"], shapes=9).path)
    frame = equal_bytes_table(data, "sample").frame
    points = data.points.set_index(["codec", "bytes_per_shape"])
    assert set(frame["size"]) == set(sizes(data, "sample"))
    for line in frame[frame["codec"] == "draco-simplify"].to_dict("records"):
        measured = points.loc[("draco-simplify", line["size"])]
        for metric in ("surface_cd", "surface_max", "surface_nc"):
            assert line[metric] == pytest.approx(measured[metric])
    octree = data.points[data.points["codec"] == "octree"].sort_values("bytes_per_shape")
    for line in frame[frame["codec"] == "octree"].to_dict("records"):
        after = int(np.searchsorted(octree["bytes_per_shape"], line["size"]))
        ends = sorted(octree["surface_max"].iloc[after - 1 : after + 1])
        assert ends[0] <= line["surface_max"] <= ends[1]


def test_one_codec_alone_is_compared_with_nothing(tmp_path):
    data = RunData.load(write_run(tmp_path, codecs=["draco-simplify", "identity"], shapes=4).path)
    assert equal_bytes_table(data, "sample") is None
