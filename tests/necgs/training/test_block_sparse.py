import numpy as np
import pytest
import torch

from necgs.coding.bitstream import encode_set
from necgs.coding.entropy import RANGE
from necgs.decoder.dense import decode_volume
from necgs.decoder.spec import block_sparse_spec
from necgs.training.block_loss import BlockTarget, block_loss
from necgs.training.block_settings import BlockSettings
from necgs.training.block_sparse import BlockTraining
from necgs.training.block_transform import MARGIN, filled, fit_transform
from necgs.training.dense import DenseSettings
from necgs.training.rate_model import laplace_bits
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.training.train import train
from necgs.volume.dmc import mesh_of
from tests.necgs.training.test_dense import spheres

VOLUMES = spheres(K=24, channels=1)
SPEC = block_sparse_spec(24, (8,), latent_channels=8)
SETTINGS = BlockSettings(epochs=20, batch=2)


@pytest.fixture(scope="module")
def trained():
    return train(VOLUMES, SPEC, SETTINGS)


def test_decoded_surfaces_are_the_spheres(trained):
    for i in range(3):
        mesh = mesh_of(torch.from_numpy(decode_volume(trained, i)[0]))
        assert mesh.is_watertight
        assert mesh.body_count == 1
        assert np.linalg.norm(mesh.vertices, axis=1) == pytest.approx(0.4 + 0.1 * i, abs=0.03)


def test_same_seed_same_integers(trained):
    again, other = train(VOLUMES, SPEC, SETTINGS), train(VOLUMES, SPEC, SETTINGS, seed=1)
    assert all(np.array_equal(again.weights[n], trained.weights[n]) for n in trained.weights)
    assert all(np.array_equal(a, b) for a, b in zip(again.latents, trained.latents, strict=True))
    assert again.latent_exponents == trained.latent_exponents
    assert not np.array_equal(other.weights["conv0.weight"], trained.weights["conv0.weight"])


@pytest.mark.parametrize("stop", [5, 35, 41, 42, 46, -2, -1])
def test_a_killed_training_goes_on_to_the_same_result(trained, tmp_path, monkeypatch, stop):
    """Stopped while it trains, refines codes, adapts weights, and refines codes again."""
    monkeypatch.setattr("necgs.training.checkpoint.SECONDS_BETWEEN", -1.0)
    monkeypatch.setattr("necgs.training.block_sparse.REFINED_TOGETHER", 1)
    whole, before, after = [], [], []

    def stopping(*told):
        before.append(told)
        if len(before) == len(whole[:stop]) + 1:
            raise TimeoutError

    train(VOLUMES, SPEC, SETTINGS, progress=lambda *told: whole.append(told))
    with pytest.raises(TimeoutError):
        train(VOLUMES, SPEC, SETTINGS, checkpoint=tmp_path, progress=stopping)
    resumed = train(VOLUMES, SPEC, SETTINGS, checkpoint=tmp_path, progress=lambda *told: after.append(told))
    redone = len(before) + len(after) - len(whole)
    assert after == whole[len(before) - redone :]
    assert 1 <= redone <= 2  # of the two steps of an epoch; what was told last was not yet saved
    assert all(np.array_equal(resumed.weights[n], trained.weights[n]) for n in trained.weights)
    assert all(np.array_equal(a, b) for a, b in zip(resumed.latents, trained.latents, strict=True))


def test_a_heavier_rate_costs_fewer_bits(trained):
    cheap = train(VOLUMES, SPEC, BlockSettings(epochs=20, batch=2, lambda_=0.2))
    spent = [encode_set(t, RANGE).ledger["latents"] for t in (trained, cheap)]
    assert spent[1] < 0.8 * spent[0]


def test_deformation_is_coded_too():
    volumes = spheres(K=24, channels=4)
    result = train(volumes, block_sparse_spec(24, (8,), 8, channels=4), BlockSettings(epochs=3))
    assert decode_volume(result, 0).shape == (4, 24, 24, 24)


