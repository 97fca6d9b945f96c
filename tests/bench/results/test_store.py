from __future__ import annotations

import os

import pytest

from bench.results.store import RunFolder, StoreError


def job_rows(job: str, codec: str = "a", status: str = "ok") -> list[dict]:
    common = {"job": job, "dataset": "d", "codec": codec, "rate": "r", "seed": 0, "status": status}
    return [{**common, "kind": "shape", "index": 0}, {**common, "kind": "set", "shapes": 1}]


def test_rows_come_back_in_order(tmp_path):
    run = RunFolder(tmp_path)
    run.append(job_rows("1", "a"))
    run.append(job_rows("2", "b"))
    assert [row["job"] for row in run.rows()] == ["1", "1", "2", "2"]
    assert [row["kind"] for row in run.set_rows()] == ["set", "set"]


def test_a_later_job_for_the_same_point_replaces_the_earlier(tmp_path):
    run = RunFolder(tmp_path)
    run.append(job_rows("1", status="timeout"))
    run.append(job_rows("other", "b"))
    run.append(job_rows("1", status="ok"))
    assert [(row["job"], row["status"]) for row in run.set_rows()] == [("other", "ok"), ("1", "ok")]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_what_a_torn_write_left_is_ignored_and_cut_off(tmp_path, cut):
    run = RunFolder(tmp_path)
    run.append(job_rows("1"))
    whole = run.rows_path.read_bytes()
    run.append(job_rows("2", "b"))
    torn = run.rows_path.read_bytes()[:-cut]
    run.rows_path.write_bytes(torn)
    assert [row["job"] for row in run.set_rows()] == ["1"]
    assert run.recover() == len(torn) - len(whole)
    assert run.rows_path.read_bytes() == whole
    assert run.recover() == 0


def test_an_altered_file_is_an_error_and_stays_as_it_is(tmp_path):
    run = RunFolder(tmp_path)
    run.append(job_rows("1"))
    run.append(job_rows("2", "b"))
    altered = run.rows_path.read_text().replace('"kind"', "kind", 1)
    run.rows_path.write_text(altered)
    with pytest.raises(StoreError, match="line 1"):
        run.recover()
    assert run.rows_path.read_text() == altered


def test_a_full_disk_leaves_no_half_job(tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    run.append(job_rows("1"))
    before = run.rows_path.read_bytes()
    write = os.write

    def short(descriptor, data):
        if len(data) > 20:
            return write(descriptor, data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        run.append(job_rows("2", "b"))
    assert run.rows_path.read_bytes() == before


def test_numbers_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        RunFolder(tmp_path).append([{"kind": "set", "cd": float("nan")}])


def test_a_folder_without_a_manifest_is_no_run(tmp_path):
    with pytest.raises(StoreError, match="not a run folder"):
        RunFolder(tmp_path).read_manifest()
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        RunFolder(tmp_path).read_manifest()


def test_names_that_rows_have_in_common_are_held_once(tmp_path):
    run = RunFolder(tmp_path)
    run.append(job_rows("1", "a"))
    run.append(job_rows("2", "b"))
    first, second = (job.rows[0] for job in run.jobs())
    assert all(a is b for a, b in zip(first, second, strict=True))


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(StoreError, match="is a file, no run folder"):
        RunFolder(tmp_path / "a").read_manifest()
