import json
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.comparison.compare import Finding, Kind, Tolerance
from bench.comparison.gate import exit_code, gate
from bench.comparison.gate_reference import Baseline, InvalidBaseline
from bench.results.store import RunFolder
from tests.bench.command_line import run_command
from tests.reports.synthetic import Defects, write_run

SHAPES = 10


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baseline")
    path = folder / "baseline.json"
    Baseline.of(write_run(folder / "run", shapes=SHAPES)).write(path)
    return path


def judge(stored, path, **options):
    defects = options.pop("defects", None)
    return gate(Baseline.read(stored), Baseline.of(write_run(path, shapes=SHAPES, defects=defects, **options)))


def regressions(verdict):
    return [(f.codec, f.rate, f.what) for f in verdict.findings if f.kind is Kind.REGRESSION]


def test_an_unchanged_rerun_passes(stored, tmp_path):
    verdict = judge(stored, tmp_path)
    assert verdict.code == 0
    assert {finding.kind for finding in verdict.findings} == {Kind.UNCHANGED}
    assert "passed" in verdict.markdown()


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_neural_rerun_with_training_noise_passes(stored, tmp_path, seed):
    assert judge(stored, tmp_path, defects=Defects(noise_seed=seed)).code == 0


def test_one_more_quantisation_step_is_caught(stored, tmp_path):
    verdict = judge(stored, tmp_path, defects=Defects(error_factor={"draco": 1.001}))
    assert verdict.code == 1
    assert len(regressions(verdict)) == 5
    assert all(codec == "draco" and "surface_cd" in what for codec, _, what in regressions(verdict))


@pytest.mark.parametrize("codec", ["draco", "necgs"])
def test_a_codec_three_percent_larger_is_caught(stored, tmp_path, codec):
    verdict = judge(stored, tmp_path, defects=Defects(bytes_factor={codec: 1.03}))
    assert verdict.code == 1
    assert {found[0] for found in regressions(verdict)} == {codec}
    if codec == "necgs":
        assert any("BD-rate (surface error) +3.0" in what for _, rate, what in regressions(verdict) if rate == "all")
    else:
        assert any("bytes" in what and "+3.00 %" in what for *_, what in regressions(verdict))


@pytest.mark.parametrize("codec", ["octree", "necgs"])
def test_one_failing_shape_is_caught_and_named(stored, tmp_path, codec):
    verdict = judge(stored, tmp_path, defects=Defects(failing=[(codec, "r2", 3)]))
    assert verdict.code == 1
    assert regressions(verdict) == [(codec, "r2", "1 shape failed: shape_03")]


def test_a_neural_codec_that_ruins_one_shape_is_caught(stored, tmp_path):
    run = write_run(tmp_path, shapes=SHAPES)
    lines = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    for row in lines:
        if row["codec"] == "necgs" and row["kind"] == "shape" and row["index"] == 2 and row["rate"] == "r4":
            row |= {"surface_cd": 3 * row["surface_cd"], "decoded_sha256": "f" * 64}
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    found = regressions(gate(Baseline.read(stored), Baseline.of(run)))
    assert any(rate == "r4" and "worst shape (shape_02)" in what for _, rate, what in found)


def test_a_missing_codec_is_lost_coverage(stored, tmp_path):
    verdict = judge(stored, tmp_path, codecs=["draco", "draco-simplify", "identity", "octree"])
    assert verdict.code == 4
    (finding,) = [f for f in verdict.findings if f.kind is Kind.MISSING]
    assert (finding.codec, finding.rate) == ("necgs", "all")
    assert "5 rows" in finding.what


def test_a_missing_rate_is_lost_coverage(stored, tmp_path):
    run = write_run(tmp_path, shapes=SHAPES)
    lines = [line for line in run.rows_path.read_text().splitlines() if json.loads(line)["rate"] != "r4"]
    run.rows_path.write_text("\n".join(lines) + "\n")
    verdict = gate(Baseline.read(stored), Baseline.of(run))
    assert verdict.code == 4
    missing = {(f.codec, f.rate) for f in verdict.findings if f.kind is Kind.MISSING}
    assert missing == {(codec, "r4") for codec in ("draco", "draco-simplify", "necgs", "octree")}


def test_a_codec_that_could_not_run_is_unmeasurable(stored, tmp_path):
    run = write_run(tmp_path, shapes=SHAPES, codecs=["draco", "draco-simplify", "identity", "octree"])
    run.write_manifest(run.read_manifest() | {"skipped": [{"name": "codec necgs", "reason": "no device"}]})
    verdict = gate(Baseline.read(stored), Baseline.of(run))
    assert verdict.code == 3
    assert {f.codec for f in verdict.findings if f.kind is Kind.UNMEASURABLE} == {"necgs"}


