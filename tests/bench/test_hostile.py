"""Run folders, plug-ins and codecs that mean no good: nothing of them is run unasked, each costs its own rows."""

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path

import mesh_datasets
import numpy as np
import pytest
import trimesh
from mesh_datasets.fingerprint import mesh_fingerprint

from bench import registry
from bench.codec import Archive, CodecError, Context, Part
from bench.codec.archive import digest
from bench.codec.errors import DamagedReference
from bench.codec.signals import termination_as_interrupt
from bench.commands.codecs import describe
from bench.execution import worker
from bench.execution.stored_meshes import StoredMeshes
from bench.execution.supervisor import run_worker
from bench.execution.task import Task
from bench.planning.references import is_damaged, prepare, read_reference, write_mesh
from bench.results.meshes import MeshesUnavailable
from bench.results.store import RunFolder, StoreError
from tests.bench.command_line import run_command
from tests.bench.doubles import Rounding, info
from tests.reports.synthetic import write_run

HERE = "tests.bench.test_hostile"


class Lying(Rounding):
    """Reports what JSON cannot hold, and an error that calls itself ok."""

    info = info("lying")

    def encode(self, meshes, rate, context):
        context.notes["x"] = float("nan")
        context.phases["x"] = float("inf")
        return super().encode(meshes, rate, context)

    def decode(self, archive, context):
        raise AllIsWell("nothing is wrong")


class AllIsWell(CodecError):
    status = "ok"


class Exiting(Rounding):
    """Leaves with the exit code that says that the disk is full."""

    info = info("exiting")

    def encode(self, meshes, rate, context):
        os._exit(28)


def run_phase(phase, codec, folder, **more):
    reference = folder / "reference.npz"
    write_mesh(reference, trimesh.creation.box())
    task = Task(
        phase=phase,
        codec=f"{HERE}:{codec}",
        archive=str(folder / "archive"),
        decoded=str(folder / "decoded"),
        scratch=str(folder / "scratch"),
        result=str(folder / f"{phase}.json"),
        references=(str(reference),),
        **more,
    )
    return run_worker(task, folder)


def test_what_a_codec_reports_is_written_down_as_far_as_it_can_be(tmp_path):
    outcome = run_phase("encode", "Lying", tmp_path, settings={"steps": 16})
    assert outcome.status == "ok"
    assert outcome.result["notes"] == {"x": "nan"}
    assert "x" not in outcome.result["phases"]
    json.dumps(outcome.result, allow_nan=False)
    outcome = run_phase("decode", "Lying", tmp_path)
    assert (outcome.status, outcome.message) == ("decode_failed", "nothing is wrong")


def test_an_exit_code_alone_does_not_say_that_the_disk_is_full(tmp_path):
    outcome = run_phase("encode", "Exiting", tmp_path, settings={"steps": 16})
    assert outcome.status == "encode_failed"
    assert "exit code 28" in outcome.message


def test_a_result_with_what_json_cannot_hold_is_a_failure():
    text = worker._as_json({"wall_s": 1.0, "cpu_s": 1.0, "ledger": {"a": float("nan")}, "status": "ok"}, "encode")
    assert json.loads(text)["status"] == "encode_failed"


def test_a_failed_shape_cannot_call_itself_ok(tmp_path):
    context = Context(scratch=tmp_path)
    context.fail(0, AllIsWell("x"))
    assert context.failures[0].status == "encode_failed"


PAYLOAD = "open({marker!r}, 'w').write('x')\nclass Codec:\n    pass\n"


@pytest.fixture
def payload(tmp_path, monkeypatch):
    """A module that leaves a file behind when it is imported, and that file."""
    marker = tmp_path / "ran"
    (tmp_path / "payload.py").write_text(PAYLOAD.format(marker=str(marker)))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    return marker


def test_a_row_does_not_name_code_that_is_run(payload, tmp_path):
    run = RunFolder(tmp_path / "run")
    Archive((Part(b"x"),)).write(run.archive("abc"))
    set_row = {"codec": "payload:Codec", "rate": "r", "archive": "abc"}
    rows = {0: {"index": 0, "status": "ok", "decoded_sha256": "", "shape": "s"}}
    with pytest.raises(MeshesUnavailable, match="not a registered codec"):
        StoredMeshes(run, tmp_path / "cache").decoded(set_row, rows)
    assert not payload.exists()
    with pytest.raises(MeshesUnavailable, match="does not decode"):
        StoredMeshes(run, tmp_path / "cache", allowed=("payload:Codec",)).decoded(set_row, rows)
    assert payload.exists()


@pytest.mark.parametrize("name", ["../../etc", "/etc", "a/b", "", ".."])
def test_a_row_does_not_lead_out_of_the_run_folder(name, tmp_path):
    for folder in (RunFolder(tmp_path).archive, RunFolder(tmp_path).decoded, RunFolder(tmp_path).failure):
        with pytest.raises(StoreError, match="not the name of a folder"):
            folder(name)


def test_a_folder_of_the_run_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "abc").symlink_to("/etc")
    with pytest.raises(StoreError, match="not the name of a folder"):
        RunFolder(tmp_path).archive("abc")


