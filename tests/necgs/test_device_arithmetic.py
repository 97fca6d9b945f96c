"""What decoders and trainings ask of a GPU's arithmetic, and how many kernels a step launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from necgs.coding.bitstream import decode_shared, encode_set
from necgs.decoder.dense import decode_volume
from necgs.decoder.spec import DENSE, DecoderSpec, block_sparse_spec
from necgs.training.block_settings import BlockSettings
from necgs.training.dense import DenseSettings, DenseTraining
from necgs.training.latent_descent import AppendSettings
from necgs.training.new_shapes import fit_latents
from necgs.training.ssim import gaussian_window
from necgs.training.train import train
from necgs.volume.tsdf_def import TsdfDef
from tests.necgs.training.test_dense import spheres
from tests.pretended_cuda import PretendedCuda

PAPER = DecoderSpec(DENSE, 16, 4, 4, 8, (4, 4))
TRAININGS = {
    "blocks": (block_sparse_spec(16, (4, 4, 4), latent_channels=4), BlockSettings(epochs=1, batch=2)),
    "dense": (PAPER, DenseSettings(epochs=1, batch=2)),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_decoders_compute_in_whole_float32_whatever_the_process_was_told(name: str, monkeypatch) -> None:
    spec, settings = TRAININGS[name]
    trained = train(spheres(2, 16, spec.channels), spec, settings)
    asked: dict[str, set[tuple[str, bool]]] = {}

    def watched(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*arguments: object, **named: object) -> Any:
            state = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
            asked.setdefault(kind, set()).add(state)
            return real(*arguments, **named)

        return watch

    for module, kind in ((F, "linear"), (F, "conv3d"), (torch, "addmm")):
        monkeypatch.setattr(module, kind, watched(kind, getattr(module, kind)))
    torch.set_float32_matmul_precision("high")
    try:
        decode_volume(trained, 0)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert set(asked) == {"blocks": {"linear", "conv3d", "addmm"}, "dense": {"conv3d"}}[name]
    assert all(states == {("highest", False)} for states in asked.values())


@pytest.mark.parametrize("name", TRAININGS)
def test_no_sum_of_an_append_is_left_to_chance(name: str) -> None:
    spec, settings = TRAININGS[name]
    volumes = spheres(3, 16, spec.channels)
    shared = decode_shared(encode_set(train(volumes[:2], spec, settings), "range").shared.data)
    with PretendedCuda() as seen:
        fit_latents(shared, [TsdfDef.of_codes(codes) for codes in volumes[2:]], AppendSettings(steps=2), "cuda")
    assert seen.launches["convolution_backward"]
    assert not seen.nondeterministic


def test_a_dense_step_launches_few_kernels_and_keeps_its_window() -> None:
    """Each costs some 5 us, as much as the arithmetic of a small step."""
    spec = DecoderSpec(DENSE, 16, 4, 2, 8, (4, 4, 4))
    with PretendedCuda() as seen:
        training = DenseTraining(spheres(4, 16), spec, DenseSettings(epochs=1, batch=4), "cuda", 0)
        first = torch.arange(4)
        there = first.to("cuda")
        training.step(there, first)
        seen.launches.clear()
        training.step(there, first)
    assert 300 < sum(seen.launches.values()) < 460, seen.launches  # 449, Adam's among them
    assert gaussian_window() is gaussian_window()
    assert np.isclose(sum(gaussian_window()), 1)
