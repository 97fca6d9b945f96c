"""The network's and the volumes' paths on every device: the CPU, a pretended GPU, a real one (marker gpu)."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
import trimesh

from bench.codec import Context
from necgs.codec import NecgsCodec
from necgs.coding.bitstream import decode_shared, encode_set
from necgs.decoder.dense import decode_volume
from necgs.decoder.spec import DENSE, DecoderSpec, block_sparse_spec
from necgs.decoder.trained_set import TrainedSet
from necgs.fit.fit_volume import fitted_volume
from necgs.fit.raster.visibility import visibility_on, visible_faces
from necgs.fit.rendered import RenderedFit, fit_rendered
from necgs.paper_codec import NecgsPaperCodec
from necgs.settings import NecgsRate
from necgs.training.block_settings import BlockSettings
from necgs.training.block_sparse import BlockTraining
from necgs.training.compiled_cost import ShapeArrays
from necgs.training.dense import DenseSettings, DenseTraining
from necgs.training.latent_descent import AppendSettings
from necgs.training.new_shapes import fit_latents
from necgs.training.surface_blocks import SurfaceBlocks
from necgs.training.train import train
from necgs.volume.dmc import extract, extract_blocks
from necgs.volume.resampled_extraction import extract_at
from necgs.volume.topology import topology
from necgs.volume.tsdf_def import TsdfDef
from tests.conftest import Device
from tests.necgs.training.test_dense import spheres
from tests.pretended_cuda import PretendedCuda
from tests.pretended_cuda.rasterizer import install

K = 16
BLOCKS = (block_sparse_spec(K, (4,), latent_channels=4), BlockSettings(epochs=2, batch=2, noise=0.0))
NOISY = (BLOCKS[0], BlockSettings(epochs=2, batch=2, noise=0.5))
DEFORMED = (block_sparse_spec(K, (4, 4, 4), latent_channels=4, channels=4), BlockSettings(epochs=1, batch=2, noise=0.0))
DENSE_SPEC = DecoderSpec(DENSE, K, 4, 4, 8, (4, 4))
PAPER = (DecoderSpec(DENSE, K, 4, 2, 8, (4, 4, 4)), DenseSettings(epochs=2, batch=2))
TSDF_ONLY = (DecoderSpec(DENSE, K, 1, 4, 8, (4, 4)), DenseSettings(epochs=2, batch=2))
ENCODER = (PAPER[0], DenseSettings(epochs=1, batch=2, encoder=True))
TRAININGS = {
    "blocks": BLOCKS,
    "noisy": NOISY,
    "deformed": DEFORMED,
    "dense": PAPER,
    "dense, TSDF": TSDF_ONLY,
    "encoder": ENCODER,
}


def same(a: TrainedSet, b: TrainedSet) -> bool:
    weights = all(np.array_equal(a.weights[name], b.weights[name]) for name in a.weights)
    return weights and all(np.array_equal(x, y) for x, y in zip(a.latents, b.latents, strict=True))


def error(trained: TrainedSet, volumes: np.ndarray, device: str = "cpu") -> float:
    """Mean absolute error of the decoded TSDF."""
    decoded = [decode_volume(trained, index, device)[0] for index in range(len(volumes))]
    return float(np.abs(np.stack(decoded) - volumes[:, 0] / 128).mean())


@pytest.mark.parametrize("name", TRAININGS)
def test_training(device: Device, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShapeArrays, "of", lambda *_: None)  # nothing compiled: the same sums on a CPU
    spec, settings = TRAININGS[name]
    volumes = spheres(3, K, spec.channels)
    here, there = train(volumes, spec, settings), train(volumes, spec, settings, device=device.name)
    if device.exact and name in ("blocks", "deformed"):  # noise is drawn on the device; CUDA's autocast rounds
        assert same(here, there)
    assert error(there, volumes, device.name) == pytest.approx(error(here, volumes), rel=0.2)


@pytest.mark.parametrize("name", ["noisy", "encoder"])
def test_same_seed_same_integers(device: Device, name: str) -> None:
    spec, settings = TRAININGS[name]
    volumes = spheres(2, K, spec.channels)
    assert same(*(train(volumes, spec, settings, device=device.name, seed=3) for _ in range(2)))


@pytest.mark.parametrize("name", TRAININGS)
def test_no_sum_of_a_training_is_left_to_chance(name: str) -> None:
    spec, settings = TRAININGS[name]
    with PretendedCuda() as seen:
        train(spheres(2, K, spec.channels), spec, settings, device="cuda")
    assert seen.launches["convolution_backward"] or seen.launches["mm"]
    assert not seen.nondeterministic


@pytest.mark.parametrize("name", ["noisy", "dense"])
def test_a_killed_training_goes_on_to_the_same_integers(device: Device, name: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("necgs.training.checkpoint.SECONDS_BETWEEN", -1.0)
    spec, settings = TRAININGS[name]
    volumes, state = spheres(3, K, spec.channels), tmp_path / "state.pt"

    def stop(done: int, total: int, note: str) -> None:
        if done == total - 1:
            raise TimeoutError

    whole = train(volumes, spec, settings, device=device.name)
    with pytest.raises(TimeoutError):
        train(volumes, spec, settings, device=device.name, checkpoint=state, progress=stop)
    assert state.exists()
    assert same(whole, train(volumes, spec, settings, device=device.name, checkpoint=state))


@pytest.mark.parametrize("name", ["blocks", "dense"])
def test_append_and_decode(device: Device, name: str) -> None:
    spec, settings = TRAININGS[name]
    shared = decode_shared(encode_set(train(spheres(2, K, spec.channels), spec, settings), "range").shared.data)
    new = [TsdfDef.of_codes(codes) for codes in spheres(3, K, spec.channels)[2:]]
    here, there = (fit_latents(shared, new, AppendSettings(steps=5), where) for where in ("cpu", device.name))
    assert here[0][0].shape == there[0][0].shape
    if device.exact:
        assert np.array_equal(here[0][0], there[0][0])


def test_extraction(device: Device) -> None:
    volume = torch.from_numpy(spheres(1, K, 4)[0]).float() / 128
    moved = volume.to(device.name)
    blocks = torch.cartesian_prod(*[torch.arange(4)] * 3)
    values = volume.reshape(4, 4, 4, 4, 4, 4, 4).permute(1, 3, 5, 0, 2, 4, 6).reshape(64, 4, 4, 4, 4)
    pairs = [
        (extract(volume[0], volume[1:]), extract(moved[0], moved[1:])),
        (extract_blocks(values, blocks, K), extract_blocks(values.to(device.name), blocks.to(device.name), K)),
        *((extract_at(volume, R), extract_at(moved, R)) for R in (12, 25)),
    ]
    for (vertices, faces), (moved_vertices, moved_faces) in pairs:
        assert np.array_equal(faces.numpy(), moved_faces.cpu().numpy())
        np.testing.assert_allclose(vertices.numpy(), moved_vertices.cpu().numpy(), atol=0 if device.exact else 1e-5)


def test_a_surface_is_joined_without_copies_of_tables() -> None:
    with PretendedCuda() as seen:
        inside = torch.from_numpy(spheres(1, K, 1)[0, 0] < 0).to("cuda")
        topology(inside)
        seen.waits.clear()
        topology(inside)
    assert sum(seen.waits.values()) == 3  # how many cells, crossings and triangles there are


def ball_to_fit() -> tuple[TsdfDef, trimesh.Trimesh]:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=0.45)
    return TsdfDef.of_codes(spheres(1, K, 4)[0]), mesh


@pytest.mark.parametrize("rasterizer", [False, True], ids=["depth buffer", "nvdiffrast"])
def test_rendered_fit(device: Device, rasterizer: bool, monkeypatch) -> None:
    if rasterizer and device.exact:
        install(monkeypatch)
    if rasterizer and not device.exact:
        pytest.importorskip("nvdiffrast")
    settings = RenderedFit(iterations=2, views=1, size=32)
    volume, mesh = ball_to_fit()
    here = fit_rendered(volume, mesh.vertices, mesh.faces, settings)
    there = fit_rendered(volume, mesh.vertices, mesh.faces, settings, device=device.name)
    uses = visibility_on(device.name).backend == "nvdiffrast"
    assert uses == (rasterizer and device.name == "cuda") or not device.exact
    if device.exact and not uses:
        assert np.array_equal(here.codes, there.codes)
    assert np.abs(here.codes - there.codes).mean() < 0.5


def test_a_rendered_fit_is_the_same_each_time_and_seldom_waits(monkeypatch) -> None:
    install(monkeypatch)
    volume, mesh = ball_to_fit()
    with PretendedCuda() as seen:
        fit_rendered(volume, mesh.vertices, mesh.faces, RenderedFit(iterations=1, views=2, size=32), device="cuda")
        first = sum(seen.waits.values())
        fit_rendered(volume, mesh.vertices, mesh.faces, RenderedFit(iterations=2, views=2, size=32), device="cuda")
    assert not seen.nondeterministic
    own = {line: n for line, n in seen.waits.items() if "rasterizer.py" not in line}
    assert sum(seen.waits.values()) - 2 * first < 60, own


def test_visible_faces_are_those_of_the_depth_buffer(device: Device, monkeypatch) -> None:
    if device.name == "cpu":
        pytest.skip("nvdiffrast needs CUDA")
    if device.exact:
        install(monkeypatch)
    else:
        pytest.importorskip("nvdiffrast")
    xy = torch.tensor([[[2.0, 3.0], [20.0, 5.0], [7.0, 25.0], [28.0, 29.0]]], device=device.name)
    z, faces = torch.tensor([[2.0, 3.0, 2.5, 4.0]], device=device.name), torch.tensor([[0, 1, 2], [1, 3, 2], [0, 3, 1]])
    theirs, ours = (visible_faces(xy, z, faces.to(device.name), 32, backend) for backend in ("nvdiffrast", "numba"))
    assert (theirs.cpu() >= 0).float().mean() > 0.2
    assert (theirs != ours).float().mean().item() < 0.02
    nothing = visible_faces(xy, z, faces[:0].to(device.name), 32, "nvdiffrast")
    assert (nothing.cpu() == -1).all()


@pytest.mark.parametrize(
    ("codec", "rate"),
    [
        (NecgsCodec(), NecgsRate(resolution=16, width=4, epochs=4, fit="none")),
        (NecgsPaperCodec(), NecgsPaperCodec.rate_type.of({"resolution": 16, "width": 2, "epochs": 2, "fit": "none"})),
    ],
    ids=["necgs", "necgs-paper"],
)
def test_codec(device: Device, codec, rate, tmp_path) -> None:
    meshes = [trimesh.creation.icosphere(subdivisions=2, radius=r) for r in (0.5, 0.7)]
    context = Context(device.name, scratch=tmp_path, cache=tmp_path / "cache")
    codec.warm_up(device.name)
    archive = codec.encode(meshes, rate, context)
    decoded = codec.decode(archive, context)
    assert not context.failures
    assert len(decoded) == 2
    here = codec.decode(archive, Context(scratch=tmp_path))
    for mesh, other in zip(decoded, here, strict=True):
        assert np.array_equal(mesh.vertices, other.vertices) or not device.exact
        assert len(mesh.faces) > 0 or isinstance(codec, NecgsPaperCodec)  # two of its epochs make no surface yet


@pytest.mark.parametrize("name", ["noisy", "deformed", "dense", "encoder"])
def test_a_training_step_never_waits_for_the_device(name: str) -> None:
    spec, settings = TRAININGS[name]
    with PretendedCuda() as seen:
        volumes = spheres(5, K, spec.channels)
        training = (
            DenseTraining(volumes, spec, settings, "cuda", 0)
            if spec.variant == DENSE
            else BlockTraining([SurfaceBlocks.of_codes(volume, spec) for volume in volumes], spec, settings, "cuda", 0)
        )
        if isinstance(training, BlockTraining):
            for position, shapes in ((0.1, [0, 3]), (0.2, [1, 2]), (0.85, [3, 4])):  # the last settles the steps
                training.step(np.array(shapes), position)
            seen.waits.clear()
            for position, shapes in ((0.1, [0, 2]), (0.9, [4, 1]), (0.95, [3])):
                training.step(np.array(shapes), position)
        else:
            first = torch.tensor([0, 3])
            there = first.to("cuda")
            seen.waits.clear()
            training.step(there, first)
    assert not seen.waits


class Misbuilt(RuntimeError):
    pass


def misbuilt(*_: object, **__: object) -> None:
    raise Misbuilt("CUDA error: no kernel image is available for execution on the device\nand more lines")


@pytest.mark.parametrize(
    ("what", "reason"),
    [("missing", "No module named 'nvdiffrast"), ("misbuilt", "no kernel image"), ("wrong", "wrongly")],
)
def test_nvdiffrast_that_is_of_no_use_is_told_and_replaced(what: str, reason: str, tmp_path, monkeypatch) -> None:
    if what == "missing":
        monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    else:
        install(monkeypatch)
        rasterize = sys.modules["nvdiffrast.torch"].rasterize

        def flipped(*arguments: object, **named: object) -> tuple[torch.Tensor, None]:
            return rasterize(*arguments, **named)[0].flip(1), None

        broken = misbuilt if what == "misbuilt" else flipped
        monkeypatch.setattr(sys.modules["nvdiffrast.torch"], "rasterize", broken)
    fit = RenderedFit(iterations=1, views=1, size=32)
    with PretendedCuda():
        for _ in range(2):  # computed, then from the cache
            context = Context("cuda", scratch=tmp_path, cache=tmp_path)
            fitted_volume(trimesh.creation.icosphere(subdivisions=1, radius=0.5), 16, fit, context)
            assert context.notes["visibility"].startswith("on the CPU, for nvdiffrast cannot be used")
            assert reason in context.notes["visibility"]


def test_the_row_tells_what_found_the_visible_faces(device: Device, tmp_path, monkeypatch) -> None:
    if device.exact:
        install(monkeypatch)
    context = Context(device.name, scratch=tmp_path)
    fit = RenderedFit(iterations=1, views=1, size=32)
    fitted_volume(trimesh.creation.icosphere(subdivisions=1, radius=0.5), 16, fit, context)
    told = {"cpu": "on the CPU", "cuda": str(visibility_on(device.name))}[device.name]
    assert context.notes["visibility"] == told
    assert told == "nvdiffrast" or not (device.exact and device.name == "cuda")
