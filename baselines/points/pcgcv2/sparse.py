"""Sparse 3-D convolution on voxel sets: sorted integer keys, a neighbour table, one matrix product a chunk.

A voxel set is a sorted (n,) int64 tensor of keys ``x << 42 | y << 21 | z``; features are (n, channels) float32 in the
same order. Kernels have MinkowskiEngine's layout: (27, in, out) with x fastest, (8, in, out) for stride 2 (children at
2c + offset), (in, out) for size 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Rows of a chunk times 27 * channels floats: about 100 MB at 64 channels.
CHUNK_FLOATS = 1 << 25
_MASK21 = (1 << 21) - 1


def pack_keys(coordinates: Tensor) -> Tensor:
    """Keys of (n, 3) non-negative int64 coordinates below 2^20, in the given order."""
    return (coordinates[:, 0] << 42) | (coordinates[:, 1] << 21) | coordinates[:, 2]


def unpack_keys(keys: Tensor) -> Tensor:
    """Inverse of `pack_keys`: (n, 3) int64."""
    return torch.stack([keys >> 42, (keys >> 21) & _MASK21, keys & _MASK21], dim=1)


def neighbour_table(keys: Tensor) -> Tensor:
    """(n, 27) int64: row of each 3^3 neighbour, x fastest; n where there is none. ``keys`` sorted and unique."""
    count = len(keys)
    rows = torch.arange(count, device=keys.device)
    table = torch.full((27, count + 1), count, dtype=torch.int64, device=keys.device)
    table[13, :count] = rows
    # Half the offsets are looked up; the other half are the same pairs seen from the other end. What is not found goes
    # to a row of its own: to choose by a mask would make the host wait for a GPU, thrice an offset.
    for index in range(14, 27):
        dx, dy, dz = index % 3 - 1, index // 3 % 3 - 1, index // 9 - 1
        wanted = keys + (dx << 42) + (dy << 21) + dz
        position = torch.searchsorted(keys, wanted).clamp_(max=count - 1)
        position = torch.where(keys[position] == wanted, position, count)
        table[index, :count] = position
        table[26 - index, position] = rows
    return table[:, :count].T.contiguous()


def parents(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Sorted keys of the parents at half the resolution, and their (m, 8) table of children (x fastest)."""
    x, y, z = unpack_keys(keys).unbind(1)
    parent, row = torch.unique(pack_keys(torch.stack([x >> 1, y >> 1, z >> 1], dim=1)), return_inverse=True)
    table = torch.full((len(parent), 8), len(keys), dtype=torch.int64, device=keys.device)
    table[row, (x & 1) + 2 * (y & 1) + 4 * (z & 1)] = torch.arange(len(keys), device=keys.device)
    return parent, table


def children(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Sorted keys of all eight children of each voxel, and the order (8 n,) that sorts them (x fastest before)."""
    k = torch.arange(8, device=keys.device)
    offsets = ((k & 1) << 42) + ((k >> 1 & 1) << 21) + (k >> 2)
    all_keys = ((keys << 1)[:, None] + offsets).reshape(-1)
    return torch.sort(all_keys)


def gather_product(features: Tensor, table: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """``out[i] = bias + sum_k features[table[i, k]] @ kernel[k]`` with rows that are missing counted as zero."""
    padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
    flat = kernel.reshape(-1, kernel.shape[-1])
    chunk = max(1, CHUNK_FLOATS // flat.shape[0])
    parts = [torch.addmm(bias, padded[part].reshape(len(part), -1), flat) for part in torch.split(table, chunk)]
    return torch.cat(parts)


class SparseConvolution(nn.Module):
    """A convolution of 3^3, of stride 2 with 2^3, or of size 1, told apart by ``taps`` = 27, 8, 1."""

    def __init__(self, taps: int, inputs: int, outputs: int) -> None:
        super().__init__()
        shape = (inputs, outputs) if taps == 1 else (taps, inputs, outputs)
        bound = (taps * inputs) ** -0.5
        self.kernel = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(1, outputs))

    def forward(self, features: Tensor, table: Tensor | None = None) -> Tensor:
        """(n, in) -> (m, out), m being the rows of ``table`` (which a kernel of size 1 does not need)."""
        if table is None:
            return torch.addmm(self.bias, features, self.kernel)
        return gather_product(features, table, self.kernel, self.bias)


class GenerativeUpsampling(nn.Module):
    """Transposed convolution of stride 2 with 2^3: every voxel makes all its eight children."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.kernel = nn.Parameter(torch.empty(8, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(1, outputs))

    def forward(self, features: Tensor, order: Tensor) -> Tensor:
        """(n, in) -> (8 n, out) in the order that `children` gives."""
        taps, inputs, outputs = self.kernel.shape
        spread = features @ self.kernel.permute(1, 0, 2).reshape(inputs, taps * outputs)
        return spread.reshape(-1, outputs)[order] + self.bias
