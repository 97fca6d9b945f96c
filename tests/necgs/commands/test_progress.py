"""What the command line says while it works."""

from __future__ import annotations

import io

import pytest

from necgs.commands.progress import Progress


def test_progress_is_plain_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("necgs.commands.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(0, 5):
        progress(done, 4, "training")
        now += 15
    assert stream.getvalue().splitlines() == [
        "training: begins",
        "training: 25 %, about 45 s left of this stage",
        "training: 50 %, about 30 s left of this stage",
        "training: 75 %, about 15 s left of this stage",
        "training: done",
    ]


def test_the_first_step_of_a_stage_does_not_tell_how_long_the_rest_takes() -> None:
    stream = io.StringIO()
    Progress(stream)(1, 50, "training")
    assert stream.getvalue() == "training: begins\n"


def test_no_time_is_told_before_the_first_step() -> None:
    stream = io.StringIO()
    Progress(stream)(0, 4, "training")
    assert stream.getvalue() == "training: begins\n"


def test_a_stage_of_unknown_length_is_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("necgs.commands.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    progress = Progress(stream)
    for shape in range(8):
        progress(shape, 0, "coding")
        now += 4
    assert stream.getvalue().splitlines() == ["coding: begins", "coding: goes on", "coding: goes on"]


def test_progress_is_a_bar_with_the_remaining_time_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(stream)
    progress(1, 2, "volumes")
    progress(2, 2, "volumes")
    progress(1, 9, "training")
    progress(1, 0, "coding")
    progress.close()
    assert "volumes: 100%" in stream.getvalue()
    assert "training" in stream.getvalue()
