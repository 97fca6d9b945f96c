"""Edges that change sign, against the vertices that marching cubes puts on them."""

import numpy as np
import torch
from scipy.spatial import cKDTree

from necgs.decoder.blocks import BlockSet
from necgs.decoder.trained_set import OCCUPIED
from necgs.training.sign_changes import SignChanges, edges_that_change_sign, zero_shares
from necgs.volume.dmc import extract
from tests.necgs.dense_blocks import block_states, gather_blocks

K, EDGE = 12, 4


def volumes():
    """Random TSDF codes of three shapes, the second without a surface, with blocks that are not occupied."""
    codes = np.random.default_rng(0).integers(-128, 129, (3, K, K, K)).astype(np.int16)
    codes[:, :6] = np.abs(codes[:, :6])
    codes[:, :, :, [0, -1]] = 128  # the layer around the grid adds no vertices there
    codes[:, :, [0, -1]] = codes[:, [0, -1]] = 128
    codes[codes == 0] = 1  # no two vertices in one place
    codes[1] = 5
    return codes


def lower_ends(inside):
    """For each axis the grid points (m, 3) that lie on another side than the next."""
    for axis in range(3):
        ahead = np.moveaxis(inside, axis, 0)
        yield np.argwhere(np.moveaxis(ahead[:-1] != ahead[1:], 0, axis))


def changes_of(codes, blocks):
    occupied = blocks.states == OCCUPIED
    edges = [
        torch.from_numpy(edges_that_change_sign(list(lower_ends(own < 0)), taken, EDGE))
        for own, taken in zip(codes, occupied, strict=True)
    ]
    return SignChanges(tuple(edges), EDGE)


def batch_of(blocks, shapes):
    """The blocks of some shapes, and their neighbours as indices into these."""
    index = np.concatenate([np.arange(blocks.starts[shape], blocks.starts[shape + 1]) for shape in shapes])
    return index, BlockSet.of(blocks.states[shapes]).neighbours.astype(np.int64)


def test_crossings_are_the_vertices_of_marching_cubes():
    codes = volumes()
    blocks = BlockSet.of(block_states(codes, K // EDGE))
    changes = changes_of(codes, blocks)
    where = np.stack(np.meshgrid(*[np.arange(K, dtype=np.float64)] * 3, indexing="ij"))
    positions = gather_blocks(np.broadcast_to(where, (3, 3, K, K, K)), blocks.states).transpose(0, 2, 3, 4, 1)
    for shape in range(3):
        index, neighbours = batch_of(blocks, [shape])
        ends = changes.batch(np.array([shape]), blocks.starts, torch.from_numpy(neighbours)).numpy()
        at_ends = gather_blocks(codes[:, None], blocks.states)[index].reshape(-1)[ends]
        shares = zero_shares(torch.from_numpy(at_ends.astype(np.float32))).numpy()
        own = (positions[index].reshape(-1, 3)[ends] * shares[:, :, None]).sum(1) * 2 / (K - 1) - 1
        vertices = extract(torch.from_numpy(codes[shape] / np.float32(128)), None)[0].numpy()
        assert (len(own) == 0) == (shape == 1)
        if shape != 1:
            assert max(cKDTree(a).query(b)[0].max() for a, b in ((own, vertices), (vertices, own))) < 1e-5
            assert len(own) == len(vertices)


def test_a_batch_counts_its_own_blocks():
    codes = volumes()
    blocks = BlockSet.of(block_states(codes, K // EDGE))
    changes = changes_of(codes, blocks)
    values = gather_blocks(codes[:, None], blocks.states)
    for shapes in ([0], [2], [2, 1, 0], [1]):
        index, neighbours = batch_of(blocks, shapes)
        ends = changes.batch(np.array(shapes), blocks.starts, torch.from_numpy(neighbours)).numpy()
        at_ends = values[index].reshape(-1)[ends]
        shares = zero_shares(torch.from_numpy(at_ends.astype(np.float32))).numpy()
        assert len(ends) == sum(len(changes.edges[s]) for s in shapes)
        assert ((at_ends[:, 0] < 0) != (at_ends[:, 1] < 0)).all()
        np.testing.assert_allclose((at_ends * shares).sum(1), 0, atol=1e-4)
