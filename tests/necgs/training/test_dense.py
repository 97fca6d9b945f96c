import numpy as np
import pytest
import torch

from necgs.decoder.dense import decode_volume, dense_decoder
from necgs.decoder.spec import DENSE, DecoderSpec
from necgs.training.checkpoint import Checkpoint
from necgs.training.dense import PAPER_QUANTIZER, DenseSettings, DenseTraining, learning_rate_factor
from necgs.training.train import train
from tests.necgs import literal_paper

SPEC = DecoderSpec(DENSE, 16, 4, 4, 16, (6, 4))


def spheres(n=3, K=16, channels=4):
    """TSDF-like codes of spheres of growing radius, with a little deformation noise."""
    rng = np.random.default_rng(0)
    axis = np.linspace(-1, 1, K)
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    out = rng.integers(-20, 21, (n, channels, K, K, K)).astype(np.int16)
    for i in range(n):
        out[i, 0] = np.round(np.clip((radius - 0.4 - 0.1 * i) / (4 / (K - 1)), -1, 1) * 128)
    return out


def literal_of(training):
    net = literal_paper.Decoder(training.spec.widths, training.spec.channels)
    names = [n for i in range(len(training.spec.widths)) for n in (f"up{i}.weight", f"up{i}.bias")]
    for p, name in zip(net.parameters(), [*names, "out.weight", "out.bias"], strict=True):
        p.data = training.weights[name].detach().clone().contiguous()
    latents = torch.nn.Parameter(training.sources["latents"].detach().clone())
    return net, latents


@pytest.mark.parametrize("channels", [1, 4])
def test_losses_and_steps_agree_with_the_literal_transcription(channels):
    spec = DecoderSpec(DENSE, 16, channels, 4, 16, (6, 4))
    volumes = spheres(channels=channels)
    training = DenseTraining(volumes, spec, DenseSettings(), "cpu", seed=3)
    net, latents = literal_of(training)
    optimizer = torch.optim.Adam([*net.parameters(), latents], lr=1e-3)
    target = torch.from_numpy(volumes).float() / 128
    for indices in (torch.tensor([0, 2]), torch.tensor([1])):
        q = literal_paper.Quantise.apply(latents[indices])
        grid = q.reshape(-1, 4, 4, 4, 16).permute(0, 4, 1, 2, 3)
        expected = literal_paper.loss(net(grid), target[indices], q)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert training.step(indices).item() == pytest.approx(expected.item(), rel=1e-5)
    mine, theirs = [*training.weights.values(), training.sources["latents"]], [*net.parameters(), latents]
    for a, b in zip(mine, theirs, strict=True):  # where a gradient is near zero, Adam divides rounding by rounding
        difference = (a - b).abs().detach()
        assert difference.max() < 2e-4
        assert difference.mean() < 1e-6


def test_quantiser_has_257_levels_and_the_clamp_s_gradient():
    x = torch.linspace(-1.2, 1.2, 4001, requires_grad=True)
    q = PAPER_QUANTIZER(x)
    q.sum().backward()
    assert torch.equal(torch.unique(q.detach() * 128), torch.arange(-128.0, 129.0))
    assert torch.equal(q, literal_paper.Quantise.apply(x))
    assert torch.equal(x.grad != 0, (x.detach() >= -1) & (x.detach() <= 1))


def test_learning_rate_warms_up_then_falls_to_zero():
    settings = DenseSettings(epochs=50)
    factors = [learning_rate_factor(e, settings) for e in range(50)]
    assert factors == pytest.approx([literal_paper.rate_factor(e, 50) for e in range(50)])
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[10] == 1
    assert factors[-1] < 0.01


def test_same_seed_same_result_and_another_seed_another():
    settings = DenseSettings(epochs=2)
    a, b, c = (train(spheres(), SPEC, settings, seed=s) for s in (0, 0, 1))
    assert all(np.array_equal(a.weights[n], b.weights[n]) for n in a.weights)
    assert all(np.array_equal(x, y) for x, y in zip(a.latents, b.latents, strict=True))
    assert not np.array_equal(a.latents[0], c.latents[0])


def test_a_killed_training_goes_on_to_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr("necgs.training.checkpoint.SECONDS_BETWEEN", -1.0)
    settings = DenseSettings(epochs=4)
    whole = train(spheres(), SPEC, settings)

    def stop(done, total, note):
        if done == 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        train(spheres(), SPEC, settings, checkpoint=tmp_path, progress=stop)
    train(spheres(), SPEC, DenseSettings(epochs=1), checkpoint=tmp_path)  # another training, in the same folder
    rest = []
    resumed = train(spheres(), SPEC, settings, checkpoint=tmp_path, progress=lambda done, *_: rest.append(done))
    assert rest == [3, 4]
    assert all(np.array_equal(whole.weights[n], resumed.weights[n]) for n in whole.weights)


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_ignored(tmp_path):
    one = Checkpoint(tmp_path, "one")
    one.save({"epoch": 1, "weights": torch.arange(20.0)})
    assert one.load()["weights"].tolist() == list(range(20))
    path, other = tmp_path / "training-one.pt", tmp_path / "training-other.pt"
    other.write_bytes(path.read_bytes())
    assert Checkpoint(tmp_path, "other").load() is None
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        assert one.load() is None
        path.write_bytes(whole[:position])
        assert one.load() is None
    assert Checkpoint(tmp_path / "nothing", "one").load() is None
    assert Checkpoint(None, "one").load() is None


def test_training_learns_and_decoding_uses_the_integers_only():
    volumes = spheres(channels=1)
    spec = DecoderSpec(DENSE, 16, 1, 4, 16, (8, 6))
    settings = DenseSettings(epochs=150, learning_rate=2e-2, kaiming=True)
    trained = train(volumes, spec, settings)
    decoded = decode_volume(trained, 1)
    assert decoded.shape == (1, 16, 16, 16)
    assert np.abs(decoded - volumes[1] / 128).mean() < 0.1
    weights = {name: torch.from_numpy(codes) / 128 for name, codes in trained.weights.items()}
    with torch.no_grad():
        expected = dense_decoder(spec, weights, torch.from_numpy(trained.latents[1])[None] / 128)[0].clamp(-1, 1)
    assert np.array_equal(decoded, expected.numpy())


def test_volumes_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match="decoder makes"):
        train(spheres(channels=1), SPEC, DenseSettings())
