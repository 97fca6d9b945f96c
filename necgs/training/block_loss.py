"""What the blocks of a set should be, and how far a decoder is from it.

What counts is the value where the TSDF changes sign (`necgs.training.sign_changes`), less so the values at the ends of
these edges; all other points count when their sign is in danger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from necgs.training.block_transform import MARGIN
from necgs.training.sign_changes import SignChanges, zero_shares
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.volume import LEVEL

POINTS_SHARE = 0.25
"""Of the error that of points; the rest is that of zeros."""


@dataclass(frozen=True)
class BlockTarget:
    """What n blocks should be.

    Args:
        values: float32 (n, channels, b, b, b) in [-1, 1]; channel 0 the TSDF.
        exact: bool (n, 1, b, b, b), the points whose values decide where the surface lies.
        ends: int64 (m, 2), the ends of the edges that change sign, among the n b^3 points.
        shares: float32 (m, 2), the parts of their values in the value at the zero between them.
        points: float32 (n,), of the shape that a block belongs to: how many points decide, at least 1.
        zeros: float32 (n,), how many of its edges change sign, at least 1.
    """

    values: Tensor
    exact: Tensor
    ends: Tensor
    shares: Tensor
    points: Tensor
    zeros: Tensor


@dataclass(frozen=True)
class BlockTargets:
    """The targets of a whole set, from which those of a batch are taken; the tensors lie on the training's device.

    There they are the volumes' own memory where that is a CPU: a set's codes are not there twice.

    Args:
        starts: int64 (shapes + 1,), index of each shape's first block.
        codes: of each shape int16 (n, channels, b, b, b), in units of 1/128.
        exact: of each shape uint8 (n, bytes), ``exact`` of `BlockTarget` as bits (`numpy.packbits`).
        changes: the edges that change sign.
        sizes: float32 (2, shapes): how many points of each shape decide, and how many edges change sign, at least 1.
    """

    starts: NDArray[np.int64]
    codes: tuple[Tensor, ...]
    exact: tuple[Tensor, ...]
    changes: SignChanges
    sizes: Tensor

    @classmethod
    def of(cls, volumes: Sequence[SurfaceBlocks], device: torch.device | str) -> BlockTargets:
        """Targets of one volume or more."""
        starts = np.cumsum([0, *(len(volume.codes) for volume in volumes)])
        codes = tuple(torch.from_numpy(volume.codes).to(device) for volume in volumes)
        exact = tuple(torch.from_numpy(np.packbits(volume.exact, axis=1)).to(device) for volume in volumes)
        edges = tuple(torch.from_numpy(volume.edges).to(device) for volume in volumes)
        sizes = [[np.count_nonzero(volume.exact), len(volume.edges)] for volume in volumes]
        changes = SignChanges(edges, volumes[0].codes.shape[-1])
        return cls(starts, codes, exact, changes, torch.tensor(sizes, dtype=torch.float32).T.clamp(min=1).to(device))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def batch(self, shapes: NDArray[np.int64], neighbours: Tensor) -> BlockTarget:
        """The target of some shapes, of whose blocks these are the neighbours, as indices into these."""
        codes, exact = (torch.cat([rows[s] for s in shapes.tolist()]) for rows in (self.codes, self.exact))
        values = codes.float() / LEVEL
        ends = self.changes.batch(shapes, self.starts, neighbours)
        shares = zero_shares(values_at(values, ends))
        counts = (self.starts[shapes + 1] - self.starts[shapes]).tolist()
        each = [self.sizes[:, s, None].expand(2, count) for s, count in zip(shapes.tolist(), counts, strict=True)]
        points, zeros = torch.cat(each, dim=1)
        return BlockTarget(values, unpacked(exact, values), ends, shares, points, zeros)

    def rows(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Values (m, channels, b, b, b) of some of the set's blocks, and where they are exact (m, 1, b, b, b)."""
        shapes = np.searchsorted(self.starts, rows, side="right") - 1
        groups = [(int(shape), rows[shapes == shape]) for shape in np.unique(shapes)]
        place = torch.from_numpy(np.argsort(np.argsort(shapes, kind="stable"))).to(self.codes[0].device)

        def gathered(parts: tuple[Tensor, ...]) -> Tensor:
            found = [parts[s][torch.from_numpy(own - self.starts[s]).to(place.device)] for s, own in groups]
            return torch.cat(found or [parts[0][:0]])[place]

        values = gathered(self.codes).float() / LEVEL
        return values, unpacked(gathered(self.exact), values)


def unpacked(bits: Tensor, values: Tensor) -> Tensor:
    """Bool (n, 1, b, b, b) from the bits (n, bytes) of blocks with these values (n, channels, b, b, b)."""
    places = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    flags = (bits[:, :, None] >> places & 1).flatten(1)[:, : values[0, 0].numel() if len(values) else 0]
    return flags.reshape(len(values), 1, *values.shape[2:]).bool()


def values_at(values: Tensor, ends: Tensor) -> Tensor:
    """The TSDF (m, 2) at points ``ends`` (m, 2) of blocks (n, channels, b, b, b)."""
    return values[:, 0].reshape(-1).index_select(0, ends.reshape(-1)).view(-1, 2)


def block_loss(predicted: Tensor, target: BlockTarget, sign_weight: float) -> Tensor:
    """Mean absolute error of what decides where a shape's surface lies, plus what endangers a sign of its TSDF.

    The error is mostly that of the TSDF at its zeros on the grid's edges, where errors of an edge's ends may cancel;
    a part is that of the ends themselves, which could shrink together otherwise. Where values decide, a sign is in
    danger below half its value (a thin part vanishes when its few points change sign, at little cost in values);
    elsewhere below `MARGIN`. Means are over a shape: a slender one counts as much as one with a large surface.

    Args:
        predicted: (n, channels, b, b, b).
        target: of the same blocks.
        sign_weight: of what a TSDF lacks to be out of danger.

    Returns:
        (n,), what each block adds to its shape's loss; an edge counts for the block of its lower end.
    """
    at_points, at_zeros, danger = _terms(predicted, target)
    own = (POINTS_SHARE * at_points.flatten(1).sum(1) + sign_weight * danger.flatten(1).sum(1)) / target.points
    block = target.ends[:, 0] // math.prod(predicted.shape[2:])
    return own.index_add(0, block, (1 - POINTS_SHARE) * at_zeros / target.zeros[block])


def _terms(predicted: Tensor, target: BlockTarget) -> tuple[Tensor, Tensor, Tensor]:
    """Errors at points (n, channels, b, b, b) and zeros (m,); what TSDF values lack to be safe (n, 1, b, b, b)."""
    at_points = (predicted - target.values).abs() * target.exact
    at_zeros = (values_at(predicted, target.ends) * target.shares).sum(1).abs()
    tsdf = target.values[:, :1]
    side = torch.where(tsdf >= 0, predicted[:, :1], -predicted[:, :1])
    return at_points, at_zeros, F.relu(torch.where(target.exact, tsdf.abs() / 2, MARGIN) - side)
