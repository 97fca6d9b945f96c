"""Training of the block-sparse decoder: latents, weights, steps and prediction together, against rate and distortion.

What differs from the published training, and why:

* What counts is the value where the surface crosses the grid (`necgs.training.sign_changes`), less so the values at the
  ends of crossed edges; all other points count when their sign is in danger.
* Latents and the linear transform start from principal components (`necgs.training.block_transform`), not from noise.
* The rate of the latents is part of the loss. In the first phase uniform noise stands for quantisation (the rate is
  then smooth in steps and scales); in the second, latents and weights are rounded as they will be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from necgs.coding.prediction import SHIFT, Predictor, causal_codes, neighbour_features, residuals
from necgs.decoder.block_sparse import block_decoder
from necgs.decoder.blocks import BlockSet, block_states, gather_blocks, surface_points
from necgs.decoder.spec import DecoderSpec, parameter_shapes
from necgs.decoder.trained_set import TrainedSet
from necgs.quantize import codes, step_exponent, step_size, straight_through
from necgs.training.block_transform import MARGIN, BlockTransform, fit_transform
from necgs.training.checkpoint import Checkpoint
from necgs.training.dense import Progress
from necgs.training.rate_model import laplace_bits
from necgs.training.sign_changes import CrossedEdges

LEVELS = 128
_POINTS = 0.25  # of the error is that of points, the rest that of crossings


@dataclass(frozen=True)
class BlockSettings:
    """How to train the block-sparse variant.

    Args:
        rate: weight of the latents' bits, per thousand bits of a shape, against the mean error of the points that
            decide where the surface lies, in units of the TSDF: the rate knob.
        epochs: passes over the set.
        batch: shapes per step.
        learning_rate: of the network's weights.
        latent_rate: learning rate of the latents.
        step: initial quantisation step of the latents, in units of the TSDF times the root of a block's points.
        weight_step: quantisation step of a weight tensor, as a part of its root mean square.
        sign_weight: of a wrong or endangered sign against an equal error of a value.
        noise: part of the training in which noise stands for quantisation.
        warmup: part of the training over which the learning rates grow from zero; then a cosine takes them down.
    """

    rate: float = 2e-3
    epochs: int = 100
    batch: int = 4
    learning_rate: float = 8e-3
    latent_rate: float = 2e-2
    step: float = 0.4
    weight_step: float = 0.1
    sign_weight: float = 3.0
    noise: float = 0.8
    warmup: float = 0.05

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise ValueError(f"epochs and batch must be at least 1, not {self.epochs} and {self.batch}")
        if min(self.learning_rate, self.latent_rate, self.step, self.weight_step) <= 0 or self.rate < 0:
            raise ValueError(f"learning rates and steps must be positive, the rate's weight not negative: {self}")
        if not (0 <= self.noise < 1 and 0 < self.warmup < 1):
            raise ValueError("noise and warmup are parts of the training")


class BlockTraining:
    """State of a training.

    Args:
        volumes: int16 codes (n, c, K, K, K) in -128..128.
        spec: a block-sparse decoder.
        settings: see `BlockSettings`.
        device: where to train.
        seed: of initial weights, noise and the order of the shapes.
    """

    def __init__(
        self, volumes: NDArray[np.int16], spec: DecoderSpec, settings: BlockSettings, device: str, seed: int
    ) -> None:
        self.spec, self.settings, self.device = spec, settings, torch.device(device)
        self.generator = torch.Generator().manual_seed(seed)
        self.blocks = BlockSet.of(block_states(volumes[:, 0], spec.latent_grid))
        self.targets, self.exact = (values.to(self.device) for values in _targets(volumes, self.blocks))
        self.edges = CrossedEdges.of(volumes[:, 0], self.blocks)
        self._start(np.random.default_rng(seed))
        self.steps_per_epoch = math.ceil(len(volumes) / settings.batch)
        self.epoch = 0

    def _start(self, random: np.random.Generator) -> None:
        transform = self._transform(random)
        scale = float(transform.coefficients.std(axis=0).mean()) + 1e-3 if len(self.blocks) else 1.0
        latents = torch.from_numpy(transform.coefficients / scale)
        channels = self.spec.latent_channels
        steps = np.full(channels, self.settings.step / scale, dtype=np.float32)
        rounded = np.rint(latents.numpy() / steps).astype(np.int32)
        predictor = Predictor.fit(np.split(rounded, self.blocks.starts[1:-1]), tuple(self.blocks.states), channels)
        left = np.abs(residuals(rounded, self.blocks, predictor)).sum(axis=0) / max(len(rounded), 1)
        self.weights = {name: self._parameter(w) for name, w in self._initial_weights(transform, scale).items()}
        self.latents = self._parameter(latents)
        self.log_steps = self._parameter(torch.from_numpy(np.log(steps)))
        self.log_scales = self._parameter(torch.from_numpy(np.log(left + 1e-2).astype(np.float32)))
        self.predictor = self._parameter(torch.from_numpy(predictor.weights.astype(np.float32) / 2**SHIFT))
        self.flags = torch.from_numpy(neighbour_features(self.blocks)).to(self.device)
        self.sides = torch.from_numpy(self.blocks.sides).to(self.device)
        network = [w for name, w in self.weights.items() if not name.startswith("synthesis")]
        rate, latent_rate = self.settings.learning_rate, self.settings.latent_rate
        groups = [
            (network, rate),
            ([self.weights["synthesis.weight"], self.weights["synthesis.bias"]], rate / 10),
            ([self.latents], latent_rate),
            ([self.log_scales, self.log_steps], 1e-2),
            ([self.predictor], 2e-3),
        ]
        self.optimizer = torch.optim.Adam([{"params": p, "base": r} for p, r in groups], betas=(0.9, 0.99))
        self.weight_exponents: dict[str, int] = {}

    def _transform(self, random: np.random.Generator) -> BlockTransform:
        values = (self.targets.float() / LEVELS).flatten(1).cpu().numpy()
        exact = self.exact.expand(self.targets.shape).flatten(1).cpu().numpy()
        signed = self.spec.block_edge**3
        return fit_transform(values, exact, signed, self.spec.latent_channels, random)

    def _initial_weights(self, transform: BlockTransform, scale: float) -> dict[str, Tensor]:
        """Principal components; He's initialisation; a network that adds nothing yet."""
        weights = {
            "synthesis.weight": torch.from_numpy(np.ascontiguousarray(transform.components.T) * np.float32(scale)),
            "synthesis.bias": torch.from_numpy(transform.mean),
        }
        for name, shape in parameter_shapes(self.spec).items():
            if name in weights:
                continue
            weights[name] = torch.zeros(shape)
            if name.endswith("weight") and not name.startswith("out"):
                deviation = math.sqrt(2 / math.prod(shape[1:]))
                weights[name] = torch.randn(shape, generator=self.generator) * deviation
        return weights

    def _parameter(self, value: Tensor) -> Tensor:
        layout = torch.channels_last_3d if value.dim() == 5 else torch.preserve_format
        return value.to(self.device).to(memory_format=layout).requires_grad_()

    def loss(self, shapes: NDArray[np.int64], *, noisy: bool) -> Tensor:
        """Distortion plus weighted rate of some shapes."""
        index, neighbours = (torch.from_numpy(a).to(self.device) for a in self.blocks.batch(shapes))
        steps = self.log_steps.exp()
        scaled = self.latents[index] / steps
        if noisy:
            rated = coded = scaled + torch.rand(scaled.shape, generator=self.generator).to(self.device) - 0.5
        else:
            rated, coded = scaled, straight_through(scaled, 1.0)
        weights = self.weights if noisy else self._rounded_weights()
        predicted = block_decoder(self.spec, weights, coded * steps, neighbours, self.sides[index])
        bits = laplace_bits(rated - self._predicted(coded, neighbours, self.flags[index]), self.log_scales)
        distortion = block_loss(predicted, self._target(shapes, index), self.settings.sign_weight)
        return distortion + self.settings.rate / 1000 * bits.sum() / len(shapes)

    def _target(self, shapes: NDArray[np.int64], index: Tensor) -> BlockTarget:
        ends, shares = self.edges.batch(shapes, self.blocks, self.spec.block_edge**3)
        return BlockTarget(
            self.targets[index].float() / LEVELS,
            self.exact[index],
            torch.from_numpy(ends).to(self.device),
            torch.from_numpy(shares).to(self.device),
        )

    def _predicted(self, coded: Tensor, neighbours: Tensor, sides: Tensor) -> Tensor:
        padded = torch.cat([coded, coded.new_zeros(1, coded.shape[1])])
        return F.linear(torch.cat([causal_codes(padded, neighbours), sides], dim=1), self.predictor)

    def _rounded_weights(self) -> dict[str, Tensor]:
        return {name: straight_through(w, step_size(self.weight_exponents[name])) for name, w in self.weights.items()}

    def _freeze_steps(self) -> None:
        """Settle on the steps that the file will name; weights and latents adapt to them from here on."""
        for name, weight in self.weights.items():
            size = float(weight.detach().square().mean().sqrt())
            self.weight_exponents[name] = step_exponent(max(size, 1e-4) * self.settings.weight_step)
        with torch.no_grad():
            steps = [step_size(e) for e in self._latent_exponents()]
            self.log_steps.copy_(torch.tensor(steps).log())
        self.log_steps.requires_grad_(False)
        self.log_steps.grad = None

    def _latent_exponents(self) -> tuple[int, ...]:
        return tuple(step_exponent(math.exp(float(step))) for step in self.log_steps.detach())

    def step(self, shapes: NDArray[np.int64], position: float) -> Tensor:
        """One optimiser step at ``position`` in [0, 1) of the training; the loss stays on the device."""
        noisy = position < self.settings.noise
        if not noisy and not self.weight_exponents:
            self._freeze_steps()
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * learning_rate_factor(position, self.settings.warmup)
        loss = self.loss(shapes, noisy=noisy)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def run(self, checkpoint: Checkpoint, progress: Progress | None = None) -> None:
        """Train to the end, from the checkpoint where there is one; ``progress`` may raise to stop."""
        if (state := checkpoint.load()) is not None:
            self.restore(state)
        epochs, per_epoch = self.settings.epochs, self.steps_per_epoch
        while self.epoch < epochs and len(self.blocks):
            if checkpoint.due():
                checkpoint.save(self.state())
            order = torch.randperm(len(self.blocks.states), generator=self.generator).numpy()
            for index in range(per_epoch):
                done = self.epoch * per_epoch + index
                shapes = order[index * self.settings.batch : (index + 1) * self.settings.batch]
                if any(self.blocks.starts[s] < self.blocks.starts[s + 1] for s in shapes):
                    self.step(shapes, done / (epochs * per_epoch))
                if progress is not None:
                    progress(done + 1, epochs * per_epoch, "training")
            self.epoch += 1

    def _parameters(self) -> dict[str, Tensor]:
        own = {n: getattr(self, n) for n in ("latents", "log_steps", "log_scales", "predictor")}
        return {**self.weights, **own}

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "parameters": {name: value.detach() for name, value in self._parameters().items()},
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "weight_exponents": dict(self.weight_exponents),
            "epoch": self.epoch,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state`."""
        with torch.no_grad():
            for name, value in self._parameters().items():
                value.copy_(state["parameters"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        self.weight_exponents = dict(state["weight_exponents"])
        self.log_steps.requires_grad_(not self.weight_exponents)
        self.epoch = int(state["epoch"])

    def result(self) -> TrainedSet:
        """The quantised decoder and latents."""
        if not self.weight_exponents:
            self._freeze_steps()
        exponents = self._latent_exponents()
        rounded = codes(self.latents, torch.tensor([step_size(e) for e in exponents], device=self.device))
        return TrainedSet(
            spec=self.spec,
            weights={n: codes(w, step_size(self.weight_exponents[n])) for n, w in self.weights.items()},
            weight_exponents=dict(self.weight_exponents),
            latents=tuple(np.split(rounded, self.blocks.starts[1:-1])),
            latent_exponents=exponents,
            blocks=tuple(self.blocks.states),
        )


@dataclass(frozen=True)
class BlockTarget:
    """What n blocks should be.

    Args:
        values: float32 (n, channels, b, b, b) in [-1, 1]; channel 0 the TSDF.
        exact: bool (n, 1, b, b, b), the points whose values decide where the surface lies.
        ends: int32 or int64 (m, 2), the ends of the crossed edges among the n b^3 points.
        shares: float32 (m, 2), the parts of their values in the value at the crossing, which should be zero.
    """

    values: Tensor
    exact: Tensor
    ends: Tensor
    shares: Tensor


def block_loss(predicted: Tensor, target: BlockTarget, sign_weight: float) -> Tensor:
    """Mean absolute error of what decides where the surface lies, plus what endangers a sign of the TSDF.

    The error is mostly that of the TSDF where the surface crosses the grid, where errors of an edge's ends may cancel;
    a part is that of the ends themselves, which could shrink together otherwise. Where values decide, a sign is in
    danger below half its value (a thin part vanishes when its few points change sign, at little cost in values);
    elsewhere below `MARGIN`.

    Args:
        predicted: (n, channels, b, b, b).
        target: of the same blocks.
        sign_weight: of what a TSDF lacks to be out of danger.
    """
    points = target.exact.sum().clamp(min=1)
    at_points = ((predicted - target.values).abs() * target.exact).sum() / points
    ends = predicted[:, 0].reshape(-1).index_select(0, target.ends.reshape(-1)).view(-1, 2)
    at_crossings = (ends * target.shares).sum(1).abs().sum() / max(len(ends), 1)
    tsdf = target.values[:, :1]
    side = torch.where(tsdf >= 0, predicted[:, :1], -predicted[:, :1])
    danger = F.relu(torch.where(target.exact, tsdf.abs() / 2, MARGIN) - side).sum() / points
    return _POINTS * at_points + (1 - _POINTS) * at_crossings + sign_weight * danger


def learning_rate_factor(position: float, warmup: float) -> float:
    """Linear warm-up, then a cosine down to 2 %."""
    cosine = 0.5 * (1 + math.cos(math.pi * max(0.0, (position - warmup) / (1 - warmup))))
    return min(1.0, position / warmup) * (0.98 * cosine + 0.02)


def _targets(volumes: NDArray[np.int16], blocks: BlockSet) -> tuple[Tensor, Tensor]:
    """Of all blocks: int16 codes (n, c, b, b, b), and bool (n, 1, b, b, b) the points with a crossed edge."""
    exact = surface_points(volumes[:, 0] < 0)[:, None]
    gathered = (gather_blocks(cast("NDArray[np.generic]", a), blocks.states) for a in (volumes, exact))
    codes_, exact_ = (torch.from_numpy(np.ascontiguousarray(a)) for a in gathered)
    return codes_, exact_
