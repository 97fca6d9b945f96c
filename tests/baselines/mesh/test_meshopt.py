"""meshopt, meshopt-simplify and quantize-zstd: lattice, order, refusal of what is damaged or too large."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import trimesh

from baselines.mesh.grid_mesh import GridMesh, framed
from baselines.mesh.meshopt import Meshopt, MeshoptRate, MeshoptSimplify, MeshoptSimplifyRate
from baselines.mesh.quantize_zstd import QuantizeRate, QuantizeZstd
from bench.codec import Context, CorruptArchive
from bench.codec.fields import varint, with_crc32
from tests.baselines import small_meshes

needs_meshopt = pytest.mark.skipif(sys.version_info < (3, 11), reason="meshopt has no wheels for Python 3.10")
CODECS = [
    pytest.param(Meshopt(), MeshoptRate, id="meshopt", marks=needs_meshopt),
    pytest.param(QuantizeZstd(), QuantizeRate, id="quantize-zstd"),
]


def corners(mesh) -> np.ndarray:
    """Coordinates of all triangles, each from its smallest corner on, in order: what does not depend on numbering."""
    points = np.asarray(mesh.vertices)[np.asarray(mesh.faces)].round(9)
    turned = [np.roll(tri, -min(range(3), key=lambda k: tri[k].tolist()), axis=0).reshape(-1) for tri in points]
    return np.array(sorted(row.tolist() for row in turned))


@pytest.mark.parametrize(("codec", "rate"), CODECS)
@pytest.mark.parametrize("name", small_meshes.ALL)
def test_the_same_triangles_come_back_on_the_lattice(codec, rate, name):
    mesh = small_meshes.ALL[name]()
    decoded = codec.decode_shape(codec.encode_shape(mesh, rate(bits=14), Context()).data, Context())
    steps = (1 << 14) - 1
    expected = trimesh.Trimesh(
        np.floor((np.asarray(mesh.vertices) + 1) / 2 * steps + 0.5) / steps * 2 - 1, mesh.faces, process=False
    )
    shown = corners(expected)
    distinct = np.array([len({tuple(row[k : k + 3]) for k in (0, 3, 6)}) == 3 for row in shown])
    np.testing.assert_allclose(corners(decoded), shown[distinct] if distinct.any() else shown, atol=1e-8)


@pytest.mark.parametrize(("codec", "rate"), CODECS)
def test_the_ledger_names_every_byte(codec, rate):
    part = codec.encode_shape(small_meshes.torus(40), rate(bits=10), Context())
    assert sum(part.ledger.values()) == len(part.data)
    assert set(part.ledger) == {"checksum", "header", "geometry"}


@pytest.mark.parametrize(("codec", "rate"), CODECS)
def test_cut_and_flipped_parts_are_refused(codec, rate):
    data = codec.encode_shape(small_meshes.fan(), rate(bits=10), Context()).data
    altered = [data[:n] for n in range(len(data))] + [data + b"\0"]
    altered += [data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :] for i in range(len(data))]
    for stream in altered:
        with pytest.raises(CorruptArchive):
            codec.decode_shape(stream, Context())


@pytest.mark.parametrize(("codec", "rate"), CODECS)
def test_mutations_with_a_right_checksum_are_a_mesh_or_refused(codec, rate):
    body = codec.encode_shape(small_meshes.torus(16), rate(bits=8), Context()).data[:-4]
    random = np.random.default_rng(0)
    for _ in range(300):
        mutated = bytearray(body)
        for place in random.integers(0, len(body), random.integers(1, 4)):
            mutated[place] = random.integers(256)
        try:
            mesh = codec.decode_shape(with_crc32(bytes(mutated)), Context())
        except CorruptArchive:
            continue
        assert np.isfinite(mesh.vertices).all()
        assert not len(mesh.faces) or mesh.faces.max() < len(mesh.vertices)


@pytest.mark.parametrize(("codec", "rate"), CODECS)
def test_what_asks_for_more_memory_than_its_bytes_allow_is_refused(codec, rate):
    head = b"".join(map(varint, (8, 1 << 30, 1 << 30, 100)))
    with pytest.raises(CorruptArchive, match="MiB"):
        codec.decode_shape(with_crc32(head + b"x"), Context())


@pytest.mark.parametrize(("codec", "rate"), CODECS)
def test_bits_are_checked(codec, rate):
    for bits in (0, 17):
        with pytest.raises(ValueError, match="between 1 and 16"):
            rate(bits=bits)


def test_vertices_that_meet_are_welded_and_triangles_without_area_go():
    vertices = np.array([[-1, -1, -1], [-1 + 1e-6, -1, -1], [1, -1, -1], [1, 1, -1.0]])
    mesh = GridMesh.of(vertices, np.array([[0, 1, 2], [1, 2, 3]]), 8)
    assert mesh.positions.tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert len(GridMesh.of(vertices, np.array([[0, 1, 1]]), 8).faces) == 1


@needs_meshopt
def test_simplify_reaches_its_number_of_faces_and_costs_less():
    mesh = small_meshes.torus(80)
    whole = Meshopt().encode_shape(mesh, MeshoptRate(bits=9), Context())
    part = MeshoptSimplify().encode_shape(mesh, MeshoptSimplifyRate(bits=9, faces=300), Context())
    assert len(MeshoptSimplify().decode_shape(part.data, Context()).faces) <= 300
    assert len(part) < len(whole) / 3


def test_indices_take_16_bits_where_they_suffice():
    mesh = GridMesh.of(np.asarray(small_meshes.torus(16).vertices), np.asarray(small_meshes.torus(16).faces), 12)
    content = mesh.positions.T.astype("<u2").tobytes() + mesh.faces.astype("<u2").tobytes()
    coded = QuantizeZstd().encode_shape(small_meshes.torus(16), QuantizeRate(bits=12), Context())
    assert coded.data == framed(mesh, content).data
