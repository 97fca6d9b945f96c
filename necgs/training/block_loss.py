"""What the blocks of a set should be, and how far a decoder is from it.

What counts is the value where the TSDF changes sign (`necgs.training.sign_changes`), less so the values at the ends of
these edges; all other points count when their sign is in danger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from necgs.decoder.blocks import BlockSet, gather_blocks, surface_points
from necgs.training.block_transform import MARGIN
from necgs.training.shape_rows import rows_of
from necgs.training.sign_changes import SignChanges, zero_shares
from necgs.volume import LEVEL

_POINTS = 0.25  # of the error is that of points, the rest that of zeros


@dataclass(frozen=True)
class BlockTarget:
    """What n blocks should be.

    Args:
        values: float32 (n, channels, b, b, b) in [-1, 1]; channel 0 the TSDF.
        exact: bool (n, 1, b, b, b), the points whose values decide where the surface lies.
        ends: int64 (m, 2), the ends of the edges that change sign, among the n b^3 points.
        shares: float32 (m, 2), the parts of their values in the value at the zero between them.
    """

    values: Tensor
    exact: Tensor
    ends: Tensor
    shares: Tensor


@dataclass(frozen=True)
class BlockTargets:
    """The targets of a whole set, from which those of a batch are taken.

    Args:
        blocks: the set's n occupied blocks.
        codes: int16 (n, channels, b, b, b), in units of 1/128, on the training's device.
        exact: as in `BlockTarget`, of all blocks, on the training's device.
        changes: the edges that change sign.
    """

    blocks: BlockSet
    codes: Tensor
    exact: Tensor
    changes: SignChanges

    @classmethod
    def of(cls, volumes: NDArray[np.int16], blocks: BlockSet, device: torch.device | str) -> BlockTargets:
        """Targets from volumes (shapes, channels, K, K, K) in -128..128, whose occupied blocks are ``blocks``."""
        codes, exact = [], []
        for volume, states in zip(volumes, blocks.states, strict=True):
            near = surface_points(volume[:1] < 0)[:, None]
            codes.append(gather_blocks(volume[None], states[None]))
            exact.append(gather_blocks(near, states[None]))
        codes_, exact_ = (torch.from_numpy(np.concatenate(arrays)).to(device) for arrays in (codes, exact))
        return cls(blocks, codes_, exact_, SignChanges.of(volumes[:, 0], blocks, device))

    def batch(self, shapes: NDArray[np.int64]) -> BlockTarget:
        """The target of some shapes."""
        codes, exact = (rows_of(rows, self.blocks.starts, shapes) for rows in (self.codes, self.exact))
        values = codes.float() / LEVEL
        ends = self.changes.batch(shapes, self.blocks, values.shape[2] ** 3)
        return BlockTarget(values, exact, ends, zero_shares(values_at(values, ends)))


def values_at(values: Tensor, ends: Tensor) -> Tensor:
    """The TSDF (m, 2) at points ``ends`` (m, 2) of blocks (n, channels, b, b, b)."""
    return values[:, 0].reshape(-1).index_select(0, ends.reshape(-1)).view(-1, 2)


def block_loss(predicted: Tensor, target: BlockTarget, sign_weight: float) -> Tensor:
    """Mean absolute error of what decides where the surface lies, plus what endangers a sign of the TSDF.

    The error is mostly that of the TSDF at its zeros on the grid's edges, where errors of an edge's ends may cancel;
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
    at_zeros = (values_at(predicted, target.ends) * target.shares).sum(1).abs().sum() / max(len(target.ends), 1)
    tsdf = target.values[:, :1]
    side = torch.where(tsdf >= 0, predicted[:, :1], -predicted[:, :1])
    danger = F.relu(torch.where(target.exact, tsdf.abs() / 2, MARGIN) - side).sum() / points
    return _POINTS * at_points + (1 - _POINTS) * at_zeros + sign_weight * danger