def test_shapes_without_surface_are_coded_as_nothing():
    volumes = np.concatenate([VOLUMES[:1], np.full((1, 1, 24, 24, 24), 128, np.int16)])
    result = train(volumes, SPEC, BlockSettings(epochs=2, batch=1))
    assert result.latents[1].shape == (0, 8)
    assert (decode_volume(result, 1) == 1).all()
    nothing = train(volumes[1:], SPEC, BlockSettings(epochs=2))
    assert (decode_volume(nothing, 0) == 1).all()


def test_settings_must_be_the_decoder_s():
    with pytest.raises(ValueError, match="DenseSettings"):
        train(VOLUMES, SPEC, DenseSettings())
    with pytest.raises(ValueError, match="noise"):
        BlockSettings(noise=1.0)


def test_the_first_transform_reproduces_what_it_can():
    rng = np.random.default_rng(0)
    exact = rng.random((500, 27)) < 0.6
    targets = np.clip(rng.normal(size=(500, 2)) @ rng.normal(size=(2, 27)) / 3, -1, 1).astype(np.float32)
    few, many = (fit_transform(targets, exact, 27, count) for count in (2, 27))
    errors = [
        np.abs((t.coefficients(targets, exact) @ t.components + t.mean - targets) * exact).mean() for t in (few, many)
    ]
    assert errors[0] < 0.1
    assert errors[1] < 1e-5
    np.testing.assert_allclose(many.components @ many.components.T, np.eye(27), atol=1e-5)


def test_filling_keeps_the_side():
    targets, predicted = np.array([[0.9, -0.9, 0.2, 0.5]], np.float32), np.array([[-1, -2, 7, 7]], np.float32)
    known = np.array([[False, False, True, False]])
    np.testing.assert_allclose(filled(targets, known, predicted, signed=3), [[MARGIN, -2, 0.2, 7]])


def test_loss_counts_crossings_values_beside_them_and_signs_elsewhere():
    def line(*values):
        return torch.tensor(values).view(1, 1, 1, 1, 4)

    ends, shares = torch.tensor([[0, 1]]), torch.tensor([[2 / 7, 5 / 7]])
    sizes = torch.tensor([2.0]), torch.tensor([1.0])
    target = BlockTarget(line(0.5, -0.2, 1.0, -1.0), line(True, True, False, False), ends, shares, *sizes)
    assert block_loss(line(0.5, -0.2, MARGIN, -7.0), target, 3.0).item() == pytest.approx(0, abs=1e-7)
    stretched = block_loss(line(0.75, -0.3, MARGIN, -7.0), target, 3.0).item()
    assert stretched == pytest.approx(0.25 * (0.25 + 0.1) / 2)  # the surface stays where it was
    wrong = block_loss(line(0.4, 0.1, -0.1, -7.0), target, 3.0).item()
    expected = 0.25 * (0.1 + 0.3) / 2 + 0.75 * (0.8 + 0.5) / 7 + 3 * (0.2 + MARGIN + 0.1) / 2
    assert wrong == pytest.approx(expected)


def test_rate_is_the_ideal_length_of_a_laplace_code():
    rng = np.random.default_rng(0)
    codes = np.rint(rng.laplace(scale=3.0, size=20_000))
    _, counts = np.unique(codes, return_counts=True)
    entropy = -(counts * np.log2(counts / counts.sum())).sum()
    bits = laplace_bits(torch.from_numpy(codes)[:, None], torch.tensor([np.log(3.0)])).sum().item()
    assert bits == pytest.approx(entropy, rel=0.01)
    fine = torch.arange(-400.0, 401.0)[:, None]
    assert (2 ** -laplace_bits(fine, torch.tensor([1.0]))).sum().item() == pytest.approx(1, abs=2e-3)


def test_training_starts_from_the_transform():
    training = BlockTraining([SurfaceBlocks.of_codes(v, SPEC) for v in VOLUMES], SPEC, SETTINGS, "cpu", 0)
    start = training.loss(np.arange(3), noisy=True).item()
    training.latents.values.mul_(0)
    assert training.loss(np.arange(3), noisy=True).item() > 2 * start
