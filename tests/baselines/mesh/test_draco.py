import zlib

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from baselines.mesh.draco import Draco, DracoRate, stated_size
from bench.codec import Context, CorruptArchive, DecodeFailed, InvalidMesh
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from tests.baselines import small_meshes

CODEC = Draco()


@pytest.fixture
def context(tmp_path):
    return Context(scratch=tmp_path)


def code(mesh, bits, context):
    part = CODEC.encode_shape(mesh, DracoRate(bits), context)
    return part, CODEC.decode_shape(part.data, context)


def triangles_of(mesh, positions):
    """The faces that are not collapsed, as sorted triples of the nearest of ``positions``, in an order of their own."""
    distance, nearest = cKDTree(positions).query(mesh.vertices)
    assert distance[mesh.faces].max() < 1e-6
    return sorted(tuple(t) for t in np.sort(nearest[mesh.faces], axis=1).tolist() if len(set(t)) == 3)


@pytest.mark.parametrize("name", [name for name in small_meshes.ALL if name != "tiny"])
def test_all_faces_come_back_where_they_were(name, context):
    mesh = small_meshes.ALL[name]()
    _, decoded = code(mesh, 24, context)
    assert isinstance(decoded, trimesh.Trimesh)
    positions = np.unique(mesh.vertices, axis=0)
    assert triangles_of(decoded, positions) == triangles_of(mesh, positions)


def test_a_mesh_below_the_resolution_still_decodes(context):
    _, decoded = code(small_meshes.tiny(), 10, context)
    assert np.abs(decoded.vertices).max() <= 2 / 1023


def test_fourteen_bits_are_below_a_ten_thousandth(context):
    mesh = small_meshes.torus(120)
    _, decoded = code(mesh, 14, context)
    values = measure(mesh, decoded, Protocol(samples=20_000))
    assert values["surface_max"] < 0.1
    assert values["surface_cd"] < 0.05


@pytest.mark.parametrize("bits", [7, 11])
def test_all_shapes_share_the_lattice_of_the_cube(bits, context):
    _, decoded = code(small_meshes.torus(), bits, context)
    lattice = (decoded.vertices + 1) / 2 * (2**bits - 1)
    np.testing.assert_allclose(lattice, np.round(lattice), atol=1e-3)


def test_bytes_grow_and_error_falls_along_the_ladder(context):
    mesh = small_meshes.torus()
    coded = [code(mesh, **settings, context=context) for settings in CODEC.ladder.values()]
    sizes = [len(part) for part, _ in coded]
    errors = [measure(mesh, decoded, Protocol(samples=5000))["surface_cd"] for _, decoded in coded]
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


def test_same_input_gives_the_same_bytes(context):
    mesh = small_meshes.torus()
    assert code(mesh, 10, context)[0].data == code(mesh, 10, context)[0].data


def test_ledger_accounts_for_the_checksum(context):
    part, _ = code(small_meshes.torus(), 10, context)
    assert part.ledger == {"checksum": 4, "geometry": len(part) - 4}


def test_cut_streams_are_refused(context):
    data = code(small_meshes.torus(16), 8, context)[0].data
    for length in range(len(data)):
        with pytest.raises(CorruptArchive):
            CODEC.decode_shape(data[:length], context)


def test_flipped_bits_are_refused(context):
    data = code(small_meshes.torus(16), 8, context)[0].data
    for position in range(len(data)):
        altered = bytearray(data)
        altered[position] ^= 1 << (position % 8)
        with pytest.raises(CorruptArchive):
            CODEC.decode_shape(bytes(altered), context)


def test_other_bytes_with_a_right_checksum_are_an_error(context):
    alien = b"not a Draco stream"
    with pytest.raises(DecodeFailed, match="Draco cannot decode"):
        CODEC.decode_shape(zlib.crc32(alien).to_bytes(4, "little") + alien, context)


def test_a_point_cloud_is_no_mesh(context):
    import DracoPy

    cloud = DracoPy.encode(np.asarray(small_meshes.torus(16).vertices, np.float32))
    with pytest.raises(CorruptArchive, match="point cloud"):
        CODEC.decode_shape(zlib.crc32(cloud).to_bytes(4, "little") + cloud, context)


@pytest.mark.parametrize("name", [name for name in small_meshes.ALL if name != "tiny"])
def test_the_header_states_how_much_there_is(name, context):
    part, decoded = code(small_meshes.ALL[name](), 12, context)
    stated = stated_size(part.data[4:])
    assert 0.4 * (len(decoded.faces) + len(decoded.vertices)) <= stated <= 3 * len(decoded.faces) + 10


def test_a_header_that_states_too_much_is_refused_before_draco_reads_it(context):
    stream = bytearray(code(small_meshes.torus(16), 8, context)[0].data[4:])
    assert stream[:9] == b"DRACO\x02\x02\x01\x01"
    bomb = bytes(stream[:12]) + b"\xff\xff\xff\xff\x0f" * 2 + bytes(stream[16:])
    with pytest.raises(CorruptArchive, match="MiB of memory"):
        CODEC.decode_shape(zlib.crc32(bomb).to_bytes(4, "little") + bomb, context)
    old = bytes([*stream[:6], 1, *stream[7:]])
    with pytest.raises(CorruptArchive, match=r"version 2\.1"):
        CODEC.decode_shape(zlib.crc32(old).to_bytes(4, "little") + old, context)


def test_an_empty_set_is_an_empty_archive(context):
    archive = CODEC.encode([], DracoRate(9), context)
    assert archive.nbytes == 0
    assert CODEC.decode(archive, context) == []


def test_a_bad_shape_costs_itself_only(context):
    meshes = [small_meshes.torus(16), trimesh.Trimesh(), small_meshes.fan()]
    archive = CODEC.encode(meshes, DracoRate(9), context)
    assert {i: f.status for i, f in context.failures.items()} == {1: InvalidMesh.status}
    assert [len(mesh.faces) for mesh in CODEC.decode(archive, context)] == [len(meshes[0].faces), 0, 5]
    assert sum(archive.ledger.values()) == archive.nbytes


@pytest.mark.parametrize("bits", [0, 31])
def test_rates_out_of_range_are_refused(bits):
    with pytest.raises(ValueError, match="bits must be between 1 and 30"):
        DracoRate(bits)


def with_area(mesh) -> list[list[float]]:
    """Corners of the triangles that have an area, in an order that does not depend on numbering."""
    triangles = np.asarray(mesh.triangles)[np.asarray(mesh.area_faces) > 0].round(7)
    turned = [np.roll(tri, -min(range(3), key=lambda k: tri[k].tolist()), axis=0).reshape(-1) for tri in triangles]
    return sorted(row.tolist() for row in turned)


def test_welded_meshes_take_fewer_bytes_and_have_the_same_triangles() -> None:
    codec, mesh = Draco(), trimesh.creation.icosphere(subdivisions=4, radius=0.3)
    plain, welded = (codec.encode_shape(mesh, DracoRate(bits=5, weld=weld), Context()).data for weld in (False, True))
    assert len(welded) < 0.8 * len(plain)
    decoded = [codec.decode_shape(data, Context()) for data in (plain, welded)]
    assert len(decoded[1].faces) < len(decoded[0].faces)
    np.testing.assert_allclose(with_area(decoded[1]), with_area(decoded[0]), atol=1e-6)
