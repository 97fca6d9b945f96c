from pathlib import Path

import pytest
from mesh_datasets.catalog import DATASETS

from bench import registry
from tests.bench.command_line import run_command


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    for name in ("AMA_ROOT", "DT4D_ROOT", "THINGI10K_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NECGS_BENCH_DATA", str(tmp_path / "nothing"))
    frame = tmp_path / "crane" / "meshes" / "mesh_0000.obj"
    frame.parent.mkdir(parents=True)
    frame.write_text("")
    monkeypatch.setenv("AMA_ROOT", str(tmp_path))
    assert run_command("doctor") == 0
    return capsys.readouterr().out.splitlines()


def test_every_codec_and_data_set_has_a_line(report: list[str]) -> None:
    heads = {line.partition(":")[0] for line in report}
    assert {f"codec        {name}" for name in registry.names()} <= heads
    assert {f"data set     {name}" for name in DATASETS} <= heads


def test_a_data_set_is_ready_found_in_a_folder_or_to_be_got(report: list[str], tmp_path: Path) -> None:
    assert "data set     sample: ready; embedded in this package" in report
    assert f"data set     ama: found in {tmp_path}" in report
    assert any(line.startswith("data set     dt4d: not found; type: python -m bench fetch dt4d") for line in report)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "visibility nvdiffrast"),
        ("it is not installed", "visibility on the CPU (it is not installed), some 22 min"),
    ],
)
def test_on_a_gpu_it_tells_what_finds_visible_faces_and_what_that_costs(
    reason: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("necgs.paper_codec.gpu_count", lambda: 1)
    monkeypatch.setattr("necgs.rendering.no_nvdiffrast", lambda: reason)
    assert run_command("doctor") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("codec        necgs-paper:")]
    assert told in line
