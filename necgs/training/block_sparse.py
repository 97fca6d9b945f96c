"""Training of the block-sparse decoder: latents, weights, steps and prediction together, against rate and distortion.

What differs from the published training, and why:

* What counts is the value where the TSDF changes sign (`necgs.training.block_loss`).
* Latents and the linear transform start from principal components (`necgs.training.block_start`), not from noise.
* The rate of the latents is part of the loss, and that of the weights (`necgs.training.weight_rate`). In the first
  phase uniform noise stands for quantisation (the rate is then smooth in steps and scales); in the second, latents and
  weights are rounded as they will be.
* A mean is over the points of a shape, then over shapes, as results are reported.
* At the end codes move to better ones (`necgs.training.code_refinement`), weights adapt to them, and codes move again.

A step costs what its shapes cost, however large the set (`necgs.training.latent_adam`), and several processes can share
it (`necgs.training.ranks`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.decoder.spec import DecoderSpec
from necgs.decoder.trained_set import TrainedSet
from necgs.quantize import step_exponent, step_size, straight_through
from necgs.training.block_cost import BlockCosts, Cost
from necgs.training.block_loss import BlockTargets
from necgs.training.block_settings import BlockSettings
from necgs.training.block_start import block_start
from necgs.training.checkpoint import Checkpoint
from necgs.training.code_refinement import refined_codes
from necgs.training.latent_adam import BETAS, LatentAdam
from necgs.training.priced_decoder import PricedDecoder
from necgs.training.ranks import Progress, Ranks
from necgs.training.shape_rows import ResidentBlocks
from necgs.training.surface_blocks import SurfaceBlocks, check_volumes
from necgs.training.weight_rate import WeightRate

STATE_FORMAT = 4
"""Of what `BlockTraining.state` holds: a checkpoint of another one is not continued."""

ADAPTATION_RATE = 0.35
"""Learning rates of weights that adapt to settled codes, as parts of their largest; a cosine takes them to nothing."""

REFINED_TOGETHER = 16
"""Batches of shapes whose codes each process refines before the state may be saved."""


class BlockTraining:
    """State of a training.

    Args:
        volumes: of the set, cut as ``spec`` says.
        spec: a block-sparse decoder.
        settings: see `BlockSettings`.
        device: where to train.
        seed: of initial weights, noise and the order of the shapes.
    """

    def __init__(
        self, volumes: Sequence[SurfaceBlocks], spec: DecoderSpec, settings: BlockSettings, device: str, seed: int
    ) -> None:
        check_volumes(volumes, spec)
        self.spec, self.settings, self.device = spec, settings, torch.device(device)
        self.generator = torch.Generator().manual_seed(seed)
        # Drawn where it is needed: a step on a GPU then copies nothing from the host.
        there = self.device.type != "cpu"
        self.noise = torch.Generator(self.device).manual_seed(seed) if there else self.generator
        self.states = tuple(volume.states for volume in volumes)
        self.targets = BlockTargets.of(volumes, self.device)
        self.resident = ResidentBlocks.of(self.states, self.device)
        self.bit_price = settings.lambda_ / 1000
        self.costs = BlockCosts.of(
            spec, self.targets, self.resident, sign_weight=settings.sign_weight, bit_price=self.bit_price
        )
        self.ranks = Ranks.current()
        with self.costs.alone_on_threads():
            self._start(seed)
        self.steps_per_epoch = math.ceil(len(volumes) / settings.batch)
        self.epoch = 0
        self.adapted: int | None = None  # passes of weights adapting to codes; None before the first of these
        self.refined: list[list[NDArray[np.int32]]] = []  # better codes of the shapes of the first groups
        self.codes: tuple[NDArray[np.int32], ...] | None = None

    def _start(self, seed: int) -> None:
        start = block_start(
            self.spec, self.targets, self.states, self.settings.step, np.random.default_rng(seed), self.generator
        )
        self.weights = {name: self._parameter(w) for name, w in start.weights.items()}
        self.latents = LatentAdam(torch.from_numpy(start.latents).to(self.device), self.targets.starts)
        self.log_steps = self._parameter(torch.from_numpy(np.log(start.steps)))
        self.log_scales = self._parameter(torch.from_numpy(np.log(start.scales)))
        self.predictor = self._parameter(torch.from_numpy(start.predictor))
        self.weight_rate = WeightRate(self.weights, self.settings.weight_step)
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Adam:
        """Of all parameters but the latents."""
        learning_rate = self.settings.learning_rate
        network = [w for name, w in self.weights.items() if not name.startswith("synthesis")]
        groups = [
            (network, learning_rate),
            ([self.weights["synthesis.weight"], self.weights["synthesis.bias"]], learning_rate / 10),
            ([self.log_scales, self.log_steps, self.weight_rate.log_scales, self.weight_rate.log_steps], 1e-2),
            ([self.predictor], 2e-3),
        ]
        return torch.optim.Adam([{"params": p, "base": base} for p, base in groups], betas=BETAS)

    def _parameter(self, value: Tensor) -> Tensor:
        layout = torch.channels_last_3d if value.dim() == 5 else torch.preserve_format
        return value.to(self.device).to(memory_format=layout).requires_grad_()

    def loss(self, shapes: NDArray[np.int64], *, noisy: bool) -> Tensor:
        """Distortion plus weighted rate of some shapes."""
        return self._loss(Batch.of(self, shapes), noisy=noisy)

    def _loss(self, batch: Batch, *, noisy: bool) -> Tensor:
        steps = self.log_steps.exp()
        scaled = batch.own(batch.latents) / steps
        if noisy:
            noise = torch.rand(batch.latents.shape, generator=self.noise, device=self.device)
            rated = coded = scaled + batch.own(noise) - 0.5
        else:
            rated, coded = scaled, straight_through(scaled, 1.0)
        weights = self.weight_rate.noisy(self.weights, self.noise) if noisy else self.weight_rate.rounded(self.weights)
        decoder = PricedDecoder(weights, steps, self.predictor, self.log_scales)
        own = batch.weight * batch.cost(decoder, coded, rated).sum() / len(batch.shapes)
        shared = self.weight_rate.bits(weights if noisy else self.weights) / len(self.states)
        return own + self.bit_price * shared / self.ranks.count

    def _freeze_steps(self) -> None:
        """Settle on the steps that the file will name; weights and latents adapt to them from here on."""
        self.weight_rate.freeze(self.weights)
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
        if not noisy and not self.weight_rate.exponents:
            self._freeze_steps()
        factor = learning_rate_factor(position, self.settings.warmup)
        batch = Batch.of(self, shapes)
        loss = self._descend(batch, factor, noisy=noisy)
        self.latents.step(shapes, batch.latents, self.settings.latent_learning_rate * factor)
        return loss

    def _descend(self, batch: Batch, factor: float, *, noisy: bool) -> Tensor:
        """A step of all parameters but the latents, whose gradient is left to the caller."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * factor
        loss = self._loss(batch, noisy=noisy)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        changed = [*self._parameters().values(), batch.latents]
        self.ranks.sum_gradients([value for value in changed if value.requires_grad])
        self.optimizer.step()
        return loss.detach()

    def _pass(self) -> Iterator[NDArray[np.int64]]:
        """All shapes once, some at a time, in a new order."""
        order = torch.randperm(len(self.states), generator=self.generator).numpy()
        for first in range(0, len(order), self.settings.batch):
            yield order[first : first + self.settings.batch]

    def _has_blocks(self, shapes: NDArray[np.int64]) -> bool:
        return any(self.targets.starts[s] < self.targets.starts[s + 1] for s in shapes)

    def run(self, checkpoint: Checkpoint, progress: Progress | None = None) -> None:
        """Train to the end, from the checkpoint where there is one; ``progress`` may raise to stop."""
        with self.costs.alone_on_threads():
            self._run(checkpoint, progress)

    def _run(self, checkpoint: Checkpoint, progress: Progress | None) -> None:
        self._continue(checkpoint)
        epochs, per_epoch = self.settings.epochs, self.steps_per_epoch
        while self.epoch < epochs and len(self.targets):
            self._save(checkpoint)
            for done, shapes in enumerate(self._pass(), start=self.epoch * per_epoch):
                if self._has_blocks(shapes):
                    self.step(shapes, done / (epochs * per_epoch))
                self.ranks.report(progress, done + 1, epochs * per_epoch)
            self.epoch += 1
        self._save(checkpoint)
        self._finish(checkpoint, progress)

    def _continue(self, checkpoint: Checkpoint) -> None:
        """From its state, if there is one, which is not held for longer: it is as large as all latents."""
        if (state := self.ranks.first(checkpoint.load())) is not None:
            self.restore(state)

    def _save(self, checkpoint: Checkpoint) -> None:
        if self.ranks.rank == 0 and checkpoint.due():
            checkpoint.save(self.state())

    def _finish(self, checkpoint: Checkpoint, progress: Progress | None) -> None:
        """Move the codes of latents to better ones, let weights and prediction adapt to them, and move them again."""
        self.latents.rest()
        passes = math.ceil(self.settings.adaptation * self.settings.epochs) if self.settings.refinement else 0
        if passes and len(self.targets):
            if self.adapted is None:
                steps, better = self.log_steps.detach().exp(), self._refined(checkpoint, progress)
                self.latents.settle(torch.from_numpy(codes).to(self.device) * steps for codes in better)
                self.refined, self.adapted = [], 0
            while self.adapted < passes:
                self._save(checkpoint)
                self._adapt(self.adapted, passes, progress)
                self.adapted += 1
            self._save(checkpoint)
        self.codes = tuple(self._refined(checkpoint, progress))
        self._save(checkpoint)

    def _adapt(self, passed: int, passes: int, progress: Progress | None) -> None:
        """One of some passes in which all but the latents are trained on."""
        total = passes * self.steps_per_epoch
        for done, shapes in enumerate(self._pass(), start=passed * self.steps_per_epoch):
            if self._has_blocks(shapes):
                factor = ADAPTATION_RATE * (1 + math.cos(math.pi * done / total)) / 2
                self._descend(Batch.of(self, shapes).settled(), factor, noisy=False)
            self.ranks.report(progress, done + 1, total, "adapting weights")

    def _refined(self, checkpoint: Checkpoint, progress: Progress | None) -> Iterator[NDArray[np.int32]]:
        """Better codes of each shape's latents for the weights as they are."""
        decoder, sweeps = self._settled(), self.settings.refinement
        groups = np.array_split(np.arange(len(self.states)), self.steps_per_epoch)

        def refined(number: int) -> list[NDArray[np.int32]]:
            neighbours, cost = self.resident.batch(groups[number]).neighbours, self.costs.among(groups[number])
            start = (self.latents.rows(groups[number]).detach() / decoder.steps).round()
            found = refined_codes(start, lambda tried: cost(decoder, tried, tried), neighbours, sweeps, number)
            counts = np.diff(self.targets.starts)[groups[number]].tolist()
            return [codes.cpu().numpy().astype(np.int32) for codes in torch.split(found, counts)]

        while (first := len(self.refined)) < len(groups):
            self._save(checkpoint)
            numbers = range(len(groups))[first : first + REFINED_TOGETHER * self.ranks.count]
            self.refined += self.ranks.side_by_side(refined, numbers, len(groups), progress, "refining codes")
        return itertools.chain.from_iterable(self.refined)

    def _settled(self) -> PricedDecoder:
        """The decoder as it will be stored."""
        if not self.weight_rate.exponents:
            self._freeze_steps()
        with torch.no_grad():
            weights = self.weight_rate.rounded(self.weights)
        kept = (self.log_steps.exp(), self.predictor, self.log_scales)
        return PricedDecoder(weights, *(part.detach() for part in kept))

    def _parameters(self) -> dict[str, Tensor]:
        own = {n: getattr(self, n) for n in ("log_steps", "log_scales", "predictor")}
        rate = {"weights.log_steps": self.weight_rate.log_steps, "weights.log_scales": self.weight_rate.log_scales}
        return {**self.weights, **own, **rate}

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "parameters": {name: value.detach() for name, value in self._parameters().items()},
            "latents": self.latents.state(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "noise": self.noise.get_state(),
            "weight_exponents": dict(self.weight_rate.exponents),
            "epoch": self.epoch,
            "adapted": self.adapted,
            "refined": [[torch.from_numpy(codes) for codes in group] for group in self.refined],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state`."""
        with torch.no_grad():
            for name, value in self._parameters().items():
                value.copy_(state["parameters"][name])
        self.latents.restore(state["latents"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        self.noise.set_state(state["noise"].cpu())
        self.weight_rate.exponents = dict(state["weight_exponents"])
        for steps in (self.log_steps, self.weight_rate.log_steps):
            steps.requires_grad_(not self.weight_rate.exponents)
        self.epoch, self.adapted = int(state["epoch"]), state["adapted"]
        self.refined = [[codes.numpy() for codes in group] for group in state["refined"]]

    def result(self) -> TrainedSet:
        """The quantised decoder and latents."""
        if self.codes is None:
            self._finish(Checkpoint(None, ""), None)
        assert self.codes is not None
        return TrainedSet(
            spec=self.spec,
            weights=self.weight_rate.codes(self.weights),
            weight_exponents=dict(self.weight_rate.exponents),
            latents=self.codes,
            latent_exponents=self._latent_exponents(),
            blocks=self.states,
        )


@dataclass(frozen=True)
class Batch:
    """Some shapes of a training and what a step of this process needs of them.

    Args:
        shapes: int64 (s,).
        latents: float32 (n, C), a leaf, of all shapes.
        rows: those of this process's shapes; None for all.
        cost: of this process's blocks.
        weight: of this process's loss in the sum of all.
    """

    shapes: NDArray[np.int64]
    latents: Tensor
    rows: slice | None
    cost: Cost
    weight: float = 1.0

    @classmethod
    def of(cls, training: BlockTraining, shapes: NDArray[np.int64]) -> Batch:
        """The batch of the shapes ``shapes``, on the training's device."""
        latents, starts = training.latents.rows(shapes), training.targets.starts
        if training.ranks.count == 1:
            return cls(shapes, latents, None, training.costs.among(shapes))
        part, weight = training.ranks.share(len(shapes))
        ends = np.cumsum([0, *(starts[shapes + 1] - starts[shapes])])
        rows = slice(int(ends[part.start]), int(ends[part.stop]))
        return cls(shapes, latents, rows, training.costs.among(shapes[part]), weight)

    def settled(self) -> Batch:
        """With latents that take no gradient."""
        return dataclasses.replace(self, latents=self.latents.detach())

    def own(self, rows: Tensor) -> Tensor:
        """Of rows (n, C) of all shapes those of this process."""
        return rows if self.rows is None else rows[self.rows]


def learning_rate_factor(position: float, warmup: float) -> float:
    """Linear warm-up, then a cosine down to 2 %."""
    cosine = 0.5 * (1 + math.cos(math.pi * max(0.0, (position - warmup) / (1 - warmup))))
    return min(1.0, position / warmup) * (0.98 * cosine + 0.02)
