from bench.__main__ import main
from bench.commands import preparing
from bench.commands.preparing import Preparing


def test_a_line_every_few_seconds_and_none_where_it_takes_less(capsys):
    seconds = iter([0, 1, 4.9, 5, 9, 10.5, 16])
    told = Preparing(lambda: next(seconds))
    for done in range(1, 7):
        told("ama", done, 6)
    assert capsys.readouterr().err == "preparing 3 of 6 shapes of ama\npreparing 5 of 6 shapes of ama\n"


def test_a_run_tells_how_far_its_shapes_are_unless_it_is_to_be_quiet(command, monkeypatch, capsys):
    monkeypatch.setattr(preparing, "EVERY_S", 0.0)
    assert main([*command("OneRate"), "--dry-run"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("preparing ")]
    assert [line.split(" shapes of ")[0] for line in lines] == ["preparing 1 of 3", "preparing 2 of 3"]
    assert main([*command("OneRate"), "--dry-run", "--quiet"]) == 0
    assert "preparing" not in capsys.readouterr().err
