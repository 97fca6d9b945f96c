"""What is told of the memory and the disk that a plan needs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bench.codec.disk_room import readable
from bench.execution import pace
from bench.execution.need import MIB, Need
from bench.execution.pace import Pace, Paces
from bench.execution.plan_need import ROW, PlanNeed, Room, need_lines
from bench.planning.jobs import Job
from bench.results.rows import SetRow, read_row

PLENTY = Room(memory=1e15, job=1e15, run=1e15, cache=1e15, one_disk=True)
NEEDS = {
    "a": Need(memory=100.0, shapes=10, archive=5.0, decoded=70.0, made=20.0, found=3.0),
    "b": Need(memory=300.0, shapes=10, archive=7.0, decoded=50.0),
}


def job(codec: str, rate: str = "1", dataset: str = "d") -> Job:
    fields = dict.fromkeys(("version", "protocol", "shapes"), "1")
    return Job(**fields, dataset=dataset, device="cpu", codec=codec, name=codec, rate=rate, settings={}, seed=0)


def planned(jobs: list[Job], shapes: int = 10, workers: int = 2, **how: Any) -> PlanNeed:
    table = {f"{name} 1 cpu 1": Pace(1.0, 1.0, 1.0, 1.0, need=need) for name, need in NEEDS.items()}
    return PlanNeed.of(jobs, {"d": shapes, "e": shapes}, workers, Paces({}, table), **how)


def lines(room: Room, jobs: list[Job], shapes: int = 10, workers: int = 2) -> list[str]:
    return list(need_lines(planned(jobs, shapes, workers), room, workers))


def set_row(**changes: object) -> SetRow:
    timing = {"wall_s": 10.0}
    timings = {
        phase: {**timing, "peak_mb": peak} for phase, peak in (("encode", 90.0), ("decode", 40.0), ("measure", 60.0))
    }
    counts = {"shapes": 10, "bytes": 50, "decoded_vertices": 20, "decoded_faces": 30}
    head = {"kind": "set", "dataset": "d", "codec": "a", "rate": "1", "seed": 0, "status": "ok", "codec_version": "2"}
    row = read_row({**head, **timings, **counts, "cache_made": 40, "cache_found": 10, **changes})
    assert row["kind"] == "set"
    return row


def test_a_row_tells_what_its_job_needed():
    assert Need.of(set_row()) == Need(
        memory=90.0, shapes=10, archive=5.0, decoded=(24 * 20 + 12 * 30) / 10, made=4.0, found=1.0
    )
    assert Pace.of(set_row(), 30.0).need == Need.of(set_row())


@pytest.mark.parametrize(
    "change", [{"decoded_vertices": 0, "decoded_faces": 0}, {"decode": {"wall_s": 1.0}}, {"measure": None}]
)
def test_a_row_of_an_older_run_or_of_a_failed_job_does_not(change):
    assert Need.of(set_row(**change)) is None


def test_memory_lies_between_what_was_seen_and_its_growth_with_the_set():
    need = NEEDS["a"]
    assert need.memory_bounds(10) == (100 * MIB, 100 * MIB)
    assert need.memory_bounds(30) == (100 * MIB, 300 * MIB)
    assert need.memory_bounds(1) == (10 * MIB, 100 * MIB)


def test_a_plan_sums_up_what_its_jobs_need():
    need = planned([job("a"), job("a", "2"), job("b"), job("b", "2", "e"), job("c")])
    assert need.memory(2) == (600 * MIB, 600 * MIB)
    assert need.memory(3) == (700 * MIB, 700 * MIB)
    assert need.run == 4 * 10 * ROW + 10 * (5 + 5 + 7 + 7)
    assert need.decoded == 10 * (70 + 70)
    assert need.cache == 10 * (20 + 3 + 20)  # the second rate finds what the first has made
    assert need.unknown == ("c",)


def test_jobs_that_are_measured_again_bring_rows_only():
    need = planned([job("a")], remeasure=True)
    assert (need.run, need.cache, need.decoded) == (10 * ROW, 0, 700)


def test_decoded_meshes_that_are_kept_stay_in_the_run_folder():
    need = planned([job("a"), job("b")], keep_decoded=True)
    assert (need.run, need.decoded) == (2 * 10 * ROW + 10 * (5 + 7 + 70 + 50), 0)


def test_a_plan_that_fits_is_told_in_one_line():
    (line,) = lines(dataclasses.replace(PLENTY, memory=2e9, run=5e9), [job("a"), job("b")])
    assert line == (
        "it needs at most 419 MB of memory (2.0 GB free), about 20 kB in the run folder, 1.2 kB there for decoded "
        "meshes while jobs work, 230 bytes in the cache (5.0 GB of disk free)"
    )


def test_a_larger_set_may_need_more_in_proportion_and_a_smaller_one_less():
    (line,) = lines(PLENTY, [job("a")], shapes=30)
    assert "it needs 105 MB to 315 MB of memory" in line
    (line,) = lines(PLENTY, [job("a")], shapes=5)
    assert "it needs 52 MB to 105 MB of memory" in line


def test_codecs_that_treat_each_shape_alone_need_no_more_memory_for_a_larger_set():
    need = planned([job("a"), job("b")], shapes=30, one_by_one={"a"})
    assert dict(need.jobs) == {job("a").label: (100 * MIB, 100 * MIB), job("b").label: (300 * MIB, 900 * MIB)}


def test_codecs_of_which_nothing_is_known_are_named_and_no_zero_is_told():
    (line,) = lines(PLENTY, [job("b"), job("c")])
    assert line.endswith("; not counted, for nothing is known of it: c")
    assert "cache" not in line
    assert lines(PLENTY, [job("c")]) == []
    assert lines(PLENTY, []) == []


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        (599, "warning: the memory does not suffice: --workers 1 has room"),
        (299, "warning: the memory does not suffice: not even for one job; free some, or take less: --limit N"),
    ],
)
def test_too_little_memory_is_told_with_what_helps(memory, told):
    room = dataclasses.replace(PLENTY, memory=memory * MIB)
    assert lines(room, [job("b"), job("b", "2")])[1:] == [told]


def test_memory_that_suffices_only_if_little_of_it_grows_with_the_set():
    room = dataclasses.replace(PLENTY, memory=1000 * MIB)
    told = ["warning: the memory may not suffice, should it all grow with the set: --workers 1 has room"]
    assert lines(room, [job("b"), job("b", "2")], shapes=30)[1:] == told


def test_a_job_that_would_be_stopped_at_its_limit_is_named():
    (told,) = lines(dataclasses.replace(PLENTY, job=200 * MIB), [job("a"), job("b")])[1:]
    assert told.startswith("warning: b 1 held 315 MB before, and is stopped here at 210 MB: fewer --workers")


def test_memory_of_other_machines_is_not_compared():
    (line,) = lines(dataclasses.replace(PLENTY, memory=None, job=None), [job("a")])
    assert "MB of memory, about" in line


def test_disks_that_are_too_small_are_told_with_what_helps():
    together = dataclasses.replace(PLENTY, run=20_000.0, cache=20_000.0)
    assert lines(together, [job("a"), job("b")])[1:] == [
        "warning: run folder and cache will take 22 kB of disk, 20 kB are free: "
        "free some, or name a folder on another disk with --out or --cache"
    ]
    apart = dataclasses.replace(PLENTY, run=20_000.0, cache=200.0, one_disk=False)
    run, cache = lines(apart, [job("a"), job("b")])[1:]
    assert (run.startswith("warning: the run folder"), run.endswith("--out")) == (True, True)
    assert (cache.startswith("warning: the cache"), cache.endswith("--cache")) == (True, True)
    assert "(20 kB and 200 bytes of disk free)" in lines(apart, [job("a")])[0]


def test_room_is_found_for_folders_that_are_not_there_yet(tmp_path):
    room = Room.of(tmp_path / "a" / "b", tmp_path / "c", 5.0)
    assert room.one_disk
    assert room.run > 0
    assert (room.memory or 0) > 0
    assert Room.of(tmp_path, tmp_path, None).memory is None


@pytest.mark.parametrize(("size", "text"), [(812, "812 bytes"), (8.1e6, "8.1 MB"), (21e6, "21 MB"), (4.1e9, "4.1 GB")])
def test_sizes_are_readable(size, text):
    assert readable(size) == text


def test_the_book_of_a_run_folder_takes_the_seconds_of_starting_from_an_earlier_book(tmp_path: Path, capsys):
    run, book = tmp_path / "run", tmp_path / "cache" / "paces.json"
    run.mkdir()
    (run / "rows.jsonl").write_text(json.dumps(set_row()) + "\n")
    (run / "manifest.json").write_text(json.dumps({"format": 1, "protocol": {"samples": 50_000}}))
    book.parent.mkdir()
    book.write_text(pace.as_text({"a 1 cpu 1": Pace(9.0, 1.0, 1.0, 1.0), "b 1 cpu 1": Pace(8.0, 1.0, 1.0, 1.0)}))
    pace.main([str(book.parent), str(run)])
    (tmp_path / "new.json").write_text(capsys.readouterr().out)
    assert pace.known_to(tmp_path / "new.json") == {
        "a 1 cpu 2": Pace(9.0, 1.0, 1.0, 2.0, need=Need.of(set_row())),
        "b 1 cpu 1": Pace(8.0, 1.0, 1.0, 1.0),
    }
