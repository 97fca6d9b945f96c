"""The command line, interrupted or out of disk: nothing half written, and what was trained is used again."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import necgs.commands.compress
import necgs.training.train
from necgs.__main__ import main
from necgs.commands.progress import Progress
from tests.necgs.commands.test_cli import FAST, ball_and_box, files


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_and_box(tmp_path_factory.mktemp("sources"))


def test_an_interruption_leaves_no_half_file(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(necgs.training.train, "train", interrupted)
    assert main(["compress", str(sources), "-o", str(tmp_path / "s.necgs"), *FAST]) == 130
    assert files(tmp_path) == []


def test_a_checkpoint_folder_is_given_to_the_training(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []

    def interrupted(*_: object, checkpoint: Path, **__: object) -> None:
        given.append(checkpoint)
        raise KeyboardInterrupt

    monkeypatch.setattr(necgs.training.train, "train", interrupted)
    command = ["compress", str(sources), "-o", str(tmp_path / "s.necgs"), *FAST]
    assert main([*command, "--checkpoint", str(tmp_path / "state")]) == 130
    assert main(command) == 130
    assert given[0].parent == tmp_path / "state"
    assert not given[1].exists()


def test_an_interrupted_search_for_a_size_goes_on_where_it_was(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("necgs.training.checkpoint.SECONDS_BETWEEN", -1.0)
    steps: list[tuple[int, int]] = []

    def interrupted(_: Progress, done: int, total: int, note: str = "") -> None:
        steps.extend([(done, total)] * (note == "training"))
        if (done, total) == (70, 96):
            raise KeyboardInterrupt

    command = ["compress", str(sources), "-o", str(tmp_path / "s.necgs"), *FAST, "--set", "epochs=8"]
    command += ["--target-bytes", "9999", "--checkpoint", str(tmp_path / "state")]
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", interrupted)
        assert main(command) == 130
    assert steps[0] == (1, 12)
    steps.clear()
    monkeypatch.setattr(Progress, "__call__", lambda _, done, total, note="": steps.append((done, total)))
    assert main(command) == 0
    assert min(done for done, total in steps if total == 96) == 70


def test_the_state_is_kept_until_the_output_is_written(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("necgs.training.checkpoint.SECONDS_BETWEEN", -1.0)
    state = tmp_path / "state"
    command = ["compress", str(sources), "-o", str(tmp_path / "s.necgs"), *FAST, "--checkpoint", str(state)]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(necgs.commands.compress, "write_atomically", full)
        assert main(command) == 1
    assert list(state.rglob("training-*.pt"))
    assert main(command) == 0
    assert files(state) == []
