"""Training of the dense auto-decoder as published (PAPER.md stage 2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.decoder.dense import dense_decoder, initial_weights
from necgs.decoder.encoder import encode_volumes, initial_encoder
from necgs.decoder.spec import DecoderSpec, parameter_shapes
from necgs.decoder.trained_set import TrainedSet
from necgs.quantize import PAPER_EXPONENT, Quantizer
from necgs.training.checkpoint import Checkpoint
from necgs.training.losses import LossWeights, latent_loss, volume_loss
from necgs.training.ranks import Progress, Ranks
from necgs.training.residence import place_volumes
from necgs.volume import LEVEL


@dataclass(frozen=True)
class DenseSettings:
    """How to train the dense variant; the defaults are the paper's.

    Args:
        epochs: passes over the set.
        batch: shapes per step.
        learning_rate: of Adam at the end of the warm-up.
        warmup: part of the epochs over which the learning rate grows linearly from ``warmup_start`` times its value.
        warmup_start: see ``warmup``.
        loss: weights of the loss terms.
        kaiming: initialise for constant variance instead of the framework's default.
        encoder: an auto-encoder: latents are what a network makes of the volumes (`necgs.decoder.encoder`), not
        parameters.
    """

    epochs: int = 400
    batch: int = 4
    learning_rate: float = 1e-3
    warmup: float = 0.2
    warmup_start: float = 0.1
    loss: LossWeights = field(default_factory=LossWeights)
    kaiming: bool = False
    encoder: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise ValueError(f"epochs and batch must be at least 1, not {self.epochs} and {self.batch}")
        if self.learning_rate <= 0 or not 0 <= self.warmup < 1:
            raise ValueError("the learning rate must be positive and the warm-up a part of the epochs in [0, 1)")


def learning_rate_factor(epoch: int, settings: DenseSettings) -> float:
    """Linear warm-up, then cosine to zero; constant within an epoch."""
    warm = round(settings.warmup * settings.epochs)
    if epoch < warm:
        return settings.warmup_start + (1 - settings.warmup_start) * epoch / warm
    return 0.5 * (1 + math.cos(math.pi * (epoch - warm) / (settings.epochs - warm)))


PAPER_QUANTIZER = Quantizer()
"""Of weights, biases and latents: 257 levels over [-1, 1]."""


class DenseTraining:
    """Auto-decoder training: weights and latents are the parameters of one Adam.

    Args:
        volumes: int16 codes (n, c, K, K, K) in -128..128.
        spec: a dense decoder.
        settings: see `DenseSettings`.
        device: where to train; mixed precision on CUDA only.
        seed: of the initial values and of the order of the shapes.
    """

    def __init__(
        self, volumes: NDArray[np.int16], spec: DecoderSpec, settings: DenseSettings, device: str, seed: int
    ) -> None:
        self.spec, self.settings, self.device = spec, settings, torch.device(device)
        self.generator = torch.Generator().manual_seed(seed)
        self.shapes = len(volumes)
        host = torch.from_numpy(np.ascontiguousarray(volumes, dtype=np.int16))
        self.volumes = place_volumes(host, spec, settings.batch, self.device)
        weights = initial_weights(spec, self.generator, kaiming=settings.kaiming)
        self.weights = {name: self._parameter(w) for name, w in weights.items()}
        self.sources = {name: self._parameter(w) for name, w in self._latent_sources().items()}
        parameters = [*self.weights.values(), *self.sources.values()]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate)
        self.epoch = 0
        self.ranks = Ranks.current()

    def _latent_sources(self) -> dict[str, Tensor]:
        """What latents come from: themselves, N(0, 1)/3 at first, or the weights of an encoder."""
        if self.settings.encoder:
            return initial_encoder(self.spec, self.generator)
        shape = (self.shapes, self.spec.latent_grid**3, self.spec.latent_channels)
        return {"latents": torch.randn(shape, generator=self.generator) / 3}

    def _latents(self, indices: Tensor, volumes: Tensor) -> Tensor:
        """Latents (n, G^3, C) of the shapes ``indices`` whose volumes are given, not yet quantised."""
        if self.settings.encoder:
            return encode_volumes(self.spec, self.sources, volumes)
        return self.sources["latents"][indices]

    def _volumes(self, indices: Tensor, on_host: Tensor | None = None) -> Tensor:
        return self.volumes.take(indices, indices.cpu() if on_host is None else on_host).float() / LEVEL

    def _parameter(self, value: Tensor) -> Tensor:
        layout = torch.channels_last_3d if value.dim() == 5 else torch.preserve_format
        return value.to(self.device).to(memory_format=layout).requires_grad_()

    def loss(self, indices: Tensor, on_host: Tensor | None = None) -> Tensor:
        """The joint loss of the shapes ``indices``; the same indices on the host spare a GPU a wait."""
        weights = {name: PAPER_QUANTIZER(w) for name, w in self.weights.items()}
        target = self._volumes(indices, on_host)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            latents = PAPER_QUANTIZER(self._latents(indices, target).float())  # bfloat16 cannot tell its levels apart
            predicted = dense_decoder(self.spec, weights, latents)
        return volume_loss(predicted.float(), target, self.settings.loss) + latent_loss(latents, self.settings.loss)

    def step(self, indices: Tensor, on_host: Tensor | None = None) -> Tensor:
        """One optimiser step, as `loss`, of several processes the mean over their shapes; it stays on the device."""
        own, weight = self.ranks.share(len(indices))
        loss = self.loss(indices[own], None if on_host is None else on_host[own])
        if self.ranks.count > 1:
            loss = loss * (weight * (own.stop - own.start) / len(indices))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.ranks.sum_gradients([*self.weights.values(), *self.sources.values()])
        self.optimizer.step()
        return loss.detach()

    def run_epoch(self) -> Iterator[Tensor]:
        """Train one epoch; yields the loss of each step."""
        learning_rate = self.settings.learning_rate * learning_rate_factor(self.epoch, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        order = torch.randperm(self.shapes, generator=self.generator)
        batches = (torch.split(where, self.settings.batch) for where in (order.to(self.device), order))
        for indices, on_host in zip(*batches, strict=True):
            yield self.step(indices, on_host)
        self.epoch += 1

    def run(self, checkpoint: Checkpoint, progress: Progress | None = None) -> None:
        """Train to the end, from the checkpoint where there is one; ``progress`` may raise to stop."""
        if (state := self.ranks.first(checkpoint.load())) is not None:
            self.restore(state)
        steps = math.ceil(self.shapes / self.settings.batch)
        while self.epoch < self.settings.epochs:
            if self.ranks.rank == 0 and checkpoint.due():
                checkpoint.save(self.state())
            for index, _ in enumerate(self.run_epoch()):
                done = self.epoch * steps + index + 1
                self.ranks.report(progress, done, self.settings.epochs * steps)

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "weights": {name: w.detach() for name, w in self.weights.items()},
            "sources": {name: w.detach() for name, w in self.sources.items()},
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "epoch": self.epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        with torch.no_grad():
            for name, value in self.weights.items():
                value.copy_(state["weights"][name])
            for name, value in self.sources.items():
                value.copy_(state["sources"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        self.epoch = int(state["epoch"])

    def result(self) -> TrainedSet:
        """The quantised weights and latents."""
        shapes = parameter_shapes(self.spec)
        return TrainedSet(
            spec=self.spec,
            weights={name: PAPER_QUANTIZER.codes(self.weights[name]) for name in shapes},
            weight_exponents=dict.fromkeys(shapes, PAPER_EXPONENT),
            latents=tuple(self._codes()),
            latent_exponents=(PAPER_EXPONENT,) * self.spec.latent_channels,
        )

    def _codes(self) -> Iterator[NDArray[np.int32]]:
        for index in range(self.shapes):
            one = torch.tensor([index], device=self.device)
            with torch.no_grad():
                yield PAPER_QUANTIZER.codes(self._latents(one, self._volumes(one))[0])
