"""Jobs in parts, against the same jobs as one task; what tasks do is done here, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.execution import parts
from bench.execution import run as run_module
from bench.execution.cluster import ClusterTask
from bench.execution.parts import Span
from bench.results.store import RunFolder

SHARED: dict[str, object] = {}
LOST: set[str] = set()


def here(jobs, steps, **_):
    """In place of a cluster: tasks in their order; of the same key once."""
    for job in jobs:
        going, results = steps(job), None
        while True:
            try:
                tasks: list[ClusterTask] = going.send(results)
            except StopIteration as end:
                yield job, end.value
                break
            results = [done(task) for task in tasks]


def done(task: ClusterTask) -> object:
    if task.key not in SHARED:
        SHARED[task.key] = task.lost("killed") if task.key.rpartition("-")[2] in LOST else task.call()
    return SHARED[task.key]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(run_module.cluster, "run_on_cluster", here)
    yield
    SHARED.clear()
    LOST.clear()


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "counter"
    monkeypatch.setenv("BENCH_TEST_COUNTER", str(path))
    return path


def in_parts(arguments: list[str], out: Path, *extra: str) -> list[str]:
    return [*arguments, "--executor", "dask", "--task-shapes", "2", "--out", str(out), *extra]


def without_times(run: RunFolder) -> list[dict[str, object]]:
    rows = []
    for row in run.rows():
        kept = {name: value for name, value in row.items() if name not in ("encode", "decode", "measure")}
        phases = {name: sorted(row[name]["phases"]) for name in ("encode", "decode") if row.get(name)}
        rows.append({**kept, "phases": phases, "cache_made": 0, "cache_found": 0})
    return sorted(rows, key=lambda row: (row["rate"], row["kind"], row.get("index", 0)))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def one_rate(arguments: list[str]) -> list[str]:
    return [*arguments, "--rates", "g16"]


def test_rows_and_archives_are_those_of_one_task(command, tmp_path, counter):
    """A codec that refuses a shape, and one that codes the set as a whole, whose archive is then used again."""
    first = [*command("Refusing", "Together"), "--keep-decoded"]
    second = in_parts(first, tmp_path / "b", "--cache", str(tmp_path / "cache"))
    assert main(first) == main(second) == 1
    whole, cut = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "b")
    assert without_times(cut) == without_times(whole)
    for row in whole.set_rows():
        for folder in ("archives", "decoded"):
            assert files(cut.path / folder / row["archive"]) == files(whole.path / folder / row["archive"])
    assert all(row["encode"]["wall_s"] > 0 and row["measure"]["cpu_s"] > 0 for row in cut.set_rows())
    assert not (cut.path / "parts").exists()
    assert not (cut.path / "scratch").exists()
    lines = counter.read_text().split("\n")[:-1]
    assert lines == ["encode", "late", "late", "late", "prepare 2", "prepare 1", "encode"]
    SHARED.clear()
    assert main([*second, "--codecs", "tests.bench.doubles:Together", "--remeasure"]) == 0
    assert counter.read_text().split("\n")[:-1] == lines


def test_a_part_that_fails_costs_its_own_shapes(command, tmp_path):
    """One whose encoder crashes, one that is lost with its worker."""
    LOST.add("2")
    assert main(in_parts(command("CrashingOnOne"), tmp_path / "b", "--task-shapes", "1")) == 1
    run = RunFolder(tmp_path / "b")
    rows = [row for row in run.rows() if row["kind"] == "shape"]
    assert [row["status"] for row in rows] == ["ok", "encode_failed", "out_of_memory"]
    assert "exit code 7" in rows[1]["message"]
    assert rows[2]["message"] == "killed"
    (whole,) = run.set_rows()
    assert (whole["status"], whole["failed"]) == ("ok", 2)
    sizes = [path.stat().st_size for path in sorted(run.archive(whole["archive"]).iterdir())]
    assert sizes[0] == whole["bytes"] > 0 == sizes[1] == sizes[2]
    assert list(run.failure(whole["archive"]).iterdir()) == [run.failure(whole["archive"]) / "000001"]


def test_a_codec_that_always_fails_has_the_rows_of_one_task(command, tmp_path):
    assert main(command("CrashingDecoder")) == main(in_parts(command("CrashingDecoder"), tmp_path / "b")) == 1
    states = [
        [(row["kind"], row["status"], row["bytes"]) for row in RunFolder(tmp_path / name).rows()]
        for name in ("run", "b")
    ]
    assert states[0] == states[1]


def test_parts_that_had_ended_are_not_done_again(command, tmp_path, counter, monkeypatch):
    """The run is stopped after the first of its two parts."""
    given = []

    def stopped(*arguments):
        given.append(arguments)
        if len(given) == 2:
            raise KeyboardInterrupt
        return parts.run_part(*arguments)

    arguments = in_parts(one_rate(command("Counting")), tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr("bench.execution.cluster_steps.run_part", stopped)
        assert main(arguments) == 130
    assert counter.read_text().count("\n") == 1
    assert main(arguments) == 0
    assert counter.read_text().count("\n") == 2
    assert [row["status"] for row in RunFolder(tmp_path / "b").rows()] == 4 * ["ok"]


def test_what_is_left_of_a_part_is_read_or_done_again(tmp_path):
    path = tmp_path / "outcomes.json"
    assert parts._read(path) is None
    for text in ("{", "[]", '{"encode": {"status": "ok"}}', json.dumps({"encode": {"status": 1}})):
        path.write_text(text)
        assert parts._read(path) is None


def test_spans_cover_a_set():
    assert Span.all_of(5, 2) == [Span(0, 2), Span(2, 4), Span(4, 5)]
    assert Span.all_of(0, 2) == []
