"""Requests that cannot be run, or not into this folder: a message with the remedy, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.results.store import RunFolder
from bench.results.summary import over_seeds, summarise


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_a_missing_codec_is_named_before_any_work(command, run, capsys):
    assert main(command("Missing", "Rounding")) == 3
    assert "frobnicate" in (message := capsys.readouterr().err)
    assert "PATH" in message
    assert not run.path.exists()
    assert main(command("Missing", "OneRate", extra=("--skip-unavailable",))) == 0
    assert run.read_manifest()["skipped"][0]["name"] == "codec tests.bench.doubles:Missing"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--codecs", "nothing-like-it"], 2, "nothing-like-it"),
        (["--codecs", "tests.bench.doubles:Rounding:colour=3"], 2, "unknown setting colour; known: steps"),
        (["--codecs", "tests.bench.doubles:Rounding:steps=0"], 2, "steps must be positive"),
        (["--dataset", "folder:/nowhere/at/all"], 3, "/nowhere/at/all"),
        (["--dataset", "no-such-set"], 2, "no-such-set"),
        (["--dataset", "sample,sample"], 2, "two data sets"),
        (["--dataset", "sampel"], 2, "did you mean 'sample'?"),
        (["--device", "cuda:99"], 3, "device cuda:99: there is no"),
        (
            ["--profile", "no-such-profile"],
            2,
            "shipped: decoders, gpu-ci, paper, paper-ama, paper-points, quick, smoke",
        ),
        (["--profile", "quik"], 2, "did you mean 'quick'?"),
        (["--profile", __file__], 2, "a profile is a file whose name ends in .toml"),
        (["--rates", "g17"], 2, "has no rate g17; did you mean 'g16'?"),
    ],
)
def test_wrong_usage_is_explained(command, run, capsys, arguments, code, message):
    assert main([*command("Rounding"), *arguments]) == code
    assert message in capsys.readouterr().err
    assert not run.path.exists()


def test_runs_are_not_mixed(command, run, tmp_path, capsys, tiny_profile):
    assert main(command("OneRate")) == 0
    assert main(command("OneRate", extra=("--limit", "2"))) == 2
    assert "other shapes" in capsys.readouterr().err
    finer = tmp_path / "finer.toml"
    finer.write_text(tiny_profile.read_text().replace("500", "800"))
    assert main([*command("OneRate"), "--profile", str(finer)]) == 2
    assert "protocol" in capsys.readouterr().err


def test_two_seeds_are_one_run(command, run):
    assert main(command("OneRate")) == 0
    assert main(command("OneRate", extra=("--seed", "1"))) == 0
    assert [row["seed"] for row in run.set_rows()] == [0, 1]
    assert len({row["protocol"] for row in run.rows()}) == 1
    assert (over_seeds(summarise(run.rows()))["seeds"] == [2]).all()


def test_what_is_measured_in_two_ways_is_not_put_side_by_side(command, run, tmp_path, capsys, tiny_profile):
    """Nor does an interrupted change of the protocol begin anew."""
    finer = tmp_path / "finer.toml"
    finer.write_text(tiny_profile.read_text().replace("500", "800"))
    again = [*command("Rounding"), "--profile", str(finer), "--remeasure"]
    assert main(command("Rounding")) == 0
    assert main([*again, "--rates", "g16"]) == 2
    assert "several metric protocols" in capsys.readouterr().err
    assert main(["gate", str(run.path), "--baseline", str(tmp_path / "b.json"), "--update-baseline"]) == 2
    assert main([*again, "--dry-run"]) == 0
    assert "2 jobs, 1 to do" in capsys.readouterr().out
    assert main(again) == 0
    assert {row["protocol"] for row in run.rows()} == {"sampled+surface/1 (samples=800)"}


def test_nothing_is_encoded_where_archives_are_measured_again(command, run, capsys):
    assert main(command("Rounding", extra=("--rates", "g16"))) == 0
    assert main(command("Rounding", extra=("--remeasure",))) == 0
    assert "no archive: tests.bench.doubles:Rounding g256" in capsys.readouterr().err
    assert [row["rate"] for row in run.set_rows()] == ["g16"]


def test_a_rate_that_none_of_the_codecs_has(command, run, capsys):
    assert main(command("Rounding", "OneRate", extra=("--rates", "g16,only,q8"))) == 2
    assert "none of the codecs has a rate q8" in capsys.readouterr().err


def test_a_folder_of_somebody_elses_is_not_written_to(command, run, capsys):
    run.path.mkdir()
    (run.path / "thesis.tex").write_text("x")
    assert main(command("OneRate")) == 2
    assert "is not empty and no run folder: it holds thesis.tex" in capsys.readouterr().err
    assert sorted(path.name for path in run.path.iterdir() if path.name != ".lock") == ["thesis.tex"]


def test_rates_of_another_version_in_the_folder_are_named(command, run, capsys):
    assert main(command("Rounding")) == 0
    old = run.rows_path.read_text()
    run.rows_path.write_text(old.replace('"codec_version": "1"', '"codec_version": "0"'))
    capsys.readouterr()
    assert main(command("Rounding", extra=("--rates", "g16"))) == 0
    said = capsys.readouterr().err
    assert "warning: tests.bench.doubles:Rounding g256" in said
    assert "is of version 0 of the codec, which is 1 now" in said
    assert "Rounding g16 in" not in said
