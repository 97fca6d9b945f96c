"""Codecs of sets, values of settings, errors with exit codes."""

import pickle

import pytest
import trimesh
from mesh_datasets.errors import DatasetUnavailable, InvalidShape

from bench.codec import (
    Archive,
    Context,
    CorruptArchive,
    DeadlineExceeded,
    Part,
    Rate,
    SetCodec,
    ShapeCodec,
    Unavailable,
    UserError,
    parse_value,
)
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


class Timed(ShapeCodec):
    """Its context's deadline passes while the second shape is coded, or decoded."""

    info = info("timed")
    rate_type = Rate
    ladder = {"only": {}}

    def encode_shape(self, mesh, rate, context):
        context.deadline = {1: 0.0}.get(mesh)
        return bytes([mesh + 1])

    def decode_shape(self, data, context):
        context.deadline = {2: 0.0}.get(data[0])
        return trimesh.creation.icosphere(subdivisions=1, radius=data[0])


def test_what_was_coded_before_the_deadline_stays(tmp_path):
    context = Context(scratch=tmp_path)
    archive = Timed().encode([0, 1, 2, 3], Rate(), context)
    assert [part.data for part in archive.shapes] == [b"\x01", b"\x02", b"", b""]
    assert {index: failure.status for index, failure in context.failures.items()} == {2: "timeout", 3: "timeout"}
    context = Context(scratch=tmp_path)
    meshes = Timed().decode(Archive(tuple(Part(bytes([n])) for n in (1, 2, 3))), context)
    assert [len(mesh.faces) > 0 for mesh in meshes] == [True, True, False]
    assert {index: failure.status for index, failure in context.failures.items()} == {2: "timeout"}


def test_a_deadline_before_the_first_shape_ends_the_job(tmp_path):
    with pytest.raises(DeadlineExceeded):
        Timed().encode([0], Rate(), Context(scratch=tmp_path, deadline=0.0))


def test_meshes_are_decoded_when_they_are_asked_for(tmp_path):
    context = Context(scratch=tmp_path)
    for codec, shared in ((Timed(), b""), (Scaled(), b"\x05")):
        each = codec.decode_each(Archive((Part(b"\x01"), Part(b"")), Part(shared)), context)
        context.failures.clear()
        assert len(next(each).faces) > 0
        assert context.failures == {}
        assert len(next(each).faces) == 0
        assert list(context.failures) == [1]


def test_a_codec_with_a_decoder_of_its_own_is_asked_for_that(tmp_path):
    class Own(Timed):
        def decode(self, archive, context):
            return super().decode(archive, context)[:1]

    assert len(list(Own().decode_each(Archive((Part(b"\x01"), Part(b"\x03"))), Context(scratch=tmp_path)))) == 1
