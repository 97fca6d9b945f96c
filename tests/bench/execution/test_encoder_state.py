"""What an encoder has written for itself outlives an interrupted run, and goes away with the finished job."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.execution import job
from bench.execution.job import run_job
from bench.execution.run_context import RunContext
from bench.execution.supervisor import Interrupted, Outcome
from bench.metrics.protocol import Protocol
from bench.results.store import RunFolder
from tests.bench.planning.test_jobs import make_job


def test_an_interrupted_training_finds_its_checkpoint_again(tmp_path, monkeypatch) -> None:
    found = []

    def run_worker(task, folder, **_: object) -> Outcome:
        if task.phase == "encode":
            Path(task.scratch).mkdir(parents=True, exist_ok=True)
            checkpoint = Path(task.scratch) / "training.pt"
            found.append(checkpoint.exists())
            checkpoint.touch()
            if len(found) == 1:
                raise Interrupted
        return Outcome("ok", "", 1.0, 1.0, {"shapes": []})

    monkeypatch.setattr(job, "run_worker", run_worker)
    monkeypatch.setattr(job.sealed_archive, "seal", lambda archive, outcome: outcome)
    run = RunFolder(tmp_path / "run")
    context, training = RunContext(run, (), tmp_path, Protocol()), make_job(name="necgs", device="cpu")
    with pytest.raises(Interrupted):
        run_job(training, context)
    assert not (run.path / "scratch" / training.key).exists()
    run.drop_scratch()
    run_job(training, context)
    assert found == [False, True]
    assert not (run.path / "state").exists()
