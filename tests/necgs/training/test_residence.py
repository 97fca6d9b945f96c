"""How much memory a dense training takes on a GPU, and volumes that stay on the host."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from necgs.coding.bitstream import decode_shared, encode_set
from necgs.decoder.spec import DENSE, DecoderSpec, paper_spec
from necgs.training.dense import DenseSettings, DenseTraining
from necgs.training.latent_descent import AppendSettings
from necgs.training.new_shapes import fit_latents
from necgs.training.residence import DeviceVolumes, Estimate, HostVolumes
from necgs.training.train import train
from necgs.volume.tsdf_def import TsdfDef
from tests.necgs.training.test_dense import spheres
from tests.pretended_cuda import PretendedCuda

SPEC, SETTINGS = DecoderSpec(DENSE, 16, 4, 4, 8, (4, 4)), DenseSettings(epochs=3, batch=2)
GB = 10**9


@pytest.mark.parametrize(
    ("resolution", "shapes", "volumes", "step"),
    [(128, 500, 8.4, 4.6), (128, 1000, 16.8, 4.6), (256, 500, 67, 40)],
)
def test_estimates_are_those_computed_for_the_published_scale(resolution, shapes, volumes, step) -> None:
    """Against what a run on tensors without memory counted: 2.6 GB kept and 2 GB of SSIM's planes at K = 128."""
    estimate = Estimate.of(paper_spec(resolution), shapes, 4)
    assert estimate.volumes / GB == pytest.approx(volumes, rel=0.01)
    assert estimate.step / GB == pytest.approx(step, rel=0.1)


@pytest.mark.parametrize(
    ("resolution", "shapes", "card", "fits"),
    [(128, 500, 16, True), (128, 1000, 24, True), (128, 1000, 22, False), (256, 500, 80, False), (128, 500, 12, False)],
)
def test_cards_that_suffice(resolution, shapes, card, fits) -> None:
    assert Estimate.of(paper_spec(resolution), shapes, 4).fits(card * GB) == fits


def test_a_smaller_batch_takes_less_but_the_volumes_stay() -> None:
    large, small = (Estimate.of(paper_spec(256), 500, batch) for batch in (4, 1))
    assert small.step < large.step / 3
    assert small.volumes == large.volumes


def test_volumes_that_do_not_fit_stay_on_the_host_without_a_wait_and_train_the_same(monkeypatch, caplog) -> None:
    volumes = spheres(5, 16)
    with PretendedCuda() as seen:
        assert isinstance(DenseTraining(volumes, SPEC, SETTINGS, "cuda", 0).volumes, DeviceVolumes)
        notes: dict[str, str] = {}
        resident = train(volumes, SPEC, SETTINGS, device="cuda", notes=notes)
        assert notes["volumes_lie"].startswith("on the device: volumes 0.0 GB")
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2 << 20, 2 << 20))
        with caplog.at_level(logging.WARNING):
            training = DenseTraining(volumes, SPEC, SETTINGS, "cuda", 0)
        assert isinstance(training.volumes, HostVolumes)
        order = torch.arange(5)
        there = order.to("cuda")
        seen.waits.clear()
        for part in (slice(0, 2), slice(2, 4), slice(4, 5)):
            training.step(there[part], order[part])
        assert not seen.waits
        hosted = train(volumes, SPEC, SETTINGS, device="cuda", notes=notes)
        assert notes["volumes_lie"].startswith("on the host: volumes 0.0 GB, a step about")
    assert "the volumes stay on the host" in caplog.text
    assert "smaller batch" in caplog.text
    assert all(np.array_equal(resident.weights[name], hosted.weights[name]) for name in resident.weights)
    assert all(np.array_equal(a, b) for a, b in zip(resident.latents, hosted.latents, strict=True))


def test_appended_volumes_that_do_not_fit_stay_on_the_host_and_give_the_same_codes(monkeypatch) -> None:
    volumes, notes = spheres(5, 16), {}
    shared = decode_shared(encode_set(train(volumes[:2], SPEC, SETTINGS), "range").shared.data)
    new = [TsdfDef.of_codes(codes) for codes in volumes[2:]]
    with PretendedCuda():
        resident = fit_latents(shared, new, AppendSettings(3, batch=2), "cuda", notes=notes)
        assert notes["volumes_lie"].startswith("on the device")
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2 << 20, 2 << 20))
        hosted = fit_latents(shared, new, AppendSettings(3, batch=2), "cuda", notes=notes)
        assert notes["volumes_lie"].startswith("on the host")
    assert len(hosted) == 3
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(resident, hosted, strict=True))


def test_a_buffer_waits_for_its_copy_on_the_device_that_it_goes_to(monkeypatch) -> None:
    """Which need not be torch's current one: ``--device cuda:1``."""
    recorded = []
    with PretendedCuda():
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"stream of {device}")
        monkeypatch.setattr(torch.cuda.Event, "record", lambda self, stream=None: recorded.append(stream))
        volumes = HostVolumes(torch.from_numpy(spheres(3, 16)), 2, torch.device("cuda:1"))
        volumes.take(torch.tensor([0, 2]), torch.tensor([0, 2]))
    assert recorded == ["stream of cuda:1"]
