"""Training: weights and latents together by Adam, every number through the published quantiser at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.neural.quantdeepsdf.network import forward, initial_latents, initial_layers
from baselines.neural.quantdeepsdf.points import ShapePoints, TrainingPoints
from baselines.neural.quantdeepsdf.settings import NetworkSpec, QuantDeepSdfRate
from bench.codec.arithmetic import deterministic
from necgs.quantize import Quantizer

QUANTIZER = Quantizer()
"""Of weights, biases and latents: 257 levels over [-1, 1]."""

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Trained:
    """A network and the latents of its shapes, as integers; value = code / 128.

    Args:
        spec: the network's shape.
        layers: weight (outputs, inputs) and bias (outputs,) of each layer, int32 in -128..128.
        latents: int32 (shapes, L).
    """

    spec: NetworkSpec
    layers: tuple[tuple[Codes, Codes], ...]
    latents: Codes


def field_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error; a truncated target asks for its value or more, and for no deformation in particular.

    Args:
        predicted, target: float (n, p, channels), channel 0 the TSDF; targets within [-1, 1].
    """
    error = (predicted - target).abs()
    wanted, found = target[..., 0], predicted[..., 0]
    truncated = wanted.abs() >= 1
    tsdf = torch.where(truncated, torch.relu(1 - found * wanted), error[..., 0]).mean()
    if error.shape[-1] == 1:
        return tsdf
    return tsdf + (error[..., 1:].mean(dim=-1) * ~truncated).mean()


def train(
    shapes: Sequence[ShapePoints],
    rate: QuantDeepSdfRate,
    *,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Trained:
    """Fit one network and one latent per shape. Same seed, same machine, same device, same result.

    Args:
        shapes: training points of each shape, at least one.
        rate: settings.
        device: ``cpu`` or ``cuda``.
        seed: of the initial values and of the points drawn.
        progress: called with (steps done, steps) after each; may raise to stop.
    """
    with deterministic(device):
        return _train(shapes, rate, device, seed, progress)


def _train(
    shapes: Sequence[ShapePoints],
    rate: QuantDeepSdfRate,
    device: str,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Trained:
    spec = rate.spec()
    initial = torch.Generator().manual_seed(seed)
    layers = [(_parameter(w, device), _parameter(b, device)) for w, b in initial_layers(spec, initial)]
    latents = _parameter(initial_latents(len(shapes), spec, initial), device)
    points = TrainingPoints(shapes, spec.resolution, rate.batch, device)
    optimiser = torch.optim.Adam([*(p for layer in layers for p in layer), latents], lr=rate.learning_rate)
    drawing = torch.Generator(device=device).manual_seed(seed)
    for step in range(rate.steps):
        for group in optimiser.param_groups:
            group["lr"] = 0.5 * rate.learning_rate * (1 + math.cos(math.pi * step / rate.steps))
        chosen, positions, target = points.draw(drawing)
        quantised = [(QUANTIZER(weight), QUANTIZER(bias)) for weight, bias in layers]
        loss = field_loss(forward(quantised, positions, QUANTIZER(latents)[chosen]), target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if progress is not None:
            progress(step + 1, rate.steps)
    quantised_layers = tuple((QUANTIZER.codes(weight), QUANTIZER.codes(bias)) for weight, bias in layers)
    return Trained(spec, quantised_layers, QUANTIZER.codes(latents))


def _parameter(value: Tensor, device: str) -> Tensor:
    return value.to(device).requires_grad_()
