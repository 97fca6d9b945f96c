"""QuantDeepSDF on every device: the CPU, a pretended GPU, a real one (marker gpu)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from baselines.neural.quantdeepsdf.codec import QuantDeepSdf
from baselines.neural.quantdeepsdf.settings import QuantDeepSdfRate
from bench.codec import Context
from tests.baselines.neural.quantdeepsdf.test_codec import meshes
from tests.conftest import Device
from tests.pretended_cuda import PretendedCuda

RATE = QuantDeepSdfRate(resolution=16, latent=4, width=16, steps=60, batch=512, learning_rate=2e-2)


def test_codec(device: Device, tmp_path) -> None:
    codec, context = QuantDeepSdf(), Context(device.name, scratch=tmp_path, cache=tmp_path)
    codec.warm_up(device.name)
    archive = codec.encode(meshes()[:1], RATE, context)
    assert not context.failures
    here = codec.encode(meshes()[:1], RATE, Context(scratch=tmp_path, cache=tmp_path))
    if device.exact:
        assert archive == here
    else:
        assert archive == codec.encode(meshes()[:1], RATE, context)
    (mesh,), (other,) = codec.decode(archive, context), codec.decode(archive, Context(scratch=tmp_path))
    assert len(mesh.faces) > 100
    np.testing.assert_allclose(mesh.bounds, other.bounds, atol=1e-2)


def test_no_sum_of_its_training_is_left_to_chance_and_no_step_waits(tmp_path) -> None:
    waits = []
    for steps in (2, 6):
        with PretendedCuda() as seen:
            context = Context("cuda", scratch=tmp_path, cache=tmp_path)
            QuantDeepSdf().encode(meshes()[:1], QuantDeepSdfRate.of({**RATE.settings(), "steps": steps}), context)
        assert not context.failures
        assert not seen.nondeterministic
        waits.append(sum(n for line, n in seen.waits.items() if "training.py" in line or "points.py" in line))
    assert waits[0] == waits[1]


def test_it_decodes_with_exact_products(tmp_path, monkeypatch) -> None:
    archive = QuantDeepSdf().encode(meshes()[:1], RATE, Context(scratch=tmp_path))
    asked, product = [], F.linear

    def watched(*arguments: torch.Tensor) -> torch.Tensor:
        asked.append(torch.get_float32_matmul_precision())
        return product(*arguments)

    monkeypatch.setattr(F, "linear", watched)
    torch.set_float32_matmul_precision("high")
    try:
        QuantDeepSdf().decode(archive, Context(scratch=tmp_path))
    finally:
        torch.set_float32_matmul_precision("highest")
    assert set(asked) == {"highest"}
