"""What a run says of its progress, and how it estimates the time that is left."""

from __future__ import annotations

import io
import json

import pytest

from bench.execution.pace import Pace, PaceBook
from bench.execution.progress import RunProgress, describe
from bench.execution.run_log import NORMAL, QUIET, VERBOSE, RunLog
from bench.planning.jobs import Job

SECONDS = '{"start": 1, "encode": 1, "decode": 1, "measure": 1, "need": '
NEEDS = ["1", "{}", '{"memory": 1, "shapes": 0, "archive": 1, "decoded": 1}', '{"memory": -1, "shapes": 1}']
DAMAGED = [f"{SECONDS}{need}}}" for need in NEEDS]
FIELDS = dict.fromkeys(("dataset", "name", "version", "device", "protocol", "shapes"), "x")


def job(codec: str, rate: str) -> Job:
    return Job(**FIELDS, codec=codec, rate=rate, settings={}, seed=0)


def set_row(encode_s: float, **changes) -> dict:
    none = {"wall_s": 0.0, "recalled_s": 0.0, "peak_mb": 0.0}
    common = {"status": "ok", "message": "", "bytes": 1234, "failed": 0, "unmeasured": 0, "shapes": 2}
    common |= dict.fromkeys(("decoded_vertices", "decoded_faces", "cache_made", "cache_found"), 0)
    return {**common, "encode": {**none, "wall_s": encode_s}, "decode": none, "measure": none, **changes}


def test_a_failed_set_is_described_by_its_reason():
    assert describe(set_row(1.0, status="timeout", message="too late\nlog")) == "timeout: too late"


def test_the_paces_of_this_run_do_not_hide_how_it_compares_with_the_earlier_one(tmp_path):
    book = PaceBook(tmp_path / "paces.json")
    for rate in ("1", "2"):
        book.note(job("a", rate), Pace(0.0, 20.0, 0.0, 0.0))
    log = RunLog(None, NORMAL, io.StringIO())
    progress = RunProgress([job("a", "1"), job("a", "2")], 1, log, {"x": 2}, book)
    progress.finish(job("a", "1"), set_row(80.0))
    assert log.stream.getvalue().strip().endswith("; about 1 min 7 s left")  # (80 + 40 / 2) / (40 + 40 / 2) of 40 s
    assert book.entries()["a 1 x x"] == Pace(0.0, 40.0, 0.0, 0.0)


def test_what_a_job_took_is_kept_in_full_precision_enough_for_an_estimate(tmp_path):
    book = PaceBook(tmp_path / "cache" / "paces.json")
    book.note(job("a", "1"), Pace(1.23456, 2.0, 3.0, 4.0, 5.0))
    assert book.entries() == {"a 1 x x": Pace(1.235, 2.0, 3.0, 4.0, 5.0)}


def test_a_job_that_lost_its_measuring_has_no_pace():
    assert Pace.of(set_row(1.0, measure=None), 3.0) is None
    assert Pace.of(set_row(1.0), 3.0, samples=1000) == Pace(2.0, 0.5, 0.0, 0.0)


def test_a_book_of_an_older_version_is_read(tmp_path):
    book = PaceBook(tmp_path / "paces.json")
    book.path.write_text('{"a 1 x x": {"start": 1.0, "encode": 2.0, "decode": 3.0, "measure": 4.0, "recalled": 5.0}}')
    assert book.entries() == {"a 1 x x": Pace(1.0, 2.0, 3.0, 4.0, 5.0)}


@pytest.mark.parametrize("pace", ["1.5", "null", '{"start": 1}', '{"start": "1"}', "[1, 2, 3, 4, 5]", *DAMAGED])
def test_a_damaged_entry_is_left_out(tmp_path, pace):
    book = PaceBook(tmp_path / "paces.json")
    good = Pace(1.0, 2.0, 3.0, 4.0, 5.0)
    book.note(job("a", "1"), good)
    book.path.write_text(book.path.read_text().replace("{\n", f'{{\n"b 1 x x": {pace},\n'))
    assert book.entries() == {"a 1 x x": good}


@pytest.mark.parametrize("content", ["", "[1]", "1", "{", "\x00", '{"a 1 x x": {"start": -1}}', "[" * 100_000])
def test_a_damaged_book_is_an_empty_one(tmp_path, content):
    book = PaceBook(tmp_path / "paces.json")
    book.path.write_text(content)
    assert book.entries() == {}
    book.note(job("a", "1"), Pace(1.0, 2.0, 3.0, 4.0, 5.0))
    assert list(json.loads(book.path.read_text())) == ["a 1 x x"]


def lines(verbosity: int, tmp_path) -> tuple[list[str], list[str]]:
    """What the terminal and the log file get of a good job and a failed one."""
    log = RunLog(tmp_path / "run.log", verbosity, io.StringIO())
    good, bad = job("a", "1"), job("a", "2")
    progress = RunProgress([good, bad], 1, log)
    progress.start(good)
    progress.update(good, "encode", 0.5, "epoch 3")
    progress.finish(good, set_row(60.0))
    progress.finish(bad, set_row(1.0, status="timeout", message="too late"))
    progress.close()
    return log.stream.getvalue().splitlines(), [line.partition(" ")[2] for line in log.path.read_text().splitlines()]


def test_the_terminal_gets_what_was_asked_for_and_the_log_gets_all(tmp_path):
    shown, logged = lines(QUIET, tmp_path)
    assert shown == ["[2/2] a 2: timeout: too late"]
    assert [line.partition(": ")[2] for line in logged[:2]] == ["begins", "encode"]
    assert logged[2].startswith("[1/2] a 1: 1,234 bytes, encode 60.0 s, decode 0.0 s; about ")
    for verbosity, count in ((NORMAL, 2), (VERBOSE, 4)):
        folder = tmp_path / str(verbosity)
        folder.mkdir()
        assert len(lines(verbosity, folder)[0]) == count


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    log = RunLog(tmp_path, stream=io.StringIO())
    log.say("hello")
    assert log.stream.getvalue() == "hello\n"
