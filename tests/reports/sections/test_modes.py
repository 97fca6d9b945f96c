"""The count of shapes by mode."""

from __future__ import annotations

from dataclasses import replace

from reports.run_data import RunData
from reports.sections.modes import modes_table
from tests.reports.synthetic import write_run


def test_shapes_are_counted_by_mode_and_rate_smallest_archive_first(tmp_path):
    data = RunData.load(write_run(tmp_path, shapes=6, rates=2, codecs=["draco", "octree"]).path)
    assert modes_table(data, "sample") is None
    shapes = data.shapes.copy()
    chosen = (shapes["codec"] == "draco") & (shapes["index"] > 0)
    shapes.loc[chosen, "mode"] = "mesh"
    shapes.loc[chosen & (shapes["rate"] == "r2") & (shapes["index"] == 3), "mode"] = "volume"
    text = modes_table(replace(data, shapes=shapes), "sample").markdown()
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    assert lines[0] == ["Codec", "Rate", "mesh", "volume"]
    assert lines[2:] == [["Draco", "r1", "5", "0"], ["Draco", "r2", "4", "1"]]
