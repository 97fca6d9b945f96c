"""Two processes of one training, real ones that talk by gloo, against one process."""

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from bench.codec import Context
from necgs.codec import NecgsCodec
from necgs.decoder.dense import decode_volume
from necgs.decoder.spec import DENSE, DecoderSpec, block_sparse_spec
from necgs.settings import NecgsRate
from necgs.training.block_settings import BlockSettings
from necgs.training.dense import DenseSettings
from necgs.training.ranks import Ranks
from necgs.training.train import train
from tests.necgs.training.test_dense import spheres

K, STOP = 24, 13
TRAININGS = {
    "blocks": (block_sparse_spec(K, (8,), latent_channels=8), BlockSettings(epochs=10, batch=2)),
    "dense": (DecoderSpec(DENSE, K, 1, 3, 8, (4, 4, 4)), DenseSettings(epochs=4, batch=2)),
}


RATE = NecgsRate(resolution=16, width=8, epochs=4)


def meshes():
    """Three of which the second has no surface."""
    return [trimesh.creation.icosphere(2, 0.7), trimesh.Trimesh(), trimesh.creation.box((1, 1.2, 0.8))]


def volumes_for(spec):
    """Three spheres: the last of an epoch's batches has fewer shapes than there are processes."""
    return spheres(K=K, channels=spec.channels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def alone(folder):
    results = {name: train(volumes_for(spec), spec, settings) for name, (spec, settings) in TRAININGS.items()}
    leave_checkpoint(folder / "of-one")
    return results


def leave_checkpoint(state):
    def progress(done, total, note):
        if done == STOP:
            raise TimeoutError

    spec, settings = TRAININGS["blocks"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("necgs.training.checkpoint.SECONDS_BETWEEN", -1.0)
        with pytest.raises(TimeoutError):
            train(volumes_for(spec), spec, settings, checkpoint=state, progress=progress)


@pytest.fixture(scope="module")
def together(folder, alone):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).parents[3]
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [sys.executable, "-m", "tests.necgs.training.one_of_two", str(folder)]
    both = [
        subprocess.Popen(command, env={**os.environ, **shared, "RANK": str(rank)}, cwd=root, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(2)]


def volumes_of(trained):
    return np.stack([decode_volume(trained, index) for index in range(3)])


def assert_close(trained, expected):
    """Sums are rounded in another order, so that some codes fall to the other side: one in fifty, by one."""
    for name, codes in expected.weights.items():
        assert np.abs(codes - trained.weights[name]).max() <= 2
        assert (codes != trained.weights[name]).mean() < 0.05
    assert np.abs(volumes_of(trained) - volumes_of(expected)).mean() < 0.005


@pytest.mark.parametrize("name", TRAININGS)
def test_two_processes_train_what_one_does(alone, together, name):
    assert_close(together[0][name], alone[name])


@pytest.mark.parametrize("name", [*TRAININGS, "continued"])
def test_both_processes_end_with_equal_codes(together, name):
    here, there = together[0][name], together[1][name]
    assert all(np.array_equal(here.weights[n], there.weights[n]) for n in here.weights)
    assert all(np.array_equal(a, b) for a, b in zip(here.latents, there.latents, strict=True))


def test_a_deadline_of_one_stops_both(together):
    assert [found["stopped"] for found in together] == ["StoppedElsewhere", "TimeoutError"]


def test_a_checkpoint_of_one_process_is_continued_by_two(alone, together, folder):
    assert_close(together[0]["continued"], alone["blocks"])


def test_a_checkpoint_of_two_processes_is_continued_by_one(alone, together, folder):
    spec, settings = TRAININGS["blocks"]
    steps = []
    continued = train(
        volumes_for(spec),
        spec,
        settings,
        checkpoint=folder / "of-two",
        progress=lambda done, total, note: steps.append(done),
    )
    assert steps[0] == STOP - STOP % 2 + 1
    assert_close(continued, alone["blocks"])


def test_a_set_is_coded_by_two_processes_as_by_one(together, tmp_path):
    context = Context(scratch=tmp_path)
    expected = NecgsCodec().encode(meshes(), RATE, context)
    here, there = (found["archive"] for found in together)
    assert here == there
    assert [bool(part.data) for part in here.shapes] == [True, False, True]
    assert here.nbytes == pytest.approx(expected.nbytes, rel=0.02)


def test_things_of_all_are_gathered_in_the_order_of_the_processes(together):
    assert together[0]["gathered"] == together[1]["gathered"] == [0, "x", 1, "x"]


@pytest.mark.parametrize(("items", "count"), [(4, 2), (5, 3), (1, 2), (0, 2), (7, 1)])
def test_shares_are_each_thing_once(items, count):
    weights = np.zeros(items)
    for rank in range(count):
        part, weight = Ranks(rank, count).share(items)
        weights[part] += weight
    assert weights == pytest.approx(np.ones(items))
