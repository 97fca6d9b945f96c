"""What a run says of its progress, and how it estimates the time that is left."""

from __future__ import annotations

import io
import json

import pytest

from bench.execution.pace import PaceBook
from bench.execution.progress import RunProgress, clock, describe, expected_seconds, remaining
from bench.execution.run_log import NORMAL, QUIET, VERBOSE, RunLog
from bench.planning.jobs import Job

FIELDS = dict.fromkeys(("dataset", "name", "version", "device", "protocol", "shapes"), "x")


def job(codec: str, rate: str) -> Job:
    return Job(**FIELDS, codec=codec, rate=rate, settings={}, seed=0)


def set_row(encode_s: float, **changes) -> dict:
    none = {"wall_s": 0.0}
    common = {"status": "ok", "message": "", "bytes": 1234, "failed": 0, "unmeasured": 0, "shapes": 2}
    return {**common, "encode": {"wall_s": encode_s}, "decode": none, "measure": none, **changes}


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (75, "1 min 15 s"), (7300, "2 h 1 min")])
def test_times_are_readable(seconds, text):
    assert clock(seconds) == text


def test_a_failed_set_is_described_by_its_reason():
    assert describe(set_row(1.0, status="timeout", message="too late\nlog")) == "timeout: too late"


@pytest.mark.parametrize(
    ("expected", "workers", "text"),
    [
        ([60.0, 60.0], 1, "about 2 min 0 s left"),
        ([60.0, 60.0, 60.0, 60.0], 2, "about 2 min 0 s left"),
        ([100.0, 10.0], 2, "about 1 min 40 s left"),  # the longest job decides
        ([60.0, None], 1, "more than 1 min 0 s left"),
        ([None, None], 2, "time left not known yet"),
    ],
)
def test_what_is_left(expected, workers, text):
    assert remaining(expected, workers) == text


def test_the_rates_of_a_codec_stand_for_one_another_but_codecs_do_not():
    finished = {"a": [(job("a", "1"), 30.0), (job("a", "2"), 50.0)]}
    assert expected_seconds(job("a", "3"), 2, None, finished) == 40.0
    assert expected_seconds(job("b", "1"), 2, None, finished) is None


def test_an_earlier_run_is_scaled_by_how_this_one_goes(tmp_path):
    paces = PaceBook(tmp_path / "cache" / "paces.json")
    paces.note(job("a", "1"), 4, 40.0)
    paces.note(job("a", "2"), 4, 80.0)
    assert PaceBook(paces.path).seconds(job("a", "2"), 2) == 40.0
    assert expected_seconds(job("a", "2"), 2, paces, {}) == 40.0
    assert expected_seconds(job("a", "2"), 2, paces, {"a": [(job("a", "1"), 10.0)]}) == 20.0


def test_the_paces_of_this_run_do_not_hide_how_it_compares_with_the_earlier_one(tmp_path):
    paces = PaceBook(tmp_path / "paces.json")
    for rate in ("1", "2"):
        paces.note(job("a", rate), 2, 40.0)
    log = RunLog(None, NORMAL, io.StringIO())
    progress = RunProgress(2, 1, log, {"x": 2}, paces)
    progress.finish(job("a", "1"), set_row(80.0), [job("a", "2")])
    assert log.stream.getvalue().strip().endswith("; about 1 min 20 s left")
    assert paces.seconds(job("a", "1"), 2) == 80.0


@pytest.mark.parametrize("content", ["", "[1]", '{"a 1 x x": "nan"}', '{"a 1 x x": -1}', '{"a 1 x x": null}'])
def test_a_damaged_book_is_an_empty_one(tmp_path, content):
    paces = PaceBook(tmp_path / "paces.json")
    paces.path.write_text(content)
    assert paces.seconds(job("a", "1"), 1) is None
    paces.note(job("a", "1"), 2, 6.0)
    assert paces.seconds(job("a", "1"), 1) == 3.0
    assert list(json.loads(paces.path.read_text())) == ["a 1 x x"]


def lines(verbosity: int, tmp_path) -> tuple[list[str], list[str]]:
    """What the terminal and the log file get of a good job and a failed one."""
    log = RunLog(tmp_path / "run.log", verbosity, io.StringIO())
    progress = RunProgress(2, 1, log)
    good, bad = job("a", "1"), job("a", "2")
    progress.start(good)
    progress.update(good, "encode", 0.5, "epoch 3")
    progress.finish(good, set_row(60.0), [bad])
    progress.finish(bad, set_row(1.0, status="timeout", message="too late"), [])
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
