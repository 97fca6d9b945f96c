from pathlib import Path

import pytest

import bench.__main__
import necgs.__main__
from bench import registry
from bench.commands import compare, fetch
from bench.commands.gate import _baseline


@pytest.mark.parametrize("program", [bench.__main__, necgs.__main__])
def test_without_a_command_the_help_is_shown(program, capsys):
    assert program.main([]) == 2
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize("program", [bench.__main__, necgs.__main__])
def test_the_version_is_told(program, capsys):
    with pytest.raises(SystemExit) as stop:
        program.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("necgs-bench ")


def test_a_misspelt_codec_is_guessed():
    with pytest.raises(registry.UnknownCodec, match="did you mean 'draco'"):
        registry.get("drako")
    with pytest.raises(registry.UnknownCodec, match="'zzzzz'; known: "):
        registry.get("zzzzz")


def test_a_shipped_baseline_is_found_by_its_name_and_a_file_goes_before_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _baseline("smoke") == Path(bench.__main__.__file__).parent / "gates" / "smoke.json"
    (tmp_path / "smoke").write_text("{}")
    assert _baseline("smoke") == Path("smoke")
    assert _baseline("other.json") == Path("other.json")


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        (compare, ["compare", "a", "b"], "\ninterrupted\n"),
        (
            fetch,
            ["fetch", "ama"],
            "\ninterrupted; what is finished is stored, the same command goes on from there\n",
        ),
    ],
)
def test_only_a_command_that_goes_on_says_so_when_it_is_interrupted(module, arguments, said, monkeypatch, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run", interrupted)
    assert bench.__main__.main(arguments) == 130
    assert capsys.readouterr().err == said
