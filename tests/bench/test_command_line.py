"""What a user gets wrong: a line that says so and the documented exit code, never a traceback."""

import pytest

from tests.bench.command_line import run_command


@pytest.mark.parametrize(
    ("code", "message", "arguments"),
    [
        (2, "has no rate 'q99'; its ladder: q7", ("check_codec", "draco", "--rate", "q99")),
        (2, "unknown setting teeth", ("check_codec", "draco:teeth=3")),
        (2, "there is no codec 'nothing'", ("codecs", "nothing")),
        (2, "no data set is named 'nothing'", ("datasets", "nothing")),
        (2, "is not a run folder", ("compare", "nothing", "nothing")),
        (2, "is not a run folder", ("report", "nothing")),
        (2, "is not a run folder", ("gate", "nothing", "--baseline", "none.json")),
        (2, "is not a run folder", ("merge", "nothing", "-o", "{tmp}/out")),
        (2, "--site leaves no use for --out, --paper", ("report", "x", "--site", "d", "--paper", "--out", "{tmp}/out")),
        (2, "--check leaves no use for --html", ("report", "x", "--check", "--html")),
        (2, "none.ply", ("metrics", "{tmp}/none.ply", "{tmp}/none.ply")),
    ],
)
def test_a_wrong_input_is_one_line_and_an_exit_code(code, message, arguments, tmp_path, capsys):
    assert run_command(*(argument.format(tmp=tmp_path) for argument in arguments)) == code
    error = capsys.readouterr().err
    assert error.startswith(f"bench {arguments[0].replace('_', '-')}: ")
    assert message in error


@pytest.mark.parametrize(
    "option",
    [
        ("run", "--timeout", "nan"),
        ("run", "--timeout", "inf"),
        ("run", "--timeout", "-1"),
        ("run", "--memory-limit", "nan"),
        ("run", "--memory-limit", "0"),
        ("run", "--seed", "-1"),
        ("run", "--seed", str(1 << 63)),
        ("run", "--shard", "3/2"),
        ("gate", "run", "--baseline", "b.json", "--tolerance", "nan"),
        ("gate", "run", "--baseline", "b.json", "--tolerance", "inf"),
        ("gate", "run", "--baseline", "b.json", "--tolerance", "-1"),
        ("metrics", "a.ply", "b.ply", "--samples", "0"),
        ("run", "--codecs", ","),
        ("run", "--codecs", ""),
        ("run", "--rates", ","),
        ("run", "--dataset", " ,"),
    ],
)
def test_numbers_are_finite_and_in_range_and_lists_are_not_empty(option, capsys):
    with pytest.raises(SystemExit) as left:
        run_command(*option)
    assert left.value.code == 2
    assert f"argument {option[-2]}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("run", "--device", "gpu"), "'gpu' is no device (it can be auto, cpu, cuda, or some of several GPUs"),
        (
            ("check-codec", "draco", "--device", "auto"),
            "'auto' does not name one device (it can be cpu, cuda or cuda:1)",
        ),
        (("run", "--timeout", "10m"), "'10m' is not a finite number above 0, without a unit"),
        (("run", "--limit", "x"), "'x' is not a whole number from 1 on"),
        (("run", "--seed", "x"), "'x' is not a whole number from 0 to 2^63 - 1"),
        (("run", "--shard", "3/x"), "'3/x' is not of the form I/N"),
        (("run", "--codecs", ","), "',' holds no name; give one or more, comma separated"),
        (("gate", "run", "--baseline", "b.json", "--tolerance", "2%"), "'2%' is not a number from 0 to 100"),
        (("set-sizes", "--codecs", "draco", "--dataset", "sample", "--sizes", "4,x"), "'x' is not a whole number"),
    ],
)
def test_what_is_wrong_with_an_argument_is_said_in_words(option, message, capsys):
    with pytest.raises(SystemExit) as left:
        run_command(*option)
    assert left.value.code == 2
    assert f"argument {option[-2]}: {message}" in capsys.readouterr().err
