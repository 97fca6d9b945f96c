"""Codecs that leave processes behind, print without end, or write over what they are measured against."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest
import trimesh
from mesh_datasets.fingerprint import mesh_fingerprint

from bench.__main__ import main
from bench.codec.errors import DamagedReference
from bench.execution import supervisor
from bench.execution.result import checked_result
from bench.execution.supervisor import run_worker
from bench.execution.task import Task
from bench.planning.references import is_damaged, write_mesh
from bench.results.store import RunFolder
from bench.results.typed import WrongType
from tests.bench.doubles import Rounding, info

DOUBLES = "tests.bench.doubles"


class Daemonic(Rounding):
    """Leaves a process behind that has left its session and its parent; crashes where it is told to."""

    info = info("daemonic")

    def encode(self, meshes, rate, context):
        leave_a_daemon(Path(os.environ["BENCH_TEST_CHILD"]))
        if os.environ.get("BENCH_TEST_CRASH"):
            os.abort()
        if os.environ.get("BENCH_TEST_HANG"):
            time.sleep(600)
        return super().encode(meshes, rate, context)


def leave_a_daemon(note):
    if os.fork():
        while not note.exists():
            time.sleep(0.02)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    note.with_suffix(".part").write_text(str(os.getpid()))
    note.with_suffix(".part").rename(note)
    os.execvp("sleep", ["sleep", "86399"])


class Chatty(Rounding):
    """Prints more than is kept."""

    info = info("chatty")

    def encode(self, meshes, rate, context):
        end = time.monotonic() + 2
        while time.monotonic() < end:
            print("x" * 10_000, flush=True)
            time.sleep(0.001)
        return super().encode(meshes, rate, context)


class Answering(Rounding):
    """Writes the result of its process itself, and leaves before the harness can."""

    info = info("answering")

    def encode(self, meshes, rate, context):
        Path(os.environ["BENCH_TEST_CHILD"]).write_text(os.environ["BENCH_TEST_ANSWER"])
        os._exit(0)


class Forging(Rounding):
    """Writes over its reference, the file that all later codecs and runs are measured against."""

    info = info("forging")

    def encode(self, meshes, rate, context):
        for path in meshes._paths:
            Path(path).chmod(0o644)
            write_mesh(Path(path), trimesh.creation.icosphere(subdivisions=1))
        return super().encode(meshes, rate, context)


class Pretending(Rounding):
    """Says that its reference is damaged, which is not so."""

    info = info("pretending")

    def encode(self, meshes, rate, context):
        raise DamagedReference("not my fault")


SIZES = {"bytes": 1, "bytes_shared": 0, "bytes_shape": [1], "ledger": {"payload": 1}}
SOUND = {"status": "ok", "message": "", "wall_s": 1, **SIZES}


def encode(codec, folder, **more):
    """How encoding a box ends; the reference is named by its hash, as in the cache."""
    mesh = trimesh.creation.box()
    reference = folder / f"{mesh_fingerprint(mesh)}.npz"
    write_mesh(reference, mesh)
    paths = (str(folder / name) for name in ("archive", "decoded", "scratch", "encode.json"))
    task = Task("encode", f"{__name__}:{codec}", *paths, references=(str(reference),), settings={"steps": 16}, **more)
    return run_worker(task, folder)


def test_a_codec_that_writes_over_a_reference_is_not_measured_against_it(tmp_path):
    outcome = encode("Forging", tmp_path)
    assert outcome.status == "measure_failed"
    assert "no longer holds" in outcome.message
    outcome = encode("Pretending", tmp_path)
    assert outcome.status == "encode_failed"


def test_what_a_codec_writes_over_is_made_anew_for_the_others(command, tmp_path):
    codecs = (f"{__name__}:Forging@g16", f"{DOUBLES}:Rounding@g16")
    own_cache = ("--cache", str(tmp_path / "cache"), "--workers", "1", "--no-report", "--codecs", ",".join(codecs))
    assert main([*command("Rounding"), *own_cache]) == 1
    run = RunFolder(tmp_path / "run")
    assert [(row["codec"], row["status"], row["failed"], row["unmeasured"]) for row in run.set_rows()] == [
        (f"{__name__}:Forging", "measure_failed", 0, 3),
        (f"{DOUBLES}:Rounding", "ok", 0, 0),
    ]
    for reference in (tmp_path / "cache" / "meshes").iterdir():
        assert not is_damaged(str(reference))


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "ok"},
        {"status": "ok", "message": "", "wall_s": 1},
        {"status": "ok", "message": 1, "wall_s": "x"},
        {**SOUND, "wall_s": float("nan")},
        {**SOUND, "bytes_shape": []},
        {**SOUND, "ledger": {"payload": "1"}},
        {"status": "encode_failed", "message": "", "wall_s": 1, "failures": {"0": 1}},
        [[]],
    ],
)
def test_an_answer_that_cannot_be_is_refused(answer):
    checked_result(SOUND, "encode", 1)
    with pytest.raises(WrongType):
        checked_result(answer, "encode", 1)


@pytest.mark.parametrize("answer", ['{"status": "ok"}', "[" * 10_000])
def test_it_is_a_failure_of_the_codec(answer, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_TEST_CHILD", str(tmp_path / "encode.json"))
    monkeypatch.setenv("BENCH_TEST_ANSWER", answer)
    outcome = encode("Answering", tmp_path)
    assert outcome.status == "encode_failed"
    assert "exit code 0" in outcome.message


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no subreaper")
@pytest.mark.parametrize("how", ["BENCH_TEST_CRASH", "BENCH_TEST_HANG", "BENCH_TEST_NOTHING"])
def test_daemons_end_with_their_job(how, tmp_path, monkeypatch):
    note = tmp_path / "daemon"
    monkeypatch.setenv("BENCH_TEST_CHILD", str(note))
    monkeypatch.setenv(how, "1")
    monkeypatch.setattr(supervisor, "GRACE_S", 0.0)
    outcome = encode("Daemonic", tmp_path, timeout_s=3.0 if how == "BENCH_TEST_HANG" else 100.0)
    expected = {"BENCH_TEST_CRASH": "encode_failed", "BENCH_TEST_HANG": "timeout", "BENCH_TEST_NOTHING": "ok"}
    assert outcome.status == expected[how]
    daemon = int(note.read_text())
    for _ in range(200):  # what is killed takes a moment to end on a busy machine
        if not psutil.pid_exists(daemon) or psutil.Process(daemon).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the daemon lives")


def test_what_a_codec_prints_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LARGEST_LOG", 100_000)
    assert encode("Chatty", tmp_path).status == "ok"
    assert (tmp_path / "encode.log").stat().st_size < 8_000_000  # it printed up to 20 MB
