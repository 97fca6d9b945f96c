"""The table of what a set costs, on a set of two."""

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
