import lzma
import struct

import numpy as np
import pytest
import trimesh

from baselines.mesh.identity import Identity, IdentityRate
from bench.codec import Context, CorruptArchive, InvalidMesh
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from tests.baselines import small_meshes

CODEC = Identity()


@pytest.fixture
def context(tmp_path):
    return Context(scratch=tmp_path)


@pytest.mark.parametrize("name", small_meshes.ALL)
def test_is_lossless_in_single_precision(name, context):
    mesh = small_meshes.ALL[name]()
    decoded = CODEC.decode_shape(CODEC.encode_shape(mesh, IdentityRate(), context), context)
    np.testing.assert_array_equal(
        np.asarray(decoded.vertices, dtype=np.float32)[decoded.faces],
        np.asarray(mesh.vertices, dtype=np.float32)[mesh.faces],
    )


def test_sits_on_the_floor(context):
    mesh = small_meshes.torus(120)
    decoded = CODEC.decode_shape(CODEC.encode_shape(mesh, IdentityRate(), context), context)
    values = measure(mesh, decoded, Protocol())
    assert values["cd"] == pytest.approx(values["cd_floor"], rel=0.03)
    assert values["surface_max"] < 1e-3
    assert values["surface_f1_005"] == 1.0
    assert values["saturated"] == 1.0


def test_set_form_keeps_order_and_reports_the_bad_shape(context):
    meshes = [small_meshes.fan(), trimesh.Trimesh(), small_meshes.torus(16)]
    archive = CODEC.encode(meshes, IdentityRate(), context)
    assert {i: f.status for i, f in context.failures.items()} == {1: InvalidMesh.status}
    assert [len(m.faces) for m in CODEC.decode(archive, context)] == [5, 0, len(meshes[2].faces)]
    assert sum(archive.ledger.values()) == archive.nbytes


def test_cut_and_flipped_streams_are_refused(context):
    data = CODEC.encode_shape(small_meshes.fan(), IdentityRate(), context)
    wrong = [data[:n] for n in range(len(data))] + [data + b"\0", data + data]
    for position in range(len(data)):
        altered = bytearray(data)
        altered[position] ^= 1 << (position % 8)
        wrong.append(bytes(altered))
    for stream in wrong:
        with pytest.raises(CorruptArchive):
            CODEC.decode_shape(stream, context)


def test_counts_that_lie_are_refused_before_memory_is_spent(context):
    bomb = lzma.compress(struct.pack("<II", 2**32 - 1, 2**32 - 1) + bytes(1 << 20))
    with pytest.raises(CorruptArchive, match="claim"):
        CODEC.decode_shape(bomb, context)
    longer = lzma.compress(struct.pack("<II", 3, 1) + bytes(1 << 22))
    with pytest.raises(CorruptArchive, match="counts"):
        CODEC.decode_shape(longer, context)


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<II9f3I", 3, 1, *range(9), 0, 1, 3),
        struct.pack("<II9f3I", 3, 1, *[float("nan")] * 9, 0, 1, 2),
    ],
)
def test_what_is_not_a_mesh_is_refused(content, context):
    with pytest.raises(CorruptArchive, match=r"not there|not finite"):
        CODEC.decode_shape(lzma.compress(content), context)
