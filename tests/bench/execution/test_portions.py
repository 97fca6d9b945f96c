"""Jobs in portions, against the same jobs as one task; what tasks do is done here, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.execution import portions
from bench.execution import run as run_module
from bench.execution.cluster import ClusterTask
from bench.execution.portions import Span
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


def in_portions(arguments: list[str], out: Path, *extra: str) -> list[str]:
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


def test_rows_and_archives_are_those_of_one_task(command, tmp_path, counter):
    """A codec that refuses a shape, and one that codes the set as a whole, whose archive is then used again."""
    first = [*command("Refusing", "Together"), "--keep-decoded"]
    second = in_portions(first, tmp_path / "b", "--cache", str(tmp_path / "cache"))
    assert main(first) == main(second) == 1
    whole, cut = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "b")
    assert without_times(cut) == without_times(whole)
    for row in whole.set_rows():
        for folder in ("archives", "decoded"):
            assert files(cut.path / folder / row["archive"]) == files(whole.path / folder / row["archive"])
    assert all(row["encode"]["wall_s"] > 0 and row["measure"]["cpu_s"] > 0 for row in cut.set_rows())
    assert not (cut.path / "portions").exists()
    assert not (cut.path / "scratch").exists()
    lines = counter.read_text().split("\n")[:-1]
    assert lines == ["encode", "late", "late", "late", "prepare 2", "prepare 1", "encode"]
    SHARED.clear()
    assert main([*second, "--codecs", "tests.bench.doubles:Together", "--remeasure"]) == 0
    assert counter.read_text().split("\n")[:-1] == lines


def test_a_portion_that_fails_costs_its_own_shapes(command, tmp_path):
    """One whose encoder crashes, one that is lost with its worker."""
    LOST.add("2")
    one_task = [*command("CrashingOnOne"), "--out", str(tmp_path / "b")]
    assert main(in_portions(one_task, tmp_path / "b", "--task-shapes", "1")) == 1
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
    LOST.clear()
    SHARED.clear()
    assert main([*one_task, "--retry-failed"]) == 1
    # As a whole it fails, which takes nothing from what there is.
    assert [row["status"] for row in run.rows() if row["kind"] == "shape"] == ["ok", "encode_failed", "out_of_memory"]


def test_lost_portions_of_a_set_that_was_encoded_as_a_whole(command, tmp_path, counter):
    LOST.add("2")
    arguments = in_portions(command("Together"), tmp_path / "b")
    assert main(arguments) == 1
    run = RunFolder(tmp_path / "b")
    rows = [row for row in run.rows() if row["kind"] == "shape"]
    assert [(row["status"], row["message"]) for row in rows] == [("ok", ""), ("ok", ""), ("out_of_memory", "killed")]
    archive = files(run.path / "archives")
    SHARED.clear()
    LOST.add("0")
    assert main([*arguments, "--remeasure"]) == 1
    assert {row["status"] for row in run.rows()} == {"out_of_memory"}
    assert files(run.path / "archives") == archive


def test_a_codec_that_always_fails_has_the_rows_of_one_task(command, tmp_path):
    assert main(in_portions(command("CrashingDecoder"), tmp_path / "b")) == 1
    rows = RunFolder(tmp_path / "b").rows()
    assert [(row["kind"], row["status"]) for row in rows] == [
        *3 * [("shape", "decode_failed")],
        ("set", "decode_failed"),
    ]
    assert all(row["bytes"] for row in rows)


def test_portions_that_had_ended_are_not_done_again(command, tmp_path, counter, monkeypatch):
    """The run is stopped after the first of its two portions."""
    given = []

    def stopped(*arguments):
        given.append(arguments)
        if len(given) == 2:
            raise KeyboardInterrupt
        return portions.run_portion(*arguments)

    arguments = in_portions(command("CountingShapes"), tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr("bench.execution.cluster_steps.run_portion", stopped)
        assert main(arguments) == 130
    assert counter.read_text().count("\n") == 2
    assert main(arguments) == 0
    assert counter.read_text().count("\n") == 3
    assert [row["status"] for row in RunFolder(tmp_path / "b").rows()] == 4 * ["ok"]


def test_what_is_left_of_a_portion_is_read_or_done_again(tmp_path):
    path = tmp_path / "outcomes.json"
    whole = {phase: {"status": "ok", "message": "", "wall_s": 1.0, "peak_mb": 1.0} for phase in portions.PHASES}
    whole["encode"]["result"] = {"bytes": 0, "bytes_shared": 0, "bytes_shape": [], "ledger": {}}
    assert portions._read(path, "here") is None
    bad = {**whole, "decode": {"status": 1}}
    for text in ("{", "[]", '{"stamp": "here"}', *(json.dumps({"stamp": "here", "outcomes": of}) for of in ({}, bad))):
        path.write_text(text)
        assert portions._read(path, "here") is None
    path.write_text(json.dumps({"stamp": "here", "outcomes": whole}))
    assert portions._read(path, "there") is None
    found = portions._read(path, "here")
    assert found is not None
    assert found["encode"].wall_s == 1.0


def test_spans_cover_a_set():
    assert Span.all_of(5, 2) == [Span(0, 2), Span(2, 4), Span(4, 5)]
    assert Span.all_of(0, 2) == []
