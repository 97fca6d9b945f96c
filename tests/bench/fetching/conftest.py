from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.fetching.download import Patience
from tests.bench.fetching.file_server import FileServer, serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user folder; nothing of the machine is seen or touched."""
    for name in ("TMC3", "PCC_APP_ENCODER", "PCC_APP_DECODER", "PCC_CFG_DIR", "PCGCV2_CKPTS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AMA_ROOT", "DT4D_ROOT", "THINGI10K_ROOT", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NECGS_BENCH_PROGRAMS", str(tmp_path / "home" / "programs"))
    monkeypatch.setenv("NECGS_BENCH_DATA", str(tmp_path / "home" / "data"))
    return tmp_path / "home"


@pytest.fixture
def hasty() -> Patience:
    return Patience(connect=5, read=5, waits=(0, 0))


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(FileServer()) as plan:
        yield plan
