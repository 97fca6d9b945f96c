"""Training points of a set: all grid points near each surface, and as many of the others, kept as integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from necgs.volume import LEVEL

NEAR_PART = 0.8
"""Part of a batch that lies inside the truncation band."""

MIN_POINTS = 64
"""Points of a shape per step, at least: large sets are trained on some of their shapes at a time."""


@dataclass(frozen=True)
class ShapePoints:
    """The points of one shape that may be drawn.

    Args:
        near: int32 (n,), flat grid indices where |TSDF| < 1; elsewhere where there are none.
        near_codes: int16 (n, channels), the volume's codes there.
        far: int32 (m,), flat grid indices beyond the band.
        far_codes: int16 (m, channels).
    """

    near: NDArray[np.int32]
    near_codes: NDArray[np.int16]
    far: NDArray[np.int32]
    far_codes: NDArray[np.int16]

    @classmethod
    def of(cls, codes: NDArray[np.int16], seed: int) -> ShapePoints:
        """Choose from a volume int16 (channels, K, K, K)."""
        flat = codes.reshape(len(codes), -1)
        band = np.abs(flat[0]) < LEVEL
        near, beyond = np.flatnonzero(band), np.flatnonzero(~band)
        generator = np.random.default_rng(seed)
        far = generator.choice(beyond, min(len(beyond), max(len(near), MIN_POINTS)), replace=False)
        near, far = (near if len(near) else far), (far if len(far) else near)
        return cls(near.astype(np.int32), flat[:, near].T.copy(), far.astype(np.int32), flat[:, far].T.copy())


class _Pool:
    """Points of all shapes, one after the other, to draw from at random."""

    def __init__(self, indices: Sequence[NDArray[np.int32]], codes: Sequence[NDArray[np.int16]], device: str) -> None:
        counts = torch.tensor([len(part) for part in indices])
        self.starts = (torch.cumsum(counts, 0) - counts).to(device)
        self.counts = counts.to(device)
        self.indices = torch.from_numpy(np.concatenate(indices)).to(device)
        self.codes = torch.from_numpy(np.concatenate(codes)).to(device)

    def draw(self, shapes: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Flat indices (n, count) and codes (n, count, channels) of shapes int64 (n,), with replacement."""
        unit = torch.rand((len(shapes), count), generator=generator, device=shapes.device)
        within = (unit * self.counts[shapes, None]).long().minimum(self.counts[shapes, None] - 1)
        rows = self.starts[shapes, None] + within
        return self.indices[rows], self.codes[rows]


class TrainingPoints:
    """Batches over the shapes of a set.

    Args:
        shapes: one per shape, at least one.
        resolution: K.
        batch: points per step.
        device: where the points lie.
    """

    def __init__(self, shapes: Sequence[ShapePoints], resolution: int, batch: int, device: str) -> None:
        self.resolution, self.device, self.count = resolution, device, len(shapes)
        self.near = _Pool([shape.near for shape in shapes], [shape.near_codes for shape in shapes], device)
        self.far = _Pool([shape.far for shape in shapes], [shape.far_codes for shape in shapes], device)
        self.points_per_shape = max(MIN_POINTS, batch // len(shapes))
        self.shapes_per_step = min(len(shapes), max(1, batch // self.points_per_shape))

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Shape numbers int64 (n,), positions float (n, p, 3) and values float (n, p, channels).

        Args:
            generator: on the device of the points.
        """
        shapes = torch.randperm(self.count, generator=generator, device=self.device)[: self.shapes_per_step]
        near_count = round(NEAR_PART * self.points_per_shape)
        near = self.near.draw(shapes, near_count, generator)
        far = self.far.draw(shapes, self.points_per_shape - near_count, generator)
        index, codes = (torch.cat(pair, dim=1) for pair in zip(near, far, strict=True))
        K = self.resolution
        grid = torch.stack([index // (K * K), index // K % K, index % K], dim=-1)
        return shapes, grid.float() * (2 / (K - 1)) - 1, codes.float() / LEVEL
