import numpy as np
import pytest
import trimesh

from baselines.points.gpcc import GpccRate
from baselines.points.pcgcv2.codec import PcgcRate
from baselines.points.point_cloud import METHODS, CloudRate, check_points, pack, surface_of, unpack, voxelize
from baselines.points.vpcc import VpccRate
from bench.codec import Context, CorruptArchive, DecodeFailed, InvalidMesh


def test_packing_says_what_every_byte_is_for():
    part = pack(CloudRate(bits=9, surface="open3d"), {"a": b"xyz", "b": b"12"})
    assert dict(part.ledger) == {"header": 1, "a": 3, "b": 2, "checksum": 4}
    rate, body = unpack(part.data)
    assert (rate.bits, rate.surface, body) == (9, "open3d", b"xyz12")


def test_all_damage_is_seen():
    data = pack(CloudRate(), {"a": bytes(range(40))}).data
    for broken in [data[:n] for n in range(len(data))] + [
        data[:n] + bytes([data[n] ^ 4]) + data[n + 1 :] for n in range(len(data))
    ]:
        with pytest.raises(CorruptArchive):
            unpack(broken)


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "no faces"),
        ([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]], "not finite"),
        ([[0, 0, 0], [1.1, 0, 0], [0, 1, 0]], [[0, 1, 2]], "lies outside"),
    ],
)
def test_meshes_that_cannot_be_voxelised(vertices, faces, message):
    mesh = trimesh.Trimesh(np.array(vertices, float), np.array(faces), process=False)
    with pytest.raises(InvalidMesh, match=message):
        voxelize(mesh, 5, Context())


def test_voxels_are_integers_in_order():
    context = Context()
    voxels = voxelize(trimesh.creation.icosphere(radius=1.0), 5, context)
    assert voxels.dtype == np.int64
    assert voxels.min() >= 0
    assert voxels.max() <= 31
    assert np.array_equal(voxels, np.unique(voxels, axis=0))
    assert "voxelize" in context.phases


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.array([[np.nan, 0, 0]])])
def test_no_surface_without_points(points):
    with pytest.raises(DecodeFailed):
        surface_of(points, CloudRate(), Context(), coded=100)


def test_the_row_says_how_the_surface_was_made(sphere):
    context = Context()
    mesh = surface_of(voxelize(sphere, 5, context), CloudRate(bits=5), context, coded=100)
    assert context.notes["reconstruction"] == "surface/4 pymeshlab"
    assert abs(mesh.metadata["points"]).max() <= 1


def test_auto_blends_planes_where_all_voxels_come_back():
    exact = [CloudRate(bits=6), CloudRate(bits=7), CloudRate(bits=11), GpccRate(bits=8)]
    assert [rate.method for rate in exact] == ["pymeshlab", "planes", "pymeshlab", "planes"]
    lossy = [VpccRate(), PcgcRate(), VpccRate(surface="pymeshlab"), PcgcRate(surface="open3d")]
    assert [rate.method for rate in lossy] == ["planes2", "planes", "pymeshlab", "open3d"]


def test_auto_merges_the_points_of_trisoup_first():
    ladder = [(6, 4), (7, 4), (9, 2), (8, 3), (8, 4), (9, 3), (9, 4), (10, 5), (11, 4)]
    methods = [GpccRate(bits=bits, trisoup_log2=log2).method for bits, log2 in ladder]
    assert methods == ["pymeshlab", "planes", "planes", *["planes2"] * 3, *["planes4"] * 3]


@pytest.mark.parametrize("surface", METHODS)
def test_the_stream_says_how_to_come_back_to_a_surface(surface):
    assert unpack(pack(CloudRate(bits=7, surface=surface), {"a": b"1"}).data)[0].method == surface


def test_a_surface_that_is_not_known_is_refused():
    with pytest.raises(
        ValueError, match="surface must be auto, pymeshlab, open3d, planes, usual, planes2 or planes4, not 'ball'"
    ):
        CloudRate(surface="ball")


def test_blended_planes_may_have_twice_the_points_of_poisson():
    context, points = Context(), 3_000_000
    check_points(points, GpccRate(bits=9, trisoup_log2=4), 1000, context)
    with pytest.raises(CorruptArchive, match="the surface of 3000000 points"):
        check_points(points, VpccRate(surface="pymeshlab"), 1000, context)
