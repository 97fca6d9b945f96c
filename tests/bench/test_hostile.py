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


def test_merge_and_archive_run_nothing_that_a_run_names(payload, tmp_path, capsys):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    run.rows_path.write_text(run.rows_path.read_text().replace('"draco"', '"payload:Codec"'))
    manifest = json.loads(run.manifest_path.read_text())
    manifest["codecs"] = {"payload:Codec": manifest["codecs"]["draco"]}
    run.write_manifest(manifest)
    Archive((Part(b"x"), Part(b"y"))).write(run.archive(run.set_rows()[0]["archive"]))
    assert run_command("merge", str(run.path), "-o", str(tmp_path / "merged")) == 0
    for folder in (run.path, tmp_path / "merged"):
        assert run_command("archive", str(folder)) == 0
        assert run_command("archive", str(folder), "payload:Codec", "r1", "--out", str(tmp_path / "coded")) == 0
        decoded = ("archive", str(folder), "payload:Codec", "r1", "--decoded", "--out", str(tmp_path / "decoded"))
        assert run_command(*decoded) == 3
        assert "--codec payload:Codec" in capsys.readouterr().err
    assert not payload.exists()
    assert run_command(*decoded, "--codec", "payload:Codec") == 3  # it is imported, and decodes nothing
    assert payload.exists()


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", ["000000.bin", "more", "record"])
@pytest.mark.parametrize("kind", ["link", "endless", "pipe"])
def test_nothing_is_read_that_lies_outside_of_a_run_or_never_ends(place, kind, tmp_path, capsys):
    secret = tmp_path / "secret"
    secret.write_text("a key")
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    archive = run.archive(run.set_rows()[0]["archive"])
    Archive((Part(b"x"), Part(b"y"))).write(archive)
    path = archive.with_name(f"{archive.name}.json") if place == "record" else archive / place
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(secret if kind == "link" else "/dev/zero")
    assert run_command("merge", str(run.path), "-o", str(tmp_path / "merged")) == 2
    assert f"{path} is a link, a pipe or a device" in capsys.readouterr().err
    assert not (tmp_path / "merged").exists()
    assert len(run.altered_archives()) == 1
    if place == "000000.bin":
        assert run_command("archive", str(run.path), "draco", "r1", "--out", str(tmp_path / "out")) == 1
        assert str(path) in capsys.readouterr().err
    assert b"a key" not in b"".join(made.read_bytes() for made in (tmp_path / "out").glob("*"))


@pytest.mark.parametrize("index", [2, -1, 10**30])
def test_a_row_of_a_shape_that_the_archive_does_not_have_is_named(index, tmp_path, capsys):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    rows = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    rows[1]["index"] = index
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    Archive((Part(b"x"), Part(b"y"))).write(run.archive(rows[1]["archive"]))
    words = ("archive", str(run.path), "draco", "r1", "--out", str(tmp_path / "out"))
    assert run_command(*words) == 1
    assert f"none of index {index}" in capsys.readouterr().err
    assert run_command(*words, "--decoded") == 3
    assert f"none of index {index}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../x", "/abs", "a\0b", "", "...", "x" * 300])
def test_files_of_shapes_with_hostile_names_stay_in_their_folder(name, tmp_path):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    rows = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    rows[1]["shape"] = name
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    Archive((Part(b"x"), Part(b"y"))).write(run.archive(rows[1]["archive"]))
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    assert run_command("archive", str(run.path), "draco", "r1", "--out", str(tmp_path / "out")) == 0
    assert sorted(path.read_bytes() for path in (tmp_path / "out").iterdir()) == [b"x", b"y"]
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == before


def test_a_row_whose_shape_is_named_by_half_a_surrogate_pair_is_refused(tmp_path, capsys):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    rows = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    rows[1]["shape"] = "\ud800"
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run_command("archive", str(run.path), "draco", "r1", "--out", str(tmp_path / "out")) == 2
    assert "line 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_archive_with_fewer_shapes_than_its_rows_is_named(tmp_path, capsys):
    run = write_run(tmp_path / "run", codecs=["draco"], shapes=2, rates=1)
    Archive((Part(b"x"),)).write(run.archive(run.set_rows()[0]["archive"]))
    for more in ([], ["--decoded"]):
        words = ("archive", str(run.path), "draco", "r1", "--out", str(tmp_path / "out"), *more)
        assert run_command(*words) in (1, 3)
        assert "none of index 1" in capsys.readouterr().err


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
