"""The cost that ``necgs-paper`` foresees, at a size at which it can be compared with the work itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
import trimesh

from bench.codec import Context
from necgs.cost import seconds_of_fit, seconds_of_training
from necgs.fit.rendered import RenderedFit
from necgs.paper_codec import NecgsPaperCodec
from necgs.paper_settings import PaperRate

SMALL = PaperRate(resolution=32, width=2, epochs=2, deformation=False)


def test_the_training_foreseen_is_of_the_order_of_the_training_done() -> None:
    codec, context = NecgsPaperCodec(), Context(threads=1)
    meshes = [trimesh.creation.icosphere(subdivisions=2, radius=0.5)] * 4
    codec.encode(meshes, SMALL, context)  # warms up
    torch.set_num_threads(1)
    start = time.process_time()
    codec.encode(meshes, SMALL, Context(threads=1))
    done = time.process_time() - start
    assert done / 20 < seconds_of_training(SMALL, 4) < 20 * done


def test_it_grows_with_shapes_epochs_and_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(time, "process_time", lambda: float(next(clock)))
    torch.set_num_threads(1)
    assert seconds_of_training(SMALL, 48) == 48 * 2
    assert seconds_of_fit(16, RenderedFit(iterations=500, size=16)) == 500


def test_phases_are_those_that_the_rate_has_and_a_gpu_is_not_warned_of() -> None:
    codec, context = NecgsPaperCodec(), Context(threads=1, scratch=Path())
    assert set(codec.expected_seconds(SMALL, 4, context)) == {"train"}
    assert codec.expected_seconds(SMALL, 4, Context(device="cuda", scratch=Path())) == {}
