"""Codecs of sets, values of settings, errors with exit codes."""

import pickle

import pytest
import trimesh
from mesh_datasets.errors import DatasetUnavailable, InvalidShape

from bench.codec import Archive, Context, CorruptArchive, Part, Rate, SetCodec, Unavailable, UserError, parse_value
from bench.codec.interface import mesh_bytes
from tests.bench.doubles import info


class Scaled(SetCodec):
    """Spheres whose radius is the shared part plus the shape's own byte."""

    info = info("scaled")
    rate_type = Rate
    ladder = {"only": {}}
    packages = ("numpy", "there-is-no-such-distribution")

    def encode(self, meshes, rate, context):
        return Archive(tuple(Part(bytes([index + 1])) for index, _ in enumerate(meshes)), Part(b"\x05"))

    def decode_shared(self, data, context):
        if not data:
            raise CorruptArchive("no radius")
        return data[0]

    def decode_shape(self, shared, data, context):
        if data[0] > 100:
            raise CorruptArchive("too large")
        return trimesh.creation.icosphere(subdivisions=1, radius=shared + data[0])


def radii(archive, context):
    return [
        round(float(mesh.bounds[1, 2]), 6) if len(mesh.faces) else None for mesh in Scaled().decode(archive, context)
    ]


def test_every_shape_is_decoded_with_the_shared_part(tmp_path):
    context = Context(scratch=tmp_path)
    archive = Scaled().encode([None, None], Rate(), context)
    assert radii(archive, context) == [6, 7]
    assert context.failures == {}


def test_a_shape_that_cannot_be_decoded_costs_itself_only(tmp_path):
    context = Context(scratch=tmp_path)
    assert radii(Archive((Part(b"\xff"), Part(b""), Part(b"\x01")), Part(b"\x05")), context) == [None, None, 6]
    assert {index: failure.status for index, failure in context.failures.items()} == {0: "corrupt", 1: "corrupt"}


def test_a_budget_is_one_for_all_meshes_of_a_set(tmp_path):
    """Parts of one byte each, which stand for as many bytes of memory as one likes."""
    one = mesh_bytes(trimesh.creation.icosphere(subdivisions=1))
    context = Context(scratch=tmp_path, max_memory=2 * one)
    assert radii(Archive((Part(b"\x01"),) * 4, Part(b"\x05")), context) == [6, 6, None, None]
    assert {index: failure.status for index, failure in context.failures.items()} == {2: "corrupt", 3: "corrupt"}


def test_without_a_shared_part_nothing_is_decoded_unless_all_shapes_had_failed(tmp_path):
    context = Context(scratch=tmp_path)
    assert radii(Archive((Part(b""), Part(b""))), context) == [None, None]
    with pytest.raises(CorruptArchive, match="no radius"):
        radii(Archive((Part(b"\x01"),)), context)
    assert radii(Archive(()), context) == []


def test_provenance_names_the_installed_packages():
    assert list(Scaled().provenance()) == ["numpy"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("1e-3", 1e-3), ("on", True), ("TRUE", True), ("off", False), ("huffman", "huffman")],
)
def test_settings_have_plain_values(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(UserError, 2), (CorruptArchive, 1), (Unavailable, 3), (InvalidShape, 2), (DatasetUnavailable, 3)],
)
def test_errors_know_their_exit_code_and_cross_process_boundaries(kind, code):
    error = pickle.loads(pickle.dumps(kind("x.ply is empty", "leave it out")))
    assert type(error) is kind
    assert isinstance(error, UserError)
    assert str(error) == "x.ply is empty (leave it out)"
    assert error.exit_code == code
