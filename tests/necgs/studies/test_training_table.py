"""The table of trainings, on two small procedural parts."""

from pathlib import Path

import pytest

from necgs.studies.training_table import main


def test_a_line_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NECGS_BENCH_CACHE", str(tmp_path))
    options = ["--dataset", "procedural:2", "--resolution", "16", "--rate-weight", "1e-3", "--measured", "1"]
    assert main([*options, "--train", "1x1", "2x60"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    rows = [dict(zip(header.replace("cpu s", "cpu_s").split(), line.split(), strict=True)) for line in lines]
    assert [(row["shapes"], row["batch"], row["epochs"], row["steps"]) for row in rows] == [
        ("2", "1", "1", "2"),
        ("2", "2", "60", "60"),
    ]
    assert all(float(row["B/shape"]) > int(row["shared"]) / 2 > 0 for row in rows)
    assert float(rows[1]["error"]) < float(rows[0]["error"])
    assert any(tmp_path.rglob("*.npz"))


def test_a_training_that_is_no_training(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--train", "often"])
    assert "BATCHxEPOCHS" in capsys.readouterr().err
