"""Whole runs through the command line, with real worker processes."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench import machine
from bench.__main__ import build_parser, main
from bench.commands.run import build_request
from bench.execution.run import _memory_mb
from bench.planning.plan import make_plan
from bench.results.store import RunFolder
from bench.results.summary import summarise
from tests.bench.conftest import ROOT


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "counter"
    monkeypatch.setenv("BENCH_TEST_COUNTER", str(path))
    return path


def double(name: str) -> str:
    return f"tests.bench.doubles:{name}"


def statuses(run: RunFolder, codec: str) -> list[str]:
    return [row["status"] for row in run.rows() if row["kind"] == "shape" and row["codec"] == double(codec)]


def test_a_run_leaves_rows_summary_manifest_and_archives(command, run, counter):
    assert main(command("Counting")) == 0
    rows = run.rows()
    assert [row["kind"] for row in rows] == 2 * ["shape", "shape", "shape", "set"]
    assert [row["mode"] for row in rows if row["kind"] == "shape"] == 2 * ["", "rounded", ""]
    for row in run.set_rows():
        files = list(run.archive(row["archive"]).iterdir())
        assert sum(path.stat().st_size for path in files) == row["bytes"] == sum(row["ledger"].values())
        assert row["encode"]["phases"]["rounding"] > 0
        assert row["encode"]["peak_mb"] > 10
        assert 0 < row["decode"]["codec_s"] < row["decode"]["wall_s"]
        assert (row["decoded_vertices"], row["decoded_faces"]) == (162 + 128 + 26, 320 + 256 + 48)
        assert row["protocol"] == "sampled+surface/1 (samples=500)"
    coarse, fine = (
        [row["surface_cd"] for row in rows if row["kind"] == "shape" and row["rate"] == rate]
        for rate in ("g16", "g256")
    )
    assert all(a > 3 * b for a, b in zip(coarse[:2], fine[:2], strict=True))
    manifest = run.read_manifest()
    assert [shape["name"] for shape in manifest["shapes"]] == ["a_sphere.ply", "b_torus.ply", "c_box.ply"]
    assert manifest["machine"]["packages"]["numpy"]
    assert run.summary_path.read_text().count("\n") == 3
    assert not (run.path / "scratch").exists() or not list((run.path / "scratch").iterdir())


def test_shared_work_costs_each_rate_its_time_whoever_did_it(command, run, tmp_path):
    assert main([*command("Sharing"), "--workers", "1", "--cache", str(tmp_path / "cache")]) == 0
    encodes = [row["encode"] for row in run.set_rows()]
    assert sorted(encode["recalled_s"] >= 0.33 for encode in encodes) == [False, True]
    assert all(encode["phases"]["fit"] >= 0.33 for encode in encodes)
    assert all(seconds >= 0.33 for seconds in summarise(run.rows())["encode_s"])
    made, found = ([row[f"cache_{what}"] for row in run.set_rows()] for what in ("made", "found"))
    entries = sum(path.stat().st_size for path in (tmp_path / "cache" / "codecs").rglob("*.npz"))
    assert sum(made) == sum(found) == entries > 0


def test_a_finished_job_is_not_done_again(command, run, counter):
    assert main(command("Counting")) == 0
    before = run.rows_path.read_bytes()
    assert main(command("Counting")) == 0
    assert counter.read_text().split() == ["16", "256"] or counter.read_text().split() == ["256", "16"]
    assert run.rows_path.read_bytes() == before


def test_misbehaving_codecs_cost_their_own_rows_only(command, run, capsys):
    expected = {
        "Rounding": ["ok"] * 6,
        "CrashingEncoder": ["encode_failed"] * 3,
        "CrashingDecoder": ["decode_failed"] * 3,
        "Raising": ["encode_failed"] * 3,
        "NotANumber": ["decode_failed"] * 3,
        "BadIndex": ["decode_failed"] * 3,
        "TooFew": ["decode_failed"] * 3,
        "NotAMesh": ["decode_failed"] * 3,
        "Emptying": ["empty"] * 3,
        "Choosy": ["ok", "invalid_mesh", "ok"],
        "Cheating": ["ok"] * 3,
    }
    assert main(command(*expected)) == 1
    assert {codec: statuses(run, codec) for codec in expected} == expected
    crash = next(row for row in run.set_rows() if row["codec"] == double("CrashingEncoder"))
    assert "SIGABRT" in crash["message"]
    assert "about to abort" in crash["message"]
    failed = next(row for row in run.rows() if row["status"] == "invalid_mesh")
    assert failed["surface_cd"] == pytest.approx(1000 * 3**0.5)
    assert failed["f1_005"] == failed["nc"] == 0
    assert "failed: folder" in capsys.readouterr().err
    assert not (run.path / "failures" / "nothing").exists()
    assert any((run.path / "failures").iterdir())


def test_memory_that_does_not_suffice_and_statuses_that_are_made_up(command, run):
    expected = {
        "BrokenPoints": ["decode_failed"] * 3,
        "OutOfCudaMemory": ["out_of_memory"] * 3,
        "TooLargeAShape": ["ok", "out_of_memory", "ok"],
        "Lying": ["encode_failed"] * 3,
    }
    assert main(command(*expected)) == 1
    assert {codec: statuses(run, codec) for codec in expected} == expected


def test_a_fault_of_the_measurement_is_charged_to_nobody_and_fails_the_run(command, run, tmp_path, monkeypatch, capsys):
    cache = tmp_path / "cache"
    monkeypatch.setenv("BENCH_TEST_CACHE", str(cache))
    arguments = [*command("BreaksTheMeasurement", extra=("--cache", str(cache)))]
    where = arguments.index("--dataset") + 1
    sources = tmp_path / "sources"
    shutil.copytree(arguments[where].removeprefix("folder:"), sources)
    monkeypatch.setenv("BENCH_TEST_SOURCES", str(sources))
    arguments[where] = f"folder:{sources}"
    assert main(arguments) == 1
    assert "measure" in capsys.readouterr().err
    rows = run.rows()
    assert [row["status"] for row in rows] == ["measure_failed"] * 4
    assert "surface_cd" not in rows[0]
    whole = run.set_rows()[0]
    assert (whole["failed"], whole["unmeasured"], whole["bytes"] > 0) == (0, 3, True)
    line = summarise(rows).iloc[0]
    assert line["unmeasured"] == 3
    assert line[["cd", "nc", "surface_cd", "d1_psnr"]].isna().all()
    assert line["ratio"] > 0
    report = (run.path / "report" / "report.md").read_text()
    assert "3 shapes could not be measured: a fault of this program" in report


def test_a_failed_job_is_tried_again_when_asked(command, run):
    assert main(command("Raising")) == 1
    before = run.rows_path.stat().st_size
    assert main(command("Raising")) == 1
    assert run.rows_path.stat().st_size == before
    assert main(command("Raising", extra=("--retry-failed",))) == 1
    assert run.rows_path.stat().st_size > before
    assert len(run.set_rows()) == 1


def test_a_hang_ends_at_the_deadline_with_its_children(command, run, tmp_path, monkeypatch):
    child = tmp_path / "child"
    monkeypatch.setenv("BENCH_TEST_CHILD", str(child))
    assert main(command("Hanging", "Rounding", extra=("--timeout", "3"))) == 1
    assert statuses(run, "Hanging") == ["timeout"] * 3
    assert statuses(run, "Rounding") == ["ok"] * 6
    assert not psutil.pid_exists(int(child.read_text()))


def test_a_codec_that_eats_memory_is_killed(command, run):
    assert main(command("Hungry", "Rounding", extra=("--memory-limit", "0.8"))) == 1
    assert statuses(run, "Hungry") == ["out_of_memory"] * 3
    assert statuses(run, "Rounding") == ["ok"] * 6


def test_a_full_disk_stops_the_run_and_is_nobodys_row(command, run, capsys):
    assert main(command("OneRate", "OnAFullDisk", extra=("--workers", "1"))) == 1
    assert "No space left" in capsys.readouterr().err
    assert statuses(run, "OneRate") == ["ok"] * 3
    assert statuses(run, "OnAFullDisk") == []


def start(arguments: list[str], **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_where_it_was(command, run, counter, how):
    arguments = command("Counting", "Rounding", extra=("--workers", "1"))
    process = start(arguments, BENCH_TEST_SLEEP="1")
    wait_for(lambda: run.rows_path.exists())
    wait_for(lambda: counter.read_text().count("\n") == 2)  # the second job is being encoded
    workers = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, how)
    assert process.wait(30) == (130 if how == signal.SIGINT else -9)
    assert not psutil.wait_procs(workers, timeout=10)[1], "workers outlived the run"
    with run.rows_path.open("a") as file:
        file.write('{"kind": "shape", "torn":')  # what a write that was cut off leaves
    assert main(arguments) == 0
    assert counter.read_text().split() == ["16", "256", "256"], "the finished job was done again, or one was not done"
    rows = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    points = [(row["codec"], row["rate"], row.get("shape")) for row in rows]
    assert len(points) == len(set(points)) == 4 * 4


def test_a_killed_worker_costs_its_own_job(command, run, counter):
    process = start(command("Counting", extra=("--workers", "1")), BENCH_TEST_SLEEP="3")
    wait_for(lambda: counter.exists())
    for child in psutil.Process(process.pid).children():
        child.kill()
    assert process.wait(60) == 1
    assert sorted(statuses(run, "Counting")) == ["ok"] * 3 + ["out_of_memory"] * 3


def test_archives_can_be_measured_again_without_encoding(command, run, counter, tiny_profile, tmp_path):
    assert main(command("Counting")) == 0
    finer = tmp_path / "finer.toml"
    finer.write_text(tiny_profile.read_text().replace("500", "800"))
    assert main([*command("Counting"), "--profile", str(finer), "--remeasure"]) == 0
    assert {row["protocol"] for row in run.rows()} == {"sampled+surface/1 (samples=800)"}
    assert counter.read_text().count("\n") == 2


def test_another_attempt_loses_nothing(command, run, counter, capsys):
    """One that codes fewer shapes does not count; the command that is printed gives more time."""
    failures = []
    for extra in ((), ("--retry-failed",), ("--retry-failed",)):
        main(command("Tiring", extra=("--timeout", "50", *extra)))
        (row,) = run.set_rows()
        failures.append(row["failed"])
        assert main(["report", str(run.path), "--check"]) == 0
        if row["failed"]:
            assert "--retry-failed --timeout 100" in capsys.readouterr().err
    assert failures == [1, 1, 0]
    assert counter.read_text().count("\n") == 3


def test_more_time_is_for_measuring_too(command):
    args = build_parser().parse_args(command("OneRate", extra=("--timeout", "99999")))
    assert build_request(args).limits.timeouts.measure == 99999


@pytest.mark.parametrize(("workers", "jobs", "share"), [(100, 1, 0.9), (2, 2, 0.45), (1, 8, 0.9)])
def test_memory_is_shared_by_jobs_that_run_at_a_time(command, workers, jobs, share):
    args = build_parser().parse_args(command("OneRate", extra=("--workers", str(workers))))
    plan = make_plan(build_request(args))
    assert _memory_mb(plan, jobs) == pytest.approx(share * machine.memory_mb())
    elsewhere = dataclasses.replace(plan, request=dataclasses.replace(plan.request, scheduler="tcp://far:8786"))
    assert _memory_mb(elsewhere, jobs) is None


def test_a_dry_run_lists_the_jobs_and_does_nothing(command, run, capsys):
    assert main(command("Rounding", extra=("--dry-run",))) == 0
    output = capsys.readouterr().out
    assert "g16" in output
    assert "steps=256" in output
    assert not run.path.exists()


def test_what_a_plan_needs_is_told_once_its_codec_has_run_here(command, run, capsys, tmp_path):
    arguments = [*command("OneRate"), "--cache", str(tmp_path / "own"), "--no-report"]
    assert main([*arguments, "--dry-run"]) == 0
    assert "it needs" not in capsys.readouterr().out
    assert main(arguments) == 0
    assert main([*arguments, "--out", str(tmp_path / "again"), "--dry-run"]) == 0
    assert "it needs at most" in capsys.readouterr().out


def test_shards_share_the_jobs(command, run, counter):
    assert main(command("Counting", extra=("--shard", "1/2"))) == 0
    assert [row["rate"] for row in run.set_rows()] == ["g16"]


def test_shards_in_one_folder_make_the_report_with_the_last(command, run, counter, capsys):
    assert main(command("Counting", extra=("--shard", "2/2"))) == 0
    assert "no report yet" in capsys.readouterr().out
    assert not (run.path / "report").exists()
    assert main(command("Counting", extra=("--shard", "1/2"))) == 0
    assert "no report yet" not in capsys.readouterr().out
    assert (run.path / "report" / "report.md").exists()
    assert sorted(row["rate"] for row in run.set_rows()) == ["g16", "g256"]


def test_a_set_archive_that_an_interrupted_run_left_is_used_again(command, run, counter):
    assert main(command("Counting")) == 0
    rows = run.set_rows()
    run.rows_path.unlink()
    assert main(command("Counting")) == 0
    assert counter.read_text().count("\n") == 2
    assert {row["rate"]: row["encode"] for row in run.set_rows()} == {row["rate"]: row["encode"] for row in rows}


def test_an_encoder_that_ran_out_of_time_goes_on_where_it_was(command, run):
    assert main(command("Unhurried")) == 1
    (row,) = run.set_rows()
    assert row["status"] == "timeout"
    assert row["encode"]["limit_s"] == 60
    assert main([*command("Unhurried"), "--retry-failed"]) == 0
    assert [row["status"] for row in run.set_rows()] == ["ok"]
    assert not (run.path / "state").exists()


def test_a_run_on_dask_gives_the_same_rows(command, run, tmp_path):
    assert main(command("Rounding")) == 0
    local = {(row["rate"], row.get("shape")): row.get("surface_cd", row.get("bytes")) for row in run.rows()}
    other = tmp_path / "dask"
    assert main([*command("Rounding"), "--executor", "dask", "--task-shapes", "2", "--out", str(other)]) == 0
    rows = RunFolder(other).rows()
    assert {(row["rate"], row.get("shape")): row.get("surface_cd", row.get("bytes")) for row in rows} == local


@pytest.mark.gpu
def test_a_neural_codec_runs_on_the_gpu(command, run):
    small = "necgs:resolution=16:epochs=2:fit=none"
    assert main([*command("Rounding"), "--codecs", small, "--device", "cuda", "--memory-limit", "64"]) == 0
    assert {row["device"] for row in run.rows()} == {"cuda"}
