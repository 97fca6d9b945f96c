import numpy as np
import pytest
import trimesh

from baselines.points.octree import Octree
from baselines.points.point_cloud import CloudRate
from bench.codec import Archive, Context, Part
from bench.metrics.voxels import surface_voxels


def sphere():
    return trimesh.creation.icosphere(subdivisions=4, radius=0.8)


def test_ladder_is_valid_and_rises():
    codec = Octree()
    rates = [codec.rate_type.of(settings) for settings in codec.ladder.values()]
    assert [rate.bits for rate in rates] == sorted(rate.bits for rate in rates)


def test_round_trip_keeps_every_voxel_and_comes_near_the_surface():
    codec, context = Octree(), Context()
    archive = codec.encode([sphere()], CloudRate(bits=6), context)
    assert set(archive.ledger) == {"header", "count", "occupancy", "checksum"}
    mesh = codec.decode(Archive(tuple(Part(part.data) for part in archive.shapes)), context)[0]
    assert not context.failures
    assert set(context.phases) == {"voxelize", "encode", "decode", "reconstruction"}
    voxels = (mesh.metadata["points"] + 1) / 2 * 63
    assert np.allclose(voxels, surface_voxels(np.asarray(sphere().triangles), 6)[0])
    assert mesh.metadata["point_bits"] == 6
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert abs(radius - 0.8).mean() < 0.2 * 2 / 63  # a fifth of a voxel
    assert mesh.volume > 0


def test_a_bad_shape_costs_that_shape_only():
    codec, context = Octree(), Context()
    outside = sphere().apply_scale(2)
    archive = codec.encode([trimesh.Trimesh(), outside, sphere()], CloudRate(bits=4), context)
    assert {index: failure.status for index, failure in context.failures.items()} == {
        0: "invalid_mesh",
        1: "invalid_mesh",
    }
    decoding = Context()
    meshes = codec.decode(archive, decoding)
    assert [len(mesh.faces) > 0 for mesh in meshes] == [False, False, True]
    assert {failure.status for failure in decoding.failures.values()} == {"corrupt"}


@pytest.mark.parametrize("damage", [lambda d: d[:-5], lambda d: bytes([d[0] ^ 1]) + d[1:], lambda d: b"\xff" + d[1:]])
def test_damage_is_refused(damage):
    codec = Octree()
    archive = codec.encode([sphere()], CloudRate(bits=4), Context())
    context = Context()
    codec.decode(Archive((Part(damage(archive.shapes[0].data)),)), context)
    assert context.failures[0].status == "corrupt"


@pytest.mark.parametrize("settings", [{"bits": 2}, {"bits": 12}, {"surface": "magic"}, {"bots": 8}])
def test_settings_are_checked(settings):
    with pytest.raises(ValueError, match=r"bits|surface"):
        CloudRate.of(settings)
