"""A volume as the training of the block-sparse decoder sees it: the blocks that the surface enters, and nothing else.

At K = 128 that is a tenth of the volume's bytes; a set of thousands fits into memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from necgs.decoder.blocks import BlockSet, States
from necgs.decoder.spec import DecoderSpec
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE
from necgs.training.sign_changes import edges_that_change_sign, ends_of
from necgs.volume import LEVEL
from necgs.volume.topology import Topology, topology
from necgs.volume.tsdf_def import TsdfDef, flat_indices


@dataclass(frozen=True)
class SurfaceBlocks:
    """The n occupied blocks of one volume, cut into G^3 blocks of b^3 points.

    Args:
        states: int8 (G, G, G), of all blocks (`necgs.decoder.blocks`).
        codes: int16 (n, channels, b, b, b), value = code / 128; channel 0 the TSDF.
        edges: int32 (m,), those that change sign (`necgs.training.sign_changes`).
    """

    states: States
    codes: NDArray[np.int16]
    edges: NDArray[np.int32]

    @classmethod
    def of(cls, volume: TsdfDef, spec: DecoderSpec) -> SurfaceBlocks:
        """Of a volume, as ``spec`` cuts it."""
        edges = _edges_within(topology(volume.inside), volume.resolution)
        states = _states(volume, edges, spec.latent_grid)
        numbers = edges_that_change_sign(edges, states == OCCUPIED, spec.block_edge)
        return cls(states, _codes(volume, states, spec), numbers)

    @classmethod
    def of_codes(cls, codes: NDArray[np.int16], spec: DecoderSpec) -> SurfaceBlocks:
        """Of a whole volume, int16 (1 or 4, K, K, K)."""
        return cls.of(TsdfDef.of_codes(codes), spec)

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Bool (n, b^3), the points whose values decide where the surface lies: the ends of the edges."""
        blocks = BlockSet.of(self.states[None])
        edges, neighbours = (torch.from_numpy(rows.astype(np.int64)) for rows in (self.edges, blocks.neighbours))
        found = np.zeros((len(self.codes), math.prod(self.codes.shape[2:])), bool)
        found.reshape(-1)[ends_of(edges, neighbours, self.codes.shape[-1]).numpy().reshape(-1)] = True
        return found


def _edges_within(mesh: Topology, resolution: int) -> list[NDArray[np.int64]]:
    """Along each axis the lower ends (m, 3) of the edges between points of the grid that change sign, in C order."""
    lower, upper = mesh.lower.numpy(), mesh.upper.numpy()
    within = (lower.min(axis=1, initial=0) >= 0) & (upper.max(axis=1, initial=0) < resolution)
    return [lower[within & (upper[:, axis] > lower[:, axis])] for axis in range(3)]


def _states(volume: TsdfDef, edges: Sequence[NDArray[np.int64]], grid: int) -> States:
    """Of all blocks: occupied by an end of an edge that changes sign, else as their points are."""
    edge = volume.resolution // grid
    corner = np.indices((grid,) * 3).reshape(3, -1).T * edge
    inside = volume.inside.at(flat_indices(corner, volume.resolution)[0])
    states = np.where(inside, INSIDE, OUTSIDE).astype(np.int8).reshape((grid,) * 3)
    for axis, lower in enumerate(edges):
        for end in (lower, lower + np.eye(3, dtype=np.int64)[axis]):
            states[tuple((end // edge).T)] = OCCUPIED
    return states


def _codes(volume: TsdfDef, states: States, spec: DecoderSpec) -> NDArray[np.int16]:
    """Codes (n, channels, b, b, b) of the occupied blocks."""
    K, b = volume.resolution, spec.block_edge
    place = np.argwhere(states == OCCUPIED) * b
    steps = np.indices((b, b, b)).reshape(3, -1).T
    every = flat_indices(place[:, None] + steps, K)[0]
    codes = np.zeros((len(place), spec.channels, b**3), np.int16)
    codes[:, 0] = np.where(volume.inside.at(every), np.int16(-LEVEL), np.int16(LEVEL))
    number = np.full(states.shape, -1)
    number[states == OCCUPIED] = np.arange(len(place))
    points = np.stack(np.unravel_index(volume.points, (K, K, K)), axis=1)
    block = number[tuple((points // b).T)]
    held = np.flatnonzero(block >= 0)
    local = points[held] % b @ [b * b, b, 1]
    for channel, values in enumerate(volume.point_codes[: spec.channels]):
        codes[block[held], channel, local] = values[held]
    return codes.reshape(-1, spec.channels, b, b, b)


def check_volumes(volumes: Sequence[SurfaceBlocks], spec: DecoderSpec) -> None:
    """Raise ``ValueError`` unless there are volumes, and all are what ``spec`` decodes."""
    grid, block = (spec.latent_grid,) * 3, (spec.channels, *(spec.block_edge,) * 3)
    if not volumes:
        raise ValueError("there is no volume to train on")
    for volume in volumes:
        if volume.states.shape != grid or volume.codes.shape[1:] != block:
            found = f"blocks of shape {volume.codes.shape[1:]} in a grid of {volume.states.shape}"
            raise ValueError(f"{found}; the decoder makes {block} in {grid}")