@pytest.mark.parametrize("body", ["raise RuntimeError('broken')", "raise SystemExit(3)", "import nothing_of_that_name"])
def test_a_broken_plug_in_is_not_available_and_disables_nothing_else(body, tmp_path, monkeypatch, capsys):
    (tmp_path / f"badplug{abs(hash(body))}.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "_entry_points", lambda: {"zbad": f"badplug{abs(hash(body))}:Codec"})
    assert not registry.availability("zbad").ok
    assert describe("zbad")["available"] is False
    assert run_command("codecs") == 0
    assert "zbad" in capsys.readouterr().out
    with pytest.raises(registry.UnknownCodec, match="cannot be imported"):
        registry.get("zbad")


@pytest.mark.parametrize("name", ["bench.codec:Codec", ".x:y", "os:getcwd", "nothing:at_all"])
def test_names_that_are_no_codec_are_refused(name):
    with pytest.raises(registry.UnknownCodec):
        registry.get(name)


def test_references_that_were_written_over_or_cut_are_noticed(tmp_path):
    mesh = trimesh.creation.box()
    path = tmp_path / f"{mesh_fingerprint(mesh)}.npz"
    write_mesh(path, mesh)
    assert len(read_reference(path).faces) == 12
    whole = path.read_bytes()
    write_mesh(path, trimesh.creation.icosphere(subdivisions=1))
    with pytest.raises(DamagedReference, match="no longer holds"):
        read_reference(path)
    for cut in (whole[: len(whole) // 2], whole[:-4], b"", bytes(100)):
        path.write_bytes(cut)
        with pytest.raises(DamagedReference, match="damaged"):
            read_reference(path)


@pytest.mark.parametrize("damage", [lambda d: d[: len(d) // 2], lambda d: d[:-7], lambda d: d[:90] + b"\xff" + d[91:]])
def test_damaged_cache_entries_heal(damage, tmp_path):
    def compute():
        return {"a": np.arange(1000)}

    Context(cache=tmp_path).cached("x", "key", compute)
    (entry,) = tmp_path.rglob("*.npz")
    entry.write_bytes(damage(entry.read_bytes()))
    assert Context(cache=tmp_path).cached("x", "key", compute)["a"].sum() == 499500


def test_no_flipped_bit_of_a_cache_entry_or_a_reference_is_believed_or_fatal(tmp_path):
    values = np.arange(1000.0)  # more than zipfile reads at once
    Context(cache=tmp_path).cached("x", "key", lambda: {"a": values})
    (entry,) = tmp_path.rglob("*.npz")
    mesh = trimesh.creation.box()
    reference = tmp_path / f"{mesh_fingerprint(mesh)}.npz"
    write_mesh(reference, mesh)
    whole, stored = entry.read_bytes(), reference.read_bytes()
    for at in (*range(200), *range(len(whole) - 300, len(whole))):
        entry.write_bytes(whole[:at] + bytes([whole[at] ^ (16 if at % 2 else 4)]) + whole[at + 1 :])
        assert np.array_equal(Context(cache=tmp_path).cached("x", "key", lambda: {"a": values})["a"], values)
    for at in range(len(stored)):
        reference.write_bytes(stored[:at] + bytes([stored[at] ^ 16]) + stored[at + 1 :])
        assert is_damaged(str(reference)) or mesh_fingerprint(read_reference(reference)) == reference.stem


def test_references_are_read_only_and_heal_when_a_run_starts(tmp_path, meshes_dir):
    shapes = mesh_datasets.load(f"folder:{meshes_dir}")
    before = prepare(shapes, tmp_path)
    paths = [Path(reference.path) for reference in before.references]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o444}
    damages = (lambda data: data[: len(data) // 2], lambda data: data[:-30] + b"\xff" + data[-29:], lambda data: b"")
    for path, damage in zip(paths, damages, strict=True):
        data = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(damage(data))
        assert is_damaged(str(path))
    assert prepare(shapes, tmp_path) == before
    assert not any(is_damaged(str(path)) for path in paths)
    for stamp in (tmp_path / "stamps").iterdir():
        stamp.write_text("[]")
    assert prepare(shapes, tmp_path) == before


@pytest.mark.parametrize("part", ["info", "rate_type", "ladder", "availability", "provenance"])
def test_a_plug_in_that_raises_when_asked_what_it_is_disables_nothing_else(part, monkeypatch, capsys):
    def broken(self):
        raise RuntimeError("nobody asks me")

    member = broken if part in ("availability", "provenance") else property(broken)
    monkeypatch.setattr(sys.modules[__name__], "Broken", type("Broken", (Rounding,), {part: member}), raising=False)
    monkeypatch.setattr(registry, "_entry_points", lambda: {"zbad": f"{HERE}:Broken"})
    assert registry.availability("zbad").ok is (part == "provenance")
    assert run_command("codecs") == 0
    assert run_command("doctor") == 0
    assert "nobody asks me" in capsys.readouterr().out
    assert run_command("codecs", "zbad", "--json") == 0


def test_a_termination_is_an_interruption():
    def end():
        with termination_as_interrupt():
            signal.raise_signal(signal.SIGTERM)
            time.sleep(5)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        end()
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_archive_that_was_altered_is_named(tmp_path, capsys):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2)
    row = run.set_rows()[0]
    archive = Archive((Part(b"x"), Part(b"y")))
    archive.write(run.archive(row["archive"]))
    text = run.rows_path.read_text().replace(row["archive_sha256"], digest(run.archive(row["archive"])))
    run.rows_path.write_text(text)
    assert run.altered_archives() == []
    (run.archive(row["archive"]) / "000000.bin").write_bytes(b"z")
    assert run.altered_archives() == [f"{row['dataset']} draco {row['rate']}"]
    run_command("gate", str(run.path), "--baseline", str(tmp_path / "none.json"))
    assert "no longer what was measured" in capsys.readouterr().err
