"""Training of a PCGCv2 network on voxel clouds of a data set.

Loss of a cloud, as published: alpha * sum over the three scales of the classifiers' cross-entropy (bits, mean over
candidate voxels) + bits of the latents per input point. During training the voxels that stay are the highest-ranked
ones and the true ones. Adam(0.9, 0.999) with weight decay 1e-4; the rate 8e-4 halves each epoch down to 1e-5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from baselines.points.pcgcv2.network import SCALES, KeepHighest, Network
from baselines.points.pcgcv2.sparse import pack_keys

if TYPE_CHECKING:
    from trimesh import Trimesh

# The published alphas are stated for another normalisation of the loss; these are inferred from them, by rate.
ALPHAS = {1: 0.058, 2: 0.116, 3: 0.23, 4: 0.46, 5: 0.92, 6: 1.4, 7: 2.3}
LOWEST_LEARNING_RATE = 1e-5
FULL_SCALE = (
    "full scale: about 20,000 clouds of 7 bits, 50 epochs of 2,250 steps of 8 clouds; 27 minutes an epoch on an "
    "RTX 3090, so about 23 hours a rate, seven rates"
)


@dataclass(frozen=True)
class TrainSettings:
    """What the training is told.

    Args:
        alpha: weight of the distortion; see `ALPHAS`.
        epochs: passes over the clouds, each with new rotations.
        batch: clouds a step.
        bits: voxel depth of the training clouds.
        held_out: share of the meshes that is only measured.
        learning_rate: of the first epoch.
        device: ``cpu`` or ``cuda``.
        seed: of weights, rotations, order and noise.
    """

    alpha: float = ALPHAS[4]
    epochs: int = 50
    batch: int = 8
    bits: int = 7
    held_out: float = 0.1
    learning_rate: float = 8e-4
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.alpha <= 0 or self.learning_rate <= 0:
            raise ValueError("alpha and the learning rate must be positive")
        if self.epochs < 1 or self.batch < 1 or not 4 <= self.bits <= 9 or not 0 <= self.held_out < 1:
            raise ValueError("epochs and batch must be at least 1, bits 4 to 9, held_out in [0, 1)")


@dataclass(frozen=True)
class Measured:
    """Means over some clouds: the loss and its two parts."""

    loss: float
    bits_per_point: float
    cross_entropy: float


def train(
    meshes: Sequence[Trimesh],
    settings: TrainSettings,
    report: Callable[[int, Measured, Measured | None], None] = lambda epoch, train, held: None,
) -> Network:
    """Train a network on (normalised) meshes.

    Args:
        meshes: at least one.
        settings: see `TrainSettings`.
        report: called after each epoch with its number, the training's and, where any are held out, their measure.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = Network().to(settings.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    held = min(round(len(meshes) * settings.held_out), len(meshes) - 1)
    held_clouds = [rotated_cloud(mesh, settings, np.random.default_rng(i)) for i, mesh in enumerate(meshes[:held])]
    training = meshes[held:]
    for epoch in range(settings.epochs):
        for group in optimizer.param_groups:
            group["lr"] = max(settings.learning_rate / 2**epoch, LOWEST_LEARNING_RATE)
        order = rng.permutation(len(training))
        seen = []
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            optimizer.zero_grad()
            for index in chosen:
                loss, measured = cloud_loss(network, rotated_cloud(training[index], settings, rng), settings.alpha)
                (loss / len(chosen)).backward()  # type: ignore[no-untyped-call]
                seen.append(measured)
            optimizer.step()
        with torch.no_grad():
            tested = [cloud_loss(network, cloud, settings.alpha)[1] for cloud in held_clouds]
        report(epoch, _mean(seen), _mean(tested) if tested else None)
    return network


def rotated_cloud(mesh: Trimesh, settings: TrainSettings, rng: np.random.Generator) -> Tensor:
    """Sorted keys of the surface voxels of a randomly rotated mesh that fills the cube."""
    from scipy.spatial.transform import Rotation

    from bench.metrics.voxels import surface_voxels

    rotation: NDArray[np.float64] = Rotation.random(rng=rng).as_matrix()
    vertices = np.asarray(mesh.vertices, np.float64) @ rotation.T
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    vertices = (vertices - (low + high) / 2) * (2.0 / max(float((high - low).max()), 1e-12))
    voxels = surface_voxels(vertices[np.asarray(mesh.faces)], settings.bits)[0]
    return torch.sort(pack_keys(torch.from_numpy(voxels))).values.to(settings.device)


def cloud_loss(network: Network, keys: Tensor, alpha: float) -> tuple[Tensor, Measured]:
    """The loss of one cloud of sorted voxel keys, and its parts."""
    latents, scales = network.encoder(keys)
    noisy = latents + torch.empty_like(latents).uniform_(-0.5, 0.5)
    bits = -torch.log2(network.entropy_bottleneck.likelihood(noisy)).sum() / len(keys)
    truth = scales[SCALES - 1 :: -1]  # scales 1/4, 1/2, 1
    highest = KeepHighest((len(truth[0]), len(truth[1]), len(truth[2])))

    def keep(stage: int, candidates: Tensor, logits: Tensor) -> Tensor:
        return highest(stage, candidates, logits) | torch.isin(candidates, truth[stage], assume_unique=True)

    _, candidates, logits = network.decoder(scales[-1], noisy, keep)
    entropy = torch.stack(
        [
            binary_cross_entropy_with_logits(logit, torch.isin(found, real, assume_unique=True).to(logit.dtype))
            for found, logit, real in zip(candidates, logits, truth, strict=True)
        ]
    ).sum() / math.log(2)
    loss = alpha * entropy + bits
    return loss, Measured(loss.item(), bits.item(), entropy.item())


def save(network: Network, path: Path) -> None:
    """Write a checkpoint that the codec reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": {name: value.cpu() for name, value in network.state_dict().items()}}, path)


def _mean(measured: Sequence[Measured]) -> Measured:
    columns = zip(*[(m.loss, m.bits_per_point, m.cross_entropy) for m in measured], strict=True)
    loss, bits, entropy = (float(np.mean(column)) for column in columns)
    return Measured(loss, bits, entropy)
