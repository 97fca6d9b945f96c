import json

import pytest

from bench.__main__ import main
from bench.results.check import check, exit_code
from bench.results.store import StoreError
from tests.reports.synthetic import Defects, write_run


@pytest.fixture
def run(tmp_path):
    lost = Defects(failing=[("octree", "r1", 0)])
    made = write_run(tmp_path / "run", codecs=["draco", "octree"], shapes=3, rates=2, defects=lost)
    manifest = made.read_manifest()
    manifest["protocol"]["identifier"] = "sampled+surface-1"
    made.write_manifest(manifest)
    return made


def altered(run, change, kind="shape"):
    """Change the first row of a kind, without the harness."""
    rows = [json.loads(line) for line in run.rows_path.read_text().splitlines()]
    change(next(row for row in rows if row["kind"] == kind))
    run.rows_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [complaint.text for complaint in check(run)]


def test_a_run_as_the_harness_writes_it_holds_together(run, capsys):
    assert check(run) == []
    assert main(["report", str(run.path), "--check"]) == 0
    assert "complete and consistent" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda row: row.update(bytes=row["bytes"] - 1), "shape", "add up to"),
        (lambda row: row["ledger"].update(payload=0), "set", "the ledger adds up to 0 bytes"),
        (lambda row: row.update(nc=1.2), "shape", "nc is 1.2, not from 0 to 1"),
        (lambda row: row.pop("surface_cd"), "shape", "surface_cd is missing"),
        (lambda row: row.update(decoded_sha256=""), "shape", "no hash of the decoded mesh"),
        (lambda row: row.update(protocol="other"), "shape", "another metric protocol"),
        (lambda row: row.update(shape="another"), "shape", "not those of the manifest"),
        (lambda row: row.update(index=5), "shape", "not in order"),
        (lambda row: row.update(failed=2), "set", "0 shapes failed, the set's row says 2"),
        (lambda row: row.update(status="decode_failed"), "shape", "carries scores instead of the penalty"),
        (lambda row: row.update(source_bytes=1), "set", "source files"),
        (lambda row: row.update(codec="mine"), "set", "does not describe the codec"),
    ],
)
def test_what_contradicts_itself_is_wrong(run, change, kind, said):
    texts = altered(run, change, kind)
    assert any(said in text for text in texts)
    assert exit_code(check(run)) == 1


def test_what_is_not_there_is_missing(run, capsys):
    lines = run.rows_path.read_text().splitlines(keepends=True)
    run.rows_path.write_text("".join(line for line in lines if '"octree"' not in line)[:-1])
    # The last set row lost its line end: its job counts as unfinished.
    assert main(["report", str(run.path), "--check"]) == 4
    said = capsys.readouterr().err
    assert "no rows of octree" in said
    assert "ends in the middle of a line" in said


def test_an_archive_that_was_changed_and_a_digest_that_is_not_that_of_the_shapes(run):
    whole = run.set_rows()[0]
    folder = run.archive(whole["archive"])
    folder.mkdir(parents=True)
    (folder / "000000").write_bytes(b"other")
    manifest = run.read_manifest()
    entry = {"digest": "0" * 64, "provenance": {}, "shapes": [], "skipped_shapes": []}
    run.write_manifest({**manifest, "datasets": {"sample": entry}})
    texts = [complaint.text for complaint in check(run)]
    assert any("not the one that was measured" in text for text in texts)
    assert any("do not have the digest" in text for text in texts)


def test_what_is_no_run_folder_is_refused(tmp_path):
    with pytest.raises(StoreError):
        check(write_run(tmp_path / "x", codecs=[]).__class__(tmp_path))
    assert main(["report", str(tmp_path), "--check"]) == 2
    assert main(["report", str(write_run(tmp_path / "empty", codecs=[]).path), "--check"]) == 4
