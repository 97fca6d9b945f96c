import numpy as np
import pytest
import torch

from necgs.decoder.blocks import BlockSet, scatter_blocks
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE
from necgs.volume.dmc import extract
from tests.necgs.dense_blocks import block_states, gather_blocks, surface_points
from tests.necgs.training.test_dense import spheres

TSDF = spheres(K=32, channels=1)


def test_surface_points_are_the_ends_of_edges_that_change_sign():
    inside = np.zeros((1, 4, 4, 4), bool)
    inside[0, 1, 1, 1] = True
    found = {tuple(p) for p in np.argwhere(surface_points(inside)[0])}
    assert found == {(1, 1, 1), (0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)}


def test_states_tell_outside_inside_and_the_surface():
    states = block_states(TSDF[:, 0], 8)
    assert set(np.unique(states)) == {OUTSIDE, OCCUPIED, INSIDE}
    assert states[0, 0, 0, 0] == OUTSIDE
    assert states[2, 3, 3, 3] == INSIDE
    constant = np.repeat(np.repeat(np.repeat(states, 4, 1), 4, 2), 4, 3)
    assert (TSDF[:, 0][constant == OUTSIDE] > 0).all()
    assert (TSDF[:, 0][constant == INSIDE] < 0).all()


def test_the_surface_survives_without_the_empty_blocks():
    states = block_states(TSDF[:, 0], 8)
    blocks = gather_blocks((TSDF / 128).astype(np.float32), states)
    starts = BlockSet.of(states).starts
    for shape in range(3):
        volume = scatter_blocks(blocks[starts[shape] : starts[shape + 1]], states[shape])
        mine, expected = extract(torch.from_numpy(volume[0])), extract(torch.from_numpy(TSDF[shape, 0] / 128.0))
        torch.testing.assert_close(mine[0].double(), expected[0])
        assert torch.equal(mine[1], expected[1])


def test_neighbours_agree_with_a_search():
    states = block_states(TSDF[:, 0], 8)
    blocks = BlockSet.of(states)
    where = [tuple(p) for p in np.argwhere(states == OCCUPIED)]
    index = {p: i for i, p in enumerate(where)}
    offsets = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]
    for i in range(0, len(where), 7):
        s, x, y, z = where[i]
        for n, (a, b, c) in enumerate(offsets):
            at = (s, x + a, y + b, z + c)
            assert blocks.neighbours[i, n] == index.get(at, len(where))
            known = states[at] if min(at) >= 0 and max(at[1:]) < 8 else OUTSIDE
            assert blocks.sides[i, n] == {OUTSIDE: 1, OCCUPIED: 0, INSIDE: -1}[known]


@pytest.mark.parametrize("value", [-5, 5])
def test_a_volume_of_one_sign_has_no_occupied_block(value):
    states = block_states(np.full((1, 8, 8, 8), value, np.int16), 2)
    assert (states == (INSIDE if value < 0 else OUTSIDE)).all()
    assert len(BlockSet.of(states)) == 0
    empty = scatter_blocks(np.zeros((0, 1, 4, 4, 4), np.float32), states[0])
    assert (empty == np.sign(value)).all()
