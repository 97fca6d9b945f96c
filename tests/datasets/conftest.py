from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _nothing_was_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data sets of this machine are not seen."""
    for name in ("NECGS_BENCH_DATA", "AMA_ROOT", "DT4D_ROOT", "THINGI10K_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no-data"))
