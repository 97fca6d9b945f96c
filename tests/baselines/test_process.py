import os
import time

import pytest

from baselines.process import Program, run
from bench.codec import Context, DeadlineExceeded, EncodeFailed, Unavailable

TOOL = Program(
    "no-such-tool", "NO_SUCH_TOOL", "https://example.org/tool", "no-such-tool", version_pattern=r"tool (\S+)"
)


def gone(pid):
    """Whether a process has ended; a zombie that nobody has reaped yet counts as ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pid):
    for _ in range(200):
        if gone(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_missing_program_says_what_to_do():
    available = TOOL.availability()
    assert not available.ok
    assert "NO_SUCH_TOOL" in available.remedy
    assert "https://example.org/tool" in available.remedy
    assert TOOL.provenance() == {}
    with pytest.raises(Unavailable, match="no-such-tool"):
        TOOL.path()


def test_a_variable_that_names_nothing_is_reported(monkeypatch):
    monkeypatch.setenv("NO_SUCH_TOOL", "/nowhere/tool")
    assert "/nowhere/tool is not an executable" in TOOL.availability().reason


def test_version_and_hash_are_found(stand_in):
    stand_in("print('this is tool v7.1 of today')", variable="NO_SUCH_TOOL")
    described = TOOL.provenance()["no-such-tool"]
    assert described.startswith("v7.1 sha256:")


def test_path_is_searched(stand_in, monkeypatch):
    path = stand_in("", name="no-such-tool")
    monkeypatch.setenv("PATH", str(path.parent))
    assert TOOL.path() == path


def test_output_comes_back_and_threads_are_passed(stand_in, tmp_path):
    path = stand_in("print('threads', os.environ['OMP_NUM_THREADS'], os.getcwd(), *sys.argv[1:])")
    text = run([path, "a", "b"], tmp_path, Context(threads=3), EncodeFailed)
    assert text.split() == ["threads", "3", str(tmp_path), "a", "b"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("print('bad input'); sys.exit(255)", "returned 255: bad input"),
        ("os.kill(os.getpid(), 11)", "signal 11: it printed nothing"),
        ("print('x' * 10**6); print('the end'); sys.exit(1)", "the end"),
    ],
)
def test_failure_is_told_with_the_end_of_the_output(stand_in, tmp_path, body, message):
    with pytest.raises(EncodeFailed, match=message) as caught:
        run([stand_in(body)], tmp_path, Context(), EncodeFailed)
    assert len(str(caught.value)) < 2000
    assert (tmp_path / "program.log").exists()


def test_what_cannot_be_started_is_a_failure(tmp_path):
    (tmp_path / "data").write_text("no program")
    with pytest.raises(EncodeFailed, match="cannot be started"):
        run([tmp_path / "data"], tmp_path, Context(), EncodeFailed)


def test_a_hang_ends_at_the_deadline_with_all_children(stand_in, tmp_path):
    path = stand_in("child = os.fork()\nopen('pid%d' % (child == 0), 'w').write(str(os.getpid()))\ntime.sleep(60)")
    with pytest.raises(DeadlineExceeded, match="program was still running"):
        run([path], tmp_path, Context(deadline=time.monotonic() + 1.0), EncodeFailed)
    for name in ("pid0", "pid1"):
        assert wait_until_gone(int((tmp_path / name).read_text()))


def test_children_left_behind_are_killed(stand_in, tmp_path):
    path = stand_in("child = os.fork()\nif child == 0: time.sleep(60)\nopen('pid', 'w').write(str(child))")
    run([path], tmp_path, Context(), EncodeFailed)
    assert wait_until_gone(int((tmp_path / "pid").read_text()))


def test_no_time_left_starts_nothing(stand_in, tmp_path):
    path = stand_in("open('started', 'w')")
    with pytest.raises(DeadlineExceeded):
        run([path], tmp_path, Context(deadline=time.monotonic() - 1), EncodeFailed)
    assert not (tmp_path / "started").exists()


def test_standard_input_is_closed(stand_in, tmp_path):
    assert run([stand_in("print(len(sys.stdin.read()))")], tmp_path, Context(), EncodeFailed) == "0\n"
    assert os.environ.get("OMP_NUM_THREADS") != "99"


def test_a_fetched_program_goes_before_the_path_and_a_variable_before_both(tmp_path, monkeypatch):
    monkeypatch.setenv("NECGS_BENCH_PROGRAMS", str(tmp_path / "programs"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    places = [tmp_path / "path" / TOOL.name, tmp_path / "programs" / TOOL.fetched / "bin" / TOOL.name, tmp_path / "own"]
    monkeypatch.delenv(TOOL.variable, raising=False)
    assert TOOL.find() is None
    assert f"bench fetch {TOOL.fetched}" in TOOL.availability().remedy
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
        if place == places[-1]:
            monkeypatch.setenv(TOOL.variable, str(place))
        assert TOOL.find() == place.resolve()
