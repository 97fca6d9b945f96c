"""What the command line says while it works."""

from __future__ import annotations

import io

from necgs.commands.progress import Progress


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for done in range(1, 5):
        progress(done, 4, "training")
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("training: 25 %, about")
    assert lines[0].endswith("s left of this stage")
    assert lines[-1] == "training: done"


def test_no_time_is_told_before_the_first_step() -> None:
    stream = io.StringIO()
    Progress(stream)(0, 4, "training")
    assert stream.getvalue() == "training: begins\n"


def test_progress_is_a_bar_with_the_remaining_time_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(stream)
    progress(1, 2, "volumes")
    progress(2, 2, "volumes")
    progress(1, 9, "training")
    progress.close()
    assert "volumes: 100%" in stream.getvalue()
    assert "training" in stream.getvalue()
