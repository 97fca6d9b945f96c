"""The cost that ``necgs-paper`` foresees, at a size at which it can be compared with the work itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
import trimesh

import necgs.cost
import necgs.paper_codec
import necgs.rendering
from bench.codec import Context
from necgs.codec import NecgsCodec, VolumeCodec
from necgs.cost import seconds_of_fit, seconds_of_training, seconds_of_visibility
from necgs.fit.rendered import RenderedFit
from necgs.paper_codec import NecgsPaperCodec
from necgs.paper_settings import PaperRate
from necgs.settings import NecgsRate, VolumeRate

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


@pytest.mark.parametrize(
    ("codec", "rendered", "other"),
    [
        (NecgsPaperCodec(), PaperRate(), SMALL),
        (NecgsCodec(), NecgsRate(deformation=True, fit="rendered"), NecgsRate()),
    ],
    ids=["necgs-paper", "necgs"],
)
def test_a_gpu_without_nvdiffrast_is_warned_of_with_what_it_costs(
    codec: VolumeCodec, rendered: VolumeRate, other: VolumeRate, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(device="cuda", threads=1, scratch=Path())
    monkeypatch.setattr(necgs.cost, "seconds_of_visibility", lambda: 1300.0)
    monkeypatch.setattr(necgs.rendering, "no_nvdiffrast", lambda: "it is not installed")
    assert codec.expected_seconds(other, 4, context) == {}  # no rendered fit
    ((name, seconds),) = codec.expected_seconds(rendered, 600, context).items()
    assert "nvdiffrast cannot be used: it is not installed" in name
    assert seconds == 600 * 1300
    monkeypatch.setattr(necgs.rendering, "no_nvdiffrast", lambda: "")
    assert codec.expected_seconds(rendered, 600, context) == {}


def test_visibility_on_the_cpu_costs_what_its_pixels_cost() -> None:
    small, large = (seconds_of_visibility(RenderedFit(iterations=500, views=2, size=size)) for size in (64, 1024))
    assert 0 < small < large


def test_provenance_names_what_finds_visible_faces_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(necgs.paper_codec, "gpu_count", lambda: 0)
    assert "visibility" not in NecgsPaperCodec().provenance()
    monkeypatch.setattr(necgs.paper_codec, "gpu_count", lambda: 1)
    for reason, told in (("", "nvdiffrast"), ("no kernel image", "on the CPU (no kernel image), some 22 minutes")):
        monkeypatch.setattr(necgs.rendering, "no_nvdiffrast", lambda reason=reason: reason)
        found = NecgsPaperCodec().provenance()["visibility"]
        assert found.startswith(told)
        assert ("minutes" in found) == bool(reason)
