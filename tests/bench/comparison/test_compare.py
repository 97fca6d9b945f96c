from bench.comparison.compare import Kind, compare, markdown
from bench.comparison.gate_reference import Baseline
from tests.bench.command_line import run_command
from tests.reports.synthetic import Defects, write_run


def test_a_change_shows_its_bd_rate_and_both_values(tmp_path):
    before = Baseline.of(write_run(tmp_path / "a", shapes=6, codecs=["draco"]))
    after = Baseline.of(
        write_run(tmp_path / "b", shapes=6, codecs=["draco"], defects=Defects(bytes_factor={"draco": 1.1}))
    )
    table = markdown(compare(before, after), unchanged=True)
    assert "BD-rate (surface error) +10.0" in table
    assert "→" in table
    assert "5 regression" in table


def test_a_better_shape_does_not_hide_a_worse_mean(tmp_path):
    before = Baseline.of(write_run(tmp_path / "a", shapes=6, codecs=["necgs"]))
    after = Baseline.of(
        write_run(tmp_path / "b", shapes=6, codecs=["necgs"], defects=Defects(error_factor={"necgs": 1.1}))
    )
    kinds = {finding.rate: finding.kind for finding in compare(before, after)}
    assert kinds["r1"] is kinds["all"] is Kind.REGRESSION


def test_the_verdict_minds_the_interval_of_few_shapes_too(tmp_path):
    before = Baseline.of(write_run(tmp_path / "a", shapes=3, codecs=["necgs"]))
    defects = Defects(bytes_factor={"necgs": 1.1})
    findings = compare(before, Baseline.of(write_run(tmp_path / "b", shapes=3, codecs=["necgs"], defects=defects)))
    (whole,) = [finding for finding in findings if finding.rate == "all"]
    assert whole.kind is Kind.REGRESSION
    assert "[" in whole.what


def test_a_trade_of_bytes_for_error_along_the_curve_is_judged_by_bd_rate(tmp_path):
    # Error falls with the power -1 of the effective bytes, so 10 % more bytes for 9 % less error is the same curve.
    before = Baseline.of(write_run(tmp_path / "a", shapes=6, codecs=["necgs"]))
    defects = Defects(bytes_factor={"necgs": 1.1}, error_factor={"necgs": 1 / 1.1})
    findings = compare(before, Baseline.of(write_run(tmp_path / "b", shapes=6, codecs=["necgs"], defects=defects)))
    assert not [f for f in findings if f.rate != "all" and f.kind is Kind.REGRESSION]


def test_another_device_makes_a_neural_codec_incomparable(tmp_path):
    run = write_run(tmp_path / "a", shapes=4, codecs=["necgs"], rates=1)
    other = write_run(tmp_path / "b", shapes=4, codecs=["necgs"], rates=1)
    other.rows_path.write_text(other.rows_path.read_text().replace('"cuda"', '"cpu"'))
    (finding,) = compare(Baseline.of(run), Baseline.of(other))
    assert finding.kind is Kind.UNMEASURABLE
    assert "cuda" in finding.what


def test_command_gives_no_verdict_but_says_when_nothing_can_be_compared(tmp_path, capsys):
    a = write_run(tmp_path / "a", shapes=3, codecs=["draco"])
    b = write_run(tmp_path / "b", shapes=3, codecs=["draco"], defects=Defects(error_factor={"draco": 2}))
    c = write_run(tmp_path / "c", shapes=4, codecs=["draco"])
    assert run_command("compare", str(a.path), str(b.path)) == 0
    assert "regression" in capsys.readouterr().out
    assert run_command("compare", str(a.path), str(c.path)) == 3
    assert run_command("compare", str(a.path), str(tmp_path)) == 2
