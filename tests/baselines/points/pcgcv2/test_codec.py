import dataclasses

import numpy as np
import pytest
import torch
import trimesh

from baselines.points.pcgcv2 import checkpoint
from baselines.points.pcgcv2.checkpoint import load_network
from baselines.points.pcgcv2.codec import Block, PcgcRate, Pcgcv2, decode_block, encode_block, read_blocks, split
from baselines.points.pcgcv2.network import Network
from bench.codec import Archive, Context, CorruptArchive, Part, Unavailable
from bench.metrics.voxels import surface_voxels


@pytest.fixture
def own_checkpoints(tmp_path, monkeypatch):
    """A folder with random weights for all rates: enough to test all but the quality."""
    torch.manual_seed(0)
    state = {"model": Network().state_dict()}
    for rate in range(1, 8):
        torch.save(state, tmp_path / f"r{rate}.pth")
    monkeypatch.setenv("PCGCV2_CKPTS", str(tmp_path))
    monkeypatch.setenv("TMC3", "/nowhere/tmc3")
    return tmp_path


def rows(voxels):
    return {tuple(v) for v in np.asarray(voxels).tolist()}


def test_without_checkpoints_it_is_unavailable(monkeypatch, tmp_path):
    monkeypatch.delenv("PCGCV2_CKPTS", raising=False)
    monkeypatch.setenv("NECGS_BENCH_PROGRAMS", str(tmp_path))
    available = Pcgcv2().availability()
    assert not available.ok
    assert "PCGCV2_CKPTS" in available.remedy
    monkeypatch.setenv("PCGCV2_CKPTS", str(tmp_path))
    assert "rate 1" in Pcgcv2().availability().reason


def test_foreign_files_are_named(own_checkpoints):
    path = own_checkpoints / "r1.pth"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(Unavailable, match=r"r1\.pth is not a PCGCv2 checkpoint"):
        load_network(path, "cpu")


def test_own_checkpoints_are_told_from_the_published(own_checkpoints):
    assert Pcgcv2().availability().ok
    assert Pcgcv2().provenance()["pcgcv2 r3"].endswith("(not the published file)")


def test_round_trip(own_checkpoints, sphere):
    codec, context = Pcgcv2(), Context()
    rate = PcgcRate(bits=6, rate=2)
    archive = codec.encode([sphere], rate, context)
    assert not context.failures
    assert context.notes["coordinates"] == "octree"
    assert {"header", "coordinates", "latents", "checksum"} == set(archive.ledger)
    mesh = codec.decode(Archive(tuple(Part(part.data) for part in archive.shapes)), context)[0]
    assert not context.failures
    voxels = surface_voxels(np.asarray(sphere.triangles), 6)[0]
    decoded = np.rint((mesh.metadata["points"] + 1) / 2 * 63)
    assert len(decoded) == len(voxels)
    # Untrained weights choose among the right candidates: children of the true voxels at 1/8 scale.
    assert rows(decoded // 8) <= rows(voxels // 8)


def test_blocks_are_coded_alone_and_lose_nothing(own_checkpoints, sphere):
    voxels = surface_voxels(np.asarray(sphere.triangles), 6)[0]
    parts = split(voxels, 700)
    assert len(parts) > 4
    assert max(map(len, parts)) <= 700
    assert rows(np.concatenate(parts)) == rows(voxels)
    assert sum(map(len, parts)) == len(voxels)
    coarse = [rows(part // 8) for part in parts]
    assert sum(map(len, coarse)) == len(set().union(*coarse))  # no latent is shared
    network = load_network(own_checkpoints / "r1.pth", "cpu")[0]
    for part in parts[:2]:
        block = encode_block(part, 6, network, "octree", Context())
        assert len(decode_block(block, 6, network, "octree", Context())) == len(part)


def test_a_cell_that_cannot_be_cut_stays_whole():
    cell = np.argwhere(np.ones((8, 8, 8)))
    assert len(split(cell, 100)) == 1


def test_another_checkpoint_is_noticed(own_checkpoints, sphere):
    codec = Pcgcv2()
    archive = codec.encode([sphere], PcgcRate(bits=5, rate=1), Context())
    torch.manual_seed(1)
    torch.save({"model": Network().state_dict()}, own_checkpoints / "r1.pth")
    load_network.cache_clear()
    with pytest.raises(Unavailable, match="another checkpoint"):
        codec.decode(archive, Context())


def test_block_headers_are_checked():
    good = Block((8, 4, 2, 1), -1, 1, b"abc", b"abcd")

    def stream(block, count=1):
        return bytes([count]) + block.header() + block.coordinates + block.latents

    assert read_blocks(stream(good), 0) == [good]
    bad = [
        dataclasses.replace(good, counts=(80, 4, 2, 1)),
        dataclasses.replace(good, counts=(8, 4, 2, 0)),
        dataclasses.replace(good, low=2),
    ]
    for block in bad:
        with pytest.raises(CorruptArchive, match="what cannot be"):
            read_blocks(stream(block), 0)
    for data in (stream(good)[:-1], stream(good) + b"x", stream(good, 2), b"\0"):
        with pytest.raises(CorruptArchive):
            read_blocks(data, 0)


@pytest.mark.parametrize("settings", [{"rate": 0}, {"rate": 8}, {"coordinates": "zip"}, {"bits": 3}])
def test_rates_are_checked(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        PcgcRate.of(settings)


def test_naming_tmc3_needs_it(own_checkpoints, sphere):
    with pytest.raises(Unavailable, match="TMC3"):
        Pcgcv2().encode([sphere], PcgcRate(bits=5, coordinates="tmc3"), Context())


@pytest.mark.checkpoints
def test_the_published_files_are_recognised():
    found = Pcgcv2().provenance()
    assert len(found) >= 7
    assert all(value.endswith("(published)") for name, value in found.items() if name.startswith("pcgcv2"))


@pytest.mark.checkpoints
def test_published_weights_code_a_surface_as_published():
    """A sphere of 7 bits: rates rise, distortion falls, latents of the first rate are all zero."""
    from scipy.spatial import cKDTree

    voxels = surface_voxels(np.asarray(trimesh.creation.icosphere(subdivisions=4, radius=0.9).triangles), 7)[0]
    sizes, errors = [], []
    for rate in (1, 3, 6):
        network = load_network(checkpoint.checkpoint_path(rate), "cpu")[0]
        block = encode_block(voxels, 7, network, "octree", Context())
        decoded = decode_block(block, 7, network, "octree", Context())
        assert np.array_equal(decoded, decode_block(block, 7, network, "octree", Context()))
        sizes.append(len(block.latents))
        errors.append((cKDTree(decoded).query(voxels)[0] ** 2).mean())
    assert sizes[0] == 0 < sizes[1] < sizes[2]
    assert errors[0] > errors[1] > errors[2]
    assert 10 * np.log10(3 * 127**2 / errors[2]) > 55


def test_surfaces_are_blended_planes_where_there_are_enough_voxels():
    assert [PcgcRate(bits=bits).method for bits in (6, 7, 9, 11)] == ["pymeshlab", "planes", "planes", "pymeshlab"]
