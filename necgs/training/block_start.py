"""Where the training of the block-sparse decoder starts: principal components, and a network that adds nothing yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.coding.prediction import SHIFT, Predictor, residuals
from necgs.decoder.blocks import BlockSet, States
from necgs.decoder.spec import DecoderSpec, parameter_shapes
from necgs.training.block_loss import BlockTargets
from necgs.training.block_transform import BlockTransform, fit_transform

SAMPLE = 10_000
"""Blocks to which the first linear transform is fitted."""

CHUNK = 1 << 16
"""Blocks of which the first latents are computed at a time."""


@dataclass(frozen=True)
class BlockStart:
    """Initial values of everything that is trained.

    Args:
        weights: name -> tensor, as `parameter_shapes` says.
        latents: float32 (n, C), of about unit variance.
        steps: float32 (C,), quantisation steps of the latents.
        scales: float32 (C,), Laplace scales of the prediction's residuals, in steps.
        predictor: float32 (C, 3 C + 13), weights of the prediction.
    """

    weights: dict[str, Tensor]
    latents: NDArray[np.float32]
    steps: NDArray[np.float32]
    scales: NDArray[np.float32]
    predictor: NDArray[np.float32]


def block_start(
    spec: DecoderSpec,
    targets: BlockTargets,
    states: Sequence[States],
    step: float,
    random: np.random.Generator,
    generator: torch.Generator,
) -> BlockStart:
    """The start of a training.

    Args:
        spec: a block-sparse decoder.
        targets: of the set's blocks.
        states: int8 (G, G, G) of each shape.
        step: quantisation step of the latents in units of the blocks' values, as `BlockSettings.step`.
        random: picks the blocks to which the transform is fitted.
        generator: of the network's weights.
    """
    transform, coefficients = _transform(spec, targets, random)
    scale = float(coefficients.std(axis=0).mean()) + 1e-3 if len(coefficients) else 1.0
    latents = coefficients
    latents /= scale  # in place, as it is a large part of the memory
    steps = np.full(spec.latent_channels, step / scale, dtype=np.float32)
    predictor, magnitudes = _prediction(latents, steps, states, targets.starts)
    return BlockStart(
        weights=_initial_weights(spec, transform, scale, generator),
        latents=latents,
        steps=steps,
        scales=(magnitudes + 1e-2).astype(np.float32),
        predictor=predictor.weights.astype(np.float32) / 2**SHIFT,
    )


def _transform(
    spec: DecoderSpec, targets: BlockTargets, random: np.random.Generator
) -> tuple[BlockTransform, NDArray[np.float32]]:
    """The linear transform, fitted to a sample of the blocks, and the coefficients (n, C) of all."""
    blocks, count = len(targets), spec.latent_channels
    chosen = random.choice(blocks, min(blocks, SAMPLE), replace=False) if blocks else np.zeros(0, np.int64)
    transform = fit_transform(*_flat(targets, chosen), spec.block_edge**3, count)
    coefficients = np.empty((blocks, count), dtype=np.float32)
    for first in range(0, blocks, CHUNK):
        rows = np.arange(first, min(first + CHUNK, blocks))
        coefficients[rows] = transform.coefficients(*_flat(targets, rows))
    return transform, coefficients


def _flat(targets: BlockTargets, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values (m, points) in [-1, 1] of some blocks, and where they must be met."""
    values, exact = targets.rows(rows)
    exact = exact.expand(values.shape)
    return values.flatten(1).cpu().numpy(), exact.flatten(1).cpu().numpy()


def _prediction(
    latents: NDArray[np.float32], steps: NDArray[np.float32], grids: Sequence[States], starts: NDArray[np.int64]
) -> tuple[Predictor, NDArray[np.float64]]:
    """The prediction of codes of latents (n, C), and the mean magnitude (C,) of its residuals."""
    shapes = [np.rint(own / steps).astype(np.int32) for own in np.split(latents, starts[1:-1])]
    predictor = Predictor.fit(shapes, grids, len(steps))
    left = np.zeros(len(steps))
    for own, grid in zip(shapes, grids, strict=True):
        left += np.abs(residuals(own, BlockSet.of(grid[None]), predictor)).sum(axis=0)
    return predictor, left / max(len(latents), 1)


def _initial_weights(
    spec: DecoderSpec, transform: BlockTransform, scale: float, generator: torch.Generator
) -> dict[str, Tensor]:
    """Principal components; He's initialisation; a network that adds nothing yet."""
    weights = {
        "synthesis.weight": torch.from_numpy(np.ascontiguousarray(transform.components.T) * np.float32(scale)),
        "synthesis.bias": torch.from_numpy(transform.mean),
    }
    for name, shape in parameter_shapes(spec).items():
        if name in weights:
            continue
        weights[name] = torch.zeros(shape)
        if name.endswith("weight") and not name.startswith("out"):
            deviation = math.sqrt(2 / math.prod(shape[1:]))
            weights[name] = torch.randn(shape, generator=generator) * deviation
    return weights
