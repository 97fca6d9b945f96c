"""The PCGCv2 network. Parameter names and shapes are those of the published checkpoints.

Encoder: three stages of [conv, stride-2 conv, 3 inception-residual blocks] and a conv to 8 channels at 1/8 scale.
Decoder: three stages of [generative upsampling, conv, 3 blocks, classifier]; the voxels with the highest logits stay.
778,487 parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from baselines.points.pcgcv2.sparse import GenerativeUpsampling, SparseConvolution, children, neighbour_table, parents

CHANNELS = 8
SCALES = 3
LIKELIHOOD_FLOOR = 1e-9

Keep = Callable[[int, Tensor, Tensor], Tensor]
"""(stage, candidate keys, logits) -> mask of the candidates that stay."""


class InceptionResidual(nn.Module):
    """Two paths of C/2 channels each, joined and added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter, half = channels // 4, channels // 2
        self.conv0_0 = SparseConvolution(27, channels, quarter)
        self.conv0_1 = SparseConvolution(27, quarter, half)
        self.conv1_0 = SparseConvolution(1, channels, quarter)
        self.conv1_1 = SparseConvolution(27, quarter, quarter)
        self.conv1_2 = SparseConvolution(1, quarter, half)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        wide = self.conv0_1(relu(self.conv0_0(x, table)), table)
        narrow = self.conv1_2(relu(self.conv1_1(relu(self.conv1_0(x)), table)))
        return torch.cat([wide, narrow], dim=1) + x


def _blocks(channels: int) -> nn.ModuleList:
    return nn.ModuleList(InceptionResidual(channels) for _ in range(3))


class Encoder(nn.Module):
    """Voxels -> 8 channels at 1/8 scale."""

    def __init__(self) -> None:
        super().__init__()
        for stage, (inputs, middle, outputs) in enumerate([(1, 16, 32), (32, 32, 64), (64, 64, 32)]):
            self.add_module(f"conv{stage}", SparseConvolution(27, inputs, middle))
            self.add_module(f"down{stage}", SparseConvolution(8, middle, outputs))
            self.add_module(f"block{stage}", _blocks(outputs))
        self.conv3 = SparseConvolution(27, 32, CHANNELS)

    def forward(self, keys: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Latents (n_3, 8), and the keys at the scales 1, 1/2, 1/4, 1/8."""
        scales = [keys]
        x = torch.ones(len(keys), 1, device=keys.device)
        table = neighbour_table(keys)
        for stage in range(SCALES):
            x = relu(self.get_submodule(f"conv{stage}")(x, table))
            keys, child_table = parents(keys)
            x = relu(self.get_submodule(f"down{stage}")(x, child_table))
            table = neighbour_table(keys)
            for block in self.get_submodule(f"block{stage}").children():
                x = block(x, table)
            scales.append(keys)
        latents: Tensor = self.conv3(x, table)
        return latents, scales


class Decoder(nn.Module):
    """Latents at 1/8 scale -> voxels."""

    def __init__(self) -> None:
        super().__init__()
        for stage, (inputs, outputs) in enumerate([(CHANNELS, 64), (64, 32), (32, 16)]):
            self.add_module(f"up{stage}", GenerativeUpsampling(inputs, outputs))
            self.add_module(f"conv{stage}", SparseConvolution(27, outputs, outputs))
            self.add_module(f"block{stage}", _blocks(outputs))
            self.add_module(f"conv{stage}_cls", SparseConvolution(27, outputs, 1))

    def forward(self, keys: Tensor, x: Tensor, keep: Keep) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Keys of the voxels that stay at scale 1; candidate keys and logits of the three stages."""
        candidates, logits = [], []
        for stage in range(SCALES):
            keys, order = children(keys)
            x = relu(self.get_submodule(f"up{stage}")(x, order))
            table = neighbour_table(keys)
            x = relu(self.get_submodule(f"conv{stage}")(x, table))
            for block in self.get_submodule(f"block{stage}").children():
                x = block(x, table)
            logit = self.get_submodule(f"conv{stage}_cls")(x, table)[:, 0]
            candidates.append(keys)
            logits.append(logit)
            stays = torch.nonzero(keep(stage, keys, logit))[:, 0]
            keys, x = keys[stays], x[stays]
        return keys, candidates, logits


class EntropyBottleneck(nn.Module):
    """Factorised density of each channel (Balle et al., ICLR 2018, appendix 6.1), filters 3, 3, 3."""

    def __init__(self, initial_scale: float = 8.0) -> None:
        super().__init__()
        sizes = (1, 3, 3, 3, 1)
        scale = initial_scale ** (1 / (len(sizes) - 1))
        self._matrices, self._biases, self._factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
            start = torch.tensor(1 / scale / outputs).expm1().log()
            self._matrices.append(nn.Parameter(start.expand(CHANNELS, outputs, inputs).clone()))
            self._biases.append(nn.Parameter(torch.empty(CHANNELS, outputs, 1).uniform_(-0.5, 0.5)))
            self._factors.append(nn.Parameter(torch.zeros(CHANNELS, outputs, 1)))

    def likelihood(self, values: Tensor) -> Tensor:
        """Probability of a unit interval around ``values`` (n, 8)."""
        x = values.T[:, None]
        lower, upper = self._logits(x - 0.5), self._logits(x + 0.5)
        # Subtract in the tail where sigmoids are small, so that no digits are lost.
        sign = -torch.sign(lower + upper).detach()
        return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()[:, 0].T.clamp(min=LIKELIHOOD_FLOOR)

    def _logits(self, x: Tensor) -> Tensor:
        for matrix, bias, factor in zip(self._matrices, self._biases, self._factors, strict=True):
            x = torch.matmul(softplus(matrix), x) + bias
            x = x + torch.tanh(factor) * torch.tanh(x)
        return x


class Network(nn.Module):
    """Encoder, decoder and entropy model, as one checkpoint holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.entropy_bottleneck = EntropyBottleneck()


@dataclass(frozen=True)
class KeepHighest:
    """Keep the voxels with the highest logits, as many as there were; among equals the first."""

    counts: tuple[int, int, int]

    def __call__(self, stage: int, keys: Tensor, logits: Tensor) -> Tensor:
        order = torch.argsort(logits, descending=True, stable=True)
        mask = torch.zeros(len(keys), dtype=torch.bool, device=keys.device)
        mask[order[: self.counts[stage]]] = True
        return mask
