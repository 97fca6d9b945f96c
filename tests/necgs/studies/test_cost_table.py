"""The table of what a set costs, on a set of two."""

import json

import pytest

from necgs.studies import cost_table
from necgs.studies.cost_table import PHASES, cost_row, main


def test_a_line_says_what_a_set_costs():
    row = cost_row("procedural:2", None, 16, 4e-3)
    assert (row.shapes, row.resolution, row.epochs) == (2, 16, 1200)
    assert 10 < row.size < 20_000
    assert len(row.phases) == len(PHASES)
    assert all(seconds > 0 for seconds in row.phases)
    assert row.peak > 50e6
    assert 0 < row.cache < 16**3 * 2 * 8


def test_the_command_prints_a_line_for_each_set_and_resolution(capsys):
    assert main(["--dataset", "procedural:1", "--resolution", "8", "16"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert "cache MB/shape" in header
    assert [line.split()[:3] for line in lines] == [["procedural:1", "1", "8"], ["procedural:1", "1", "16"]]


def test_a_stopped_line_goes_on_with_what_was_spent(tmp_path, monkeypatch):
    whole = cost_row("procedural:2", None, 16, 4e-3)
    progress, told = cost_table._CpuContext.progress, []

    def stops_while_training(context, done, total, note=""):
        progress(context, done, total, note)
        told.append(note)
        if context.training_since is not None and len(told) > 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(cost_table, "_SECONDS_BETWEEN", 0.0)
    with monkeypatch.context() as once:
        once.setattr(cost_table._CpuContext, "progress", stops_while_training)
        with pytest.raises(KeyboardInterrupt):
            cost_row("procedural:2", None, 16, 4e-3, tmp_path)
    (spent,) = tmp_path.glob("*/spent.json")
    before = json.loads(spent.read_text())["train"]

    row = cost_row("procedural:2", None, 16, 4e-3, tmp_path)

    assert 0 < before < row.phases[PHASES.index("train")] * row.shapes
    assert (row.size, row.cache) == (whole.size, whole.cache)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]  # the same line once more begins at nothing