def test_another_metric_protocol_is_not_measurable(stored, tmp_path):
    run = write_run(tmp_path, shapes=SHAPES)
    text = run.rows_path.read_text().replace("sampled+surface-1", "sampled+surface-2")
    run.rows_path.write_text(text)
    verdict = gate(Baseline.read(stored), Baseline.of(run))
    assert verdict.code == 3
    assert "sampled+surface-1 became sampled+surface-2" in verdict.markdown()


@pytest.mark.parametrize("metric", ["surface_cd", "cd", "nc", "f1_005"])
def test_a_metric_that_changed_without_a_new_protocol_is_noticed(stored, tmp_path, metric):
    run = write_run(tmp_path, shapes=SHAPES)
    lines = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    for row in lines:
        if row["kind"] == "shape" and row["codec"] == "octree":
            row[metric] *= 1.01
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    verdict = gate(Baseline.read(stored), Baseline.of(run))
    assert verdict.code == 3
    found = [f for f in verdict.findings if f.kind is Kind.UNMEASURABLE]
    assert {f.codec for f in found} == {"octree"}
    assert all(f"measured otherwise: {metric}" in f.what for f in found)


def test_other_shapes_are_not_measurable(stored, tmp_path):
    run = write_run(tmp_path, shapes=SHAPES + 1)
    assert gate(Baseline.read(stored), Baseline.of(run)).code == 3


def test_a_run_without_results_is_not_a_passed_gate(stored, tmp_path):
    assert judge(stored, tmp_path, codecs=[]).code == 3


def test_what_only_became_better_passes_and_is_listed(stored, tmp_path):
    defects = Defects(bytes_factor={"draco": 0.97, "necgs": 0.9})
    verdict = judge(stored, tmp_path, defects=defects)
    assert verdict.code == 0
    assert {f.codec for f in verdict.findings if f.kind is Kind.IMPROVEMENT} == {"draco", "necgs"}


def test_new_rows_pass_and_are_listed(tmp_path):
    path = tmp_path / "small.json"
    Baseline.of(write_run(tmp_path / "a", shapes=SHAPES, codecs=["draco"])).write(path)
    verdict = judge(path, tmp_path / "b", codecs=["draco", "identity"])
    assert verdict.code == 0
    assert [f.codec for f in verdict.findings if f.kind is Kind.NEW] == ["identity"]


def judge_times(stored, path, **clocks):
    """The verdicts, on the baseline's machine and on another one, where one encoding's clocks became ``clocks``."""
    run = write_run(path, shapes=SHAPES)
    lines = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    next(row for row in lines if (row["kind"], row["codec"]) == ("set", "draco-simplify"))["encode"].update(clocks)
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    before, after = (replace(b, machine="abc") for b in (Baseline.read(stored), Baseline.of(run)))
    return gate(before, after), gate(replace(before, machine="def"), after)


def test_time_counts_on_an_equal_machine_only(stored, tmp_path):
    verdict, elsewhere = judge_times(stored, tmp_path, cpu_s=150.0)
    assert (verdict.code, elsewhere.code) == (1, 0)
    assert regressions(verdict) == [("draco-simplify", "r1", "encode: 1.1 CPU s became 150.0 s on the same machine")]


def test_a_busy_machine_is_no_regression(stored, tmp_path):
    assert judge_times(stored, tmp_path, wall_s=150.0)[0].code == 0


@pytest.mark.parametrize("clocks", [{"cpu_s": 150.0, "recalled_s": 9.0}, {"cpu_s": None}])
def test_a_step_whose_work_was_not_clocked_as_a_whole_tells_nothing_of_its_time(stored, tmp_path, clocks):
    assert judge_times(stored, tmp_path, **clocks)[0].code == 0


def test_regressions_outweigh_lost_rows_and_those_outweigh_unmeasurable_ones():
    def code(*kinds):
        return exit_code([Finding(kind, "d", "c", "r", "") for kind in kinds])

    assert code(Kind.MISSING, Kind.REGRESSION, Kind.UNMEASURABLE) == 1
    assert code(Kind.MISSING, Kind.UNMEASURABLE) == 4
    assert code(Kind.NEW, Kind.IMPROVEMENT, Kind.UNCHANGED) == 0


