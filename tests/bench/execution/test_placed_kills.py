"""A run that is killed at one place after the other ends with the rows of one that was left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.results.store import RunFolder
from tests.bench.conftest import ROOT
from tests.bench.execution.placed_kills import RUN, VARIABLE

CODEC = "tests.bench.doubles:Rounding"
KILL, TERM, INT = (int(number) for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT))

ENCODE = [
    f"worker before {CODEC}.encode 1",
    f"worker before {CODEC}.encode_shape 2",
    "worker before bench.codec.archive:Archive.write 1",
    "worker after bench.codec.archive:Archive.write 1",
    "run before bench.execution.sealed_archive:seal 1",
    "run after bench.execution.sealed_archive:write_atomically 1",
    "run after bench.execution.sealed_archive:seal 1",
]
DECODE = [
    f"worker before {CODEC}.decode 1",
    f"worker before {CODEC}.decode_shape 3",
    "worker before bench.planning.references:write_mesh 1",
    "worker after bench.planning.references:write_mesh 3",
]
MEASURE = [
    "worker before bench.planning.references:read_reference 1",
    "worker before bench.metrics.measure:measure 1",
    "worker before bench.metrics.measure:measure 2",
    "worker after bench.metrics.measure:measure 3",
]
ROWS = [
    "run before bench.execution.job:rows_of 1",
    "run before bench.results.store:RunFolder.append 1",
    "run midst bench.results.store:RunFolder.append 1",
    "run after bench.results.store:RunFolder.append 1",
    "run after bench.results.store:RunFolder.write_manifest 1",
]
"""Where a run is killed: see `placed_kills`. Each comes later in a job than the one before."""


class Runs:
    """Starts the command, with a kill or without one, as often as it takes."""

    def __init__(self, command: Any, folder: Path) -> None:
        self._arguments = command("Rounding", extra=("--workers", "1", "--no-report"))
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(
            "from tests.bench.execution.placed_kills import install\ninstall()\n"
        )
        self._hook = str(folder / "hook")

    def __call__(self, order: str = "", out: Path | None = None, more: tuple[str, ...] = ()) -> int:
        """Exit code of one start, with the order of a kill or without."""
        paths = [self._hook, *os.environ["PYTHONPATH"].split(os.pathsep)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), VARIABLE: order}
        environment.pop(RUN, None)
        more = (*more, *(("--out", str(out)) if out else ()))
        process = subprocess.Popen(
            [sys.executable, "-m", "bench", *self._arguments, *more],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        code = process.wait(600)  # a busy machine
        left = [other for other in psutil.process_iter() if _belongs(other, process.pid)]
        assert not psutil.wait_procs(left, timeout=20)[1], "a process outlived the run"
        return code


def _belongs(process: psutil.Process, run: int) -> bool:
    try:
        return process.environ().get(RUN) == str(run)
    except psutil.Error:
        return False


@pytest.fixture
def runs(command, tmp_path: Path) -> Runs:
    return Runs(command, tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


TIMES = ("encode", "decode", "measure")


def content(rows: list[Any]) -> list[str]:
    """Rows but for what the clock says."""
    return sorted(json.dumps({name: value for name, value in row.items() if name not in TIMES}) for row in rows)


def lines(run: RunFolder) -> list[Any]:
    """All lines of the file: also those that a later one replaces."""
    return [json.loads(line) for line in run.rows_path.read_text().splitlines()]


def check_whole(run: RunFolder, undisturbed: RunFolder) -> None:
    """Nothing lost, nothing doubled, nothing left over."""
    assert content(lines(run)) == content(lines(undisturbed))
    assert run.altered_archives() == []
    folders = {path.name for path in (run.path / "archives").iterdir() if path.is_dir()}
    assert folders == {row["archive"] for row in run.set_rows()}
    assert not list(run.path.rglob("*.part"))
    assert not list(run.path.glob("scratch/*"))


def kill_at(places: list[str], runs: Runs, run: RunFolder) -> None:
    for place in places:
        assert runs(f"{place} {KILL} run") == -KILL, f"it did not come to: {place}"
        if run.rows_path.exists():
            for row in run.rows():  # what is there can be read at any time
                assert row["status"] == "ok"
    assert runs() == 0


def test_a_run_killed_in_encoding_and_in_the_midst_of_its_rows(runs, run, tmp_path):
    assert runs(out=tmp_path / "undisturbed") == 0
    kill_at([ENCODE[3], ROWS[2]], runs, run)
    check_whole(run, RunFolder(tmp_path / "undisturbed"))


@pytest.mark.slow
def test_a_run_killed_at_twenty_places(runs, run, tmp_path):
    places = [*ENCODE, *DECODE, *MEASURE, *ROWS]
    assert len(places) == 20
    assert runs(out=tmp_path / "undisturbed") == 0
    kill_at(places, runs, run)
    check_whole(run, RunFolder(tmp_path / "undisturbed"))


@pytest.mark.parametrize(("number", "place"), [(TERM, ROWS[1]), (INT, DECODE[1])])
def test_a_run_that_is_asked_to_stop(number, place, runs):
    assert runs(f"{place} {number} run") == 130


@pytest.mark.slow
@pytest.mark.parametrize("number", [TERM, INT])
def test_a_run_that_is_asked_to_stop_in_each_phase(number, runs, run, tmp_path):
    assert runs(out=tmp_path / "undisturbed") == 0
    for place in (ENCODE[1], ENCODE[5], DECODE[1], MEASURE[1], *ROWS):
        assert runs(f"{place} {number} run") == 130, f"it did not come to: {place}"
    assert runs() == 0
    check_whole(run, RunFolder(tmp_path / "undisturbed"))


@pytest.mark.slow
@pytest.mark.parametrize("place", [ENCODE[1], DECODE[1], MEASURE[1]])
def test_a_worker_killed_alone_costs_its_own_job_which_is_done_again_when_asked(place, runs, run, tmp_path):
    assert runs(out=tmp_path / "undisturbed") == 0
    assert runs(f"{place} {KILL} worker") == 1
    assert len({row["status"] for row in run.set_rows()} - {"ok"}) == 1
    assert runs(more=("--retry-failed",)) == 0
    assert content(run.rows()) == content(RunFolder(tmp_path / "undisturbed").rows())
