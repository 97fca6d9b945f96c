"""What a run tells about its user and leaves on the machine, and whether it notices what was altered since."""

import json
import os
import subprocess
import sys

import pytest

from bench.__main__ import build_parser, main
from bench.commands.run import build_request
from bench.execution.manifest import write_manifest
from bench.planning.plan import make_plan
from bench.results.home_folder import without_home
from bench.results.store import RunFolder


def test_a_manifest_does_not_tell_the_users_name(command, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    arguments = command("OneRate")
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    write_manifest(make_plan(build_request(build_parser().parse_args(arguments), arguments)), run)
    manifest = run.read_manifest()
    assert "~/run" in manifest["argv"]
    assert str(tmp_path) not in json.dumps([manifest["argv"], manifest["invocations"]])


@pytest.mark.parametrize(
    ("text", "shown"), [("{home}/x", "~/x"), ("{home}-old/x", "{home}-old/x"), ("a {home}", "a ~")]
)
def test_only_the_home_folder_is_shortened(text, shown, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert without_home(text.format(home=tmp_path)) == shown.format(home=tmp_path)


def test_contexts_without_a_folder_leave_no_empty_ones_behind(tmp_path):
    code = "from bench.codec import Context; (Context().scratch / 'x').write_text('kept'); Context(); Context()"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x"]
    assert len(list(tmp_path.rglob("*"))) == 3


def test_an_altered_archive_is_encoded_anew_when_it_is_measured_again(command, tmp_path, capfd):
    arguments = command("OneRate", extra=("--no-report",))
    assert main(arguments) == 0
    run = RunFolder(tmp_path / "run")
    (row,) = run.set_rows()
    (run.archive(row["archive"]) / "000000.bin").write_bytes(b"z")
    assert main([*arguments, "--remeasure"]) == 0
    assert "no longer what was encoded; it is made anew" in capfd.readouterr().err
    assert run.altered_archives() == []
    assert [again["archive_sha256"] for again in run.set_rows()] == [row["archive_sha256"]]
