import numpy as np
import pytest
import torch
import trimesh

from baselines.points.pcgcv2.__main__ import main
from baselines.points.pcgcv2.checkpoint import load_network
from baselines.points.pcgcv2.sparse import unpack_keys
from baselines.points.pcgcv2.train import TrainSettings, cloud_loss, rotated_cloud, save, train

SMALL = TrainSettings(alpha=1.0, epochs=4, batch=2, bits=4, held_out=0.3, learning_rate=5e-3)


def test_training_lowers_the_loss_and_writes_what_the_codec_reads(tmp_path):
    meshes = [trimesh.creation.icosphere(subdivisions=2), trimesh.creation.torus(0.7, 0.3), trimesh.creation.box()]
    losses, held = [], []

    def report(epoch, training, measured):
        losses.append(training.loss)
        held.append(measured)

    network = train(meshes, SMALL, report)
    assert len(losses) == SMALL.epochs
    assert losses[-1] < losses[0]
    assert all(value.bits_per_point >= 0 and value.cross_entropy >= 0 for value in held)
    save(network, tmp_path / "new" / "r4.pth")
    loaded, _ = load_network(tmp_path / "new" / "r4.pth", "cpu")
    for name, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])


def test_rotated_clouds_fill_the_grid():
    keys = rotated_cloud(trimesh.creation.box((0.1, 0.2, 0.3)), SMALL, np.random.default_rng(0))
    at = unpack_keys(keys)
    assert (at.max() - at.min()).item() == 15
    assert torch.equal(keys, keys.sort().values)


def test_every_weight_gets_a_gradient():
    from baselines.points.pcgcv2.network import Network

    torch.manual_seed(0)
    network = Network()
    loss, measured = cloud_loss(
        network, rotated_cloud(trimesh.creation.torus(0.7, 0.3), SMALL, np.random.default_rng(0)), 1.0
    )
    loss.backward()
    assert np.isclose(measured.loss, measured.cross_entropy + measured.bits_per_point)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"epochs": 0}, {"bits": 3}, {"held_out": 1.0}])
def test_settings_are_checked(bad):
    with pytest.raises(ValueError, match="must be"):
        TrainSettings(**bad)


def test_command_line(tmp_path, capsys):
    trimesh.creation.icosphere(subdivisions=1).export(tmp_path / "a.ply")
    command = ["train", "--dataset", f"folder:{tmp_path}", "--epochs", "1", "--bits", "4", "--rate", "2"]
    assert main([*command, "--out", str(tmp_path / "ckpts")]) == 0
    assert (tmp_path / "ckpts" / "r2.pth").stat().st_size > 3_000_000
    assert "full scale" in capsys.readouterr().out
    assert main([*command, "--out", str(tmp_path), "--dataset", "folder:/nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
