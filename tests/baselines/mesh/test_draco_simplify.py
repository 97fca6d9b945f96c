from dataclasses import replace

import numpy as np
import pytest
import trimesh

from baselines.mesh import draco_simplify
from baselines.mesh.draco import Draco, DracoRate
from baselines.mesh.draco_simplify import DracoSimplify, DracoSimplifyRate, simplify
from baselines.mesh.meshopt import MeshoptSimplify, MeshoptSimplifyRate
from bench.codec import Context, CorruptArchive, InvalidMesh
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from tests.baselines import small_meshes

CODEC = DracoSimplify()


@pytest.fixture
def context(tmp_path):
    return Context(scratch=tmp_path)


def gear(teeth=24):
    """A toothed disc: flat faces cut into slivers, at which some decimators stop."""
    angle = np.linspace(0, 2 * np.pi, 20 * teeth, endpoint=False)
    radius = 0.8 + 0.1 * np.clip(3 * np.sin(teeth * angle), -1, 1)
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    n = len(angle)
    i, j = np.arange(n), (np.arange(n) + 1) % n
    vertices = np.concatenate(
        [np.column_stack([outline, np.full(n, z)]) for z in (-0.1, 0.1)] + [[[0, 0, -0.1], [0, 0, 0.1]]]
    )
    sides = [np.stack([i, j, j + n], 1), np.stack([i, j + n, i + n], 1)]
    caps = [np.stack([np.full(n, 2 * n), j, i], 1), np.stack([np.full(n, 2 * n + 1), i + n, j + n], 1)]
    return trimesh.Trimesh(vertices, np.concatenate(sides + caps), process=False)


@pytest.mark.parametrize("mesh", [small_meshes.torus(120), gear()], ids=["torus", "gear"])
@pytest.mark.parametrize("target", [300, 1000])
def test_reaches_the_target_and_stays_on_the_surface(mesh, target):
    vertices, faces = simplify(np.asarray(mesh.vertices), np.asarray(mesh.faces), target)
    assert 0.9 * target <= len(faces) <= target
    assert faces.max() < len(vertices)
    assert np.isfinite(vertices).all()
    assert np.abs(vertices).max() <= 1
    decimated = trimesh.Trimesh(vertices, faces, process=False)
    assert (decimated.area_faces > 0).all()
    assert measure(mesh, decimated, Protocol(samples=5000))["surface_cd"] < 8


def test_a_mesh_that_is_small_enough_is_left_whole(context):
    mesh = small_meshes.open_sheet()
    part = CODEC.encode_shape(mesh, DracoSimplifyRate(faces=len(mesh.faces), bits=9), context)
    assert part == Draco().encode_shape(mesh, DracoRate(9), context)


def test_bytes_grow_and_error_falls_along_the_ladder(context):
    mesh = trimesh.creation.torus(0.7, 0.3, major_sections=160, minor_sections=80)
    sizes, errors = [], []
    for settings in CODEC.ladder.values():
        part = CODEC.encode_shape(mesh, DracoSimplifyRate(**settings), context)
        assert sum(part.ledger.values()) == len(part)
        sizes.append(len(part))
        errors.append(measure(mesh, CODEC.decode_shape(part.data, context), Protocol(samples=5000))["surface_cd"])
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


@pytest.mark.parametrize("fit", [False, True])
@pytest.mark.parametrize("name", small_meshes.ALL)
def test_every_kind_of_mesh_decodes_to_a_surface(name, fit, context):
    part = CODEC.encode_shape(small_meshes.ALL[name](), DracoSimplifyRate(faces=60, bits=12, fit=fit), context)
    decoded = CODEC.decode_shape(part.data, context)
    assert 0 < len(decoded.faces) <= 60


def test_the_fit_lowers_the_error_at_equal_faces_and_about_equal_bytes(context):
    mesh = small_meshes.torus(120)
    parts = [CODEC.encode_shape(mesh, DracoSimplifyRate(faces=200, bits=10, fit=fit), context) for fit in (False, True)]
    plain, fitted = (CODEC.decode_shape(part.data, context) for part in parts)
    assert len(fitted.faces) == len(plain.faces)
    assert abs(len(parts[1]) - len(parts[0])) < 0.1 * len(parts[0])
    before, after = (measure(mesh, decoded, Protocol(samples=5000))["surface_cd"] for decoded in (plain, fitted))
    assert after < 0.85 * before


def test_without_decimation_nothing_is_fitted(context):
    mesh = small_meshes.open_sheet()
    rate = DracoSimplifyRate(faces=len(mesh.faces), fit=True)
    assert CODEC.encode_shape(mesh, rate, context) == CODEC.encode_shape(mesh, replace(rate, fit=False), context)


@pytest.mark.parametrize("fit", [False, True])
def test_same_input_gives_the_same_bytes(fit, context):
    rate = DracoSimplifyRate(faces=200, bits=9, fit=fit)
    assert CODEC.encode_shape(gear(), rate, context) == CODEC.encode_shape(gear(), rate, context)


@pytest.mark.skipif(not MeshoptSimplify().availability().ok, reason="needs the packages of meshopt")
def test_codecs_share_a_decimation_and_are_charged_for_it(tmp_path, monkeypatch):
    first = Context(scratch=tmp_path, cache=tmp_path / "cache")
    apart = Context(scratch=tmp_path)
    draco, other = DracoSimplifyRate(faces=200, bits=9), MeshoptSimplifyRate(faces=200, bits=8)
    assert CODEC.encode_shape(gear(), draco, first) == CODEC.encode_shape(gear(), draco, apart)
    expected = MeshoptSimplify().encode_shape(gear(), other, apart)
    monkeypatch.setattr(draco_simplify, "simplify", None)
    second = Context(scratch=tmp_path, cache=tmp_path / "cache")
    assert MeshoptSimplify().encode_shape(gear(), other, second) == expected
    assert first.recalled == {}
    assert second.recalled == second.phases == first.phases
    with pytest.raises(TypeError):  # another number of faces is another decimation
        CODEC.encode_shape(gear(), replace(draco, faces=201), second)


def test_corrupt_streams_and_bad_meshes_are_refused(context):
    data = CODEC.encode_shape(small_meshes.torus(), DracoSimplifyRate(faces=100, bits=8), context).data
    for wrong in (data[:-1], data[:10], b"", data[:50] + b"?" + data[51:]):
        with pytest.raises(CorruptArchive):
            CODEC.decode_shape(wrong, context)
    with pytest.raises(InvalidMesh):
        CODEC.encode_shape(trimesh.Trimesh(), DracoSimplifyRate(), context)


@pytest.mark.parametrize("settings", [{"faces": 3}, {"bits": 0}, {"bits": 31}])
def test_rates_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="must be"):
        DracoSimplifyRate(**settings)
