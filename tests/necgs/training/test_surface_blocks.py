"""What the block-sparse training sees of a volume, against the volume."""

import numpy as np
import pytest
import torch

from necgs.decoder.blocks import BlockSet
from necgs.decoder.spec import block_sparse_spec
from necgs.decoder.trained_set import INSIDE, OCCUPIED, OUTSIDE
from necgs.training.block_loss import BlockTargets
from necgs.training.block_settings import BlockSettings
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.training.train import train
from tests.necgs.dense_blocks import block_states, gather_blocks, surface_points
from tests.necgs.training.test_dense import spheres

SPEC = block_sparse_spec(24, (8,), latent_channels=8)
VOLUMES = np.concatenate([spheres(K=24, channels=1), np.full((1, 1, 24, 24, 24), 128, np.int16)])


def test_batches_hold_the_values_and_exact_points_of_the_volumes():
    cut = [SurfaceBlocks.of_codes(volume, SPEC) for volume in VOLUMES]
    targets = BlockTargets.of(cut, "cpu")
    for shapes in ([0], [2, 3, 1]):
        states = np.stack([cut[shape].states for shape in shapes])
        batch = targets.batch(np.array(shapes), torch.from_numpy(BlockSet.of(states).neighbours))
        chosen = VOLUMES[shapes]
        assert np.array_equal(batch.values.numpy() * 128, gather_blocks(chosen, states))
        exact = surface_points(chosen[:, 0] < 0)[:, None]
        assert np.array_equal(batch.exact.numpy(), gather_blocks(exact, states))


@pytest.mark.parametrize("channels", [1, 4])
def test_blocks_are_those_of_the_whole_volume(channels):
    """Of random values, a part of them truncated, with surfaces that reach the border of the grid."""
    rng = np.random.default_rng(channels)
    codes = rng.integers(-128, 129, (4, 24, 24, 24)).astype(np.int16)
    codes[0, :, :14] = 128
    codes[0, :8, :9] = -128
    codes[0, 15:, 15:, ::2] = -128
    spec = block_sparse_spec(24, (8,), latent_channels=8, channels=channels)
    cut = SurfaceBlocks.of_codes(codes, spec)
    states = block_states(codes[:1], spec.latent_grid)
    assert set(np.unique(states)) == {INSIDE, OCCUPIED, OUTSIDE}
    assert np.array_equal(cut.states, states[0])
    assert np.array_equal(cut.codes, gather_blocks(codes[None, :channels], states))
    exact = gather_blocks(surface_points(codes[:1] < 0)[:, None], states)
    assert np.array_equal(cut.exact, exact.reshape(len(exact), -1))


def test_bits_that_do_not_fill_a_byte():
    spec = block_sparse_spec(24, (8,), latent_channels=8, block=3)
    cut = SurfaceBlocks.of_codes(VOLUMES[1], spec)
    values, exact = BlockTargets.of([cut], "cpu").rows(np.arange(len(cut.codes)))
    assert exact.shape == (len(cut.codes), 1, 3, 3, 3)
    assert np.array_equal(exact.flatten(1).numpy(), cut.exact)
    assert np.array_equal(values.numpy() * 128, cut.codes)


def test_rows_are_those_of_the_whole_set():
    cut = [SurfaceBlocks.of_codes(VOLUMES[index], SPEC) for index in (0, 3, 1, 2)]
    targets = BlockTargets.of(cut, "cpu")
    rows = np.random.default_rng(0).permutation(len(targets))[:50]
    values, exact = targets.rows(rows)
    assert np.array_equal(values.numpy() * 128, np.concatenate([blocks.codes for blocks in cut])[rows])
    assert np.array_equal(exact.flatten(1).numpy(), np.concatenate([blocks.exact for blocks in cut])[rows])


def test_a_set_without_a_surface_has_no_rows():
    targets = BlockTargets.of([SurfaceBlocks.of_codes(VOLUMES[3], SPEC)], "cpu")
    assert len(targets) == 0
    assert targets.batch(np.array([0]), torch.zeros((0, 27), dtype=torch.int64)).exact.shape == (0, 1, 4, 4, 4)


def test_whole_volumes_and_their_blocks_train_alike():
    settings = BlockSettings(epochs=2)
    whole = train(VOLUMES, SPEC, settings)
    cut = train([SurfaceBlocks.of_codes(volume, SPEC) for volume in VOLUMES], SPEC, settings)
    assert all(np.array_equal(a, b) for a, b in zip(whole.latents, cut.latents, strict=True))
    assert all(np.array_equal(whole.weights[name], cut.weights[name]) for name in whole.weights)
    assert [len(latents) for latents in cut.latents] == [len(BlockSet.of(grid[None])) for grid in cut.blocks]


def test_blocks_of_another_decoder_are_refused():
    cut = [SurfaceBlocks.of_codes(VOLUMES[0], block_sparse_spec(24, (8,), latent_channels=8, block=8))]
    with pytest.raises(ValueError, match=r"the decoder makes \(1, 4, 4, 4\) in \(6, 6, 6\)"):
        train(cut, SPEC, BlockSettings())
    with pytest.raises(ValueError, match="no volume"):
        train([], SPEC, BlockSettings())