def test_a_baseline_file_is_small_reads_back_and_is_reviewable(stored):
    baseline = Baseline.read(stored)
    assert len(baseline.points) == 21
    assert baseline.points["sample", "draco", "r1", 0].shapes is None
    assert len(baseline.points["sample", "necgs", "r1", 0].shapes.names) == SHAPES
    assert stored.stat().st_size < 40_000
    assert max(map(len, stored.read_text().splitlines())) < 2_500


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}'])
def test_what_is_no_baseline_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InvalidBaseline, match=r"x\.json"):
        Baseline.read(path)


def test_command_updates_then_passes_then_fails_and_writes_the_summary_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    good = write_run(tmp_path / "good", shapes=4, codecs=["draco"])
    bad = write_run(tmp_path / "bad", shapes=4, codecs=["draco"], defects=Defects(bytes_factor={"draco": 1.03}))
    baseline = ["--baseline", str(tmp_path / "b.json")]
    assert run_command("gate", str(good.path), *baseline) == 2
    assert "--update-baseline" in capsys.readouterr().err
    assert run_command("gate", str(good.path), *baseline, "--update-baseline") == 0
    assert run_command("gate", str(good.path), *baseline) == 0
    assert run_command("gate", str(bad.path), *baseline) == 1
    assert "| regression | sample | draco | r1 | bytes" in page.read_text()
    assert run_command("gate", str(bad.path), *baseline, "--update-baseline") == 0
    assert run_command("gate", str(bad.path), *baseline) == 0
    assert run_command("gate", str(tmp_path), *baseline) == 2


@pytest.mark.parametrize(("larger", "code"), [(1.0, 0), (1.03, 1)])
def test_a_summary_page_that_cannot_be_written_does_not_change_the_verdict(larger, code, tmp_path, monkeypatch, capsys):
    good = write_run(tmp_path / "good", shapes=2, codecs=["draco"])
    run = write_run(tmp_path / "run", shapes=2, codecs=["draco"], defects=Defects(bytes_factor={"draco": larger}))
    Baseline.of(good).write(tmp_path / "b.json")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "page.md"))
    assert run_command("gate", str(run.path), "--baseline", str(tmp_path / "b.json")) == code
    assert f"the summary page {tmp_path / 'none' / 'page.md'} cannot be written" in capsys.readouterr().err


def test_a_baseline_of_another_format_can_be_made_anew_and_other_files_are_left_alone(tmp_path, capsys):
    run = write_run(tmp_path / "run", shapes=2, codecs=["draco"])
    path = tmp_path / "b.json"
    path.write_text('{"format": 1, "points": []}')
    assert run_command("gate", str(run.path), "--baseline", str(path)) == 2
    assert "--update-baseline" in capsys.readouterr().err
    assert run_command("gate", str(run.path), "--baseline", str(path), "--update-baseline") == 0
    assert run_command("gate", str(run.path), "--baseline", str(path)) == 0
    path.write_text("# Readme")
    assert run_command("gate", str(run.path), "--baseline", str(path), "--update-baseline") == 2
    assert path.read_text() == "# Readme"


def test_the_tolerance_is_for_codecs_that_are_not_deterministic(stored, tmp_path):
    larger = write_run(tmp_path, shapes=SHAPES, defects=Defects(bytes_factor={"necgs": 1.03}))
    assert gate(Baseline.read(stored), Baseline.of(larger), Tolerance(bd_rate=0.04, size=0.04)).code == 0
    with pytest.raises(ValueError, match="finite number from 0"):
        Tolerance(size=-1)


def test_a_folder_that_is_no_run_cannot_be_a_baseline(tmp_path):
    assert run_command("gate", str(tmp_path), "--baseline", str(tmp_path / "b.json"), "--update-baseline") == 2
    empty = write_run(tmp_path / "empty", codecs=[])
    assert run_command("gate", str(empty.path), "--baseline", str(tmp_path / "b.json"), "--update-baseline") == 2
    assert isinstance(empty, RunFolder)
    assert not (tmp_path / "b.json").exists()


def test_a_reader_that_leaves_early_does_not_pass_a_failed_gate(tmp_path):
    good = write_run(tmp_path / "good", shapes=4, codecs=["draco"])
    bad = write_run(tmp_path / "bad", shapes=4, codecs=["draco"], defects=Defects(bytes_factor={"draco": 1.03}))
    Baseline.of(good).write(tmp_path / "b.json")
    command = [sys.executable, "-m", "bench", "gate", str(bad.path), "--baseline", str(tmp_path / "b.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(timeout=120) == 1
    process.stderr.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_tolerance_that_lets_everything_pass_is_refused(value):
    with pytest.raises(ValueError, match="size must be a finite number"):
        Tolerance(size=value)
