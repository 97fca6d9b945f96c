"""The codec ``meshset`` in the harness: real sets in, bytes, meshes out, in this process and in a fresh one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mesh_datasets
import numpy as np
import pytest
import trimesh
from mesh_datasets.normalization import normalize

from baselines.mesh.draco_simplify import DracoSimplify, DracoSimplifyRate
from bench.codec import Archive, Context, CorruptArchive, Part
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh_codec import MeshSet, MeshSetRate
from tests.necgs.mesh.test_half_turn import pinwheel

CODEC = MeshSet()
RATE = MeshSetRate(faces=300)
PROTOCOL = Protocol(samples=5000)


def sample(part: str, number: int) -> trimesh.Trimesh:
    return normalize(mesh_datasets.load(f"sample:{part}").shapes[number].load())[0]


def small() -> list[trimesh.Trimesh]:
    """Two forms of one face list, and another shape."""
    sphere = trimesh.creation.icosphere(subdivisions=2, radius=0.6)
    egg = trimesh.Trimesh(sphere.vertices * [1.0, 0.7, 1.4], sphere.faces, process=False)
    return [sphere, trimesh.creation.torus(0.6, 0.2), egg]


@pytest.fixture(scope="module")
def meshes() -> list[trimesh.Trimesh]:
    """Three poses of a body with a part between them."""
    return [sample("humans", 0), sample("humans", 1), sample("objects", 5), sample("humans", 2)]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def archive(meshes: list[trimesh.Trimesh], context: Context) -> Archive:
    return CODEC.encode(meshes, RATE, context)


def test_poses_are_found_and_every_byte_is_accounted_for(archive: Archive, context: Context) -> None:
    assert context.notes["groups"] == "3 and 1 alone"
    assert {"decimate", "fit", "code"} <= set(context.phases)
    assert sum(archive.ledger.values()) == archive.nbytes


def test_smaller_and_closer_than_decimation_and_draco(meshes: list[trimesh.Trimesh], archive: Archive) -> None:
    control, rate, context = DracoSimplify(), DracoSimplifyRate(faces=300, bits=7), Context()
    coded = control.encode(meshes, rate, context)
    assert archive.nbytes < 0.6 * coded.nbytes
    for mesh, own, other in zip(meshes, CODEC.decode(archive, context), control.decode(coded, context), strict=True):
        ours, theirs = (measure(mesh, decoded, PROTOCOL) for decoded in (own, other))
        assert len(own.faces) <= 600  # 300 in the mean
        assert ours["surface_cd"] < 0.95 * theirs["surface_cd"]


def test_a_symmetric_part_is_coded_by_a_part_of_it(context: Context) -> None:
    part = sample("objects", 11)
    found, sizes = [], []
    for symmetry in (True, False):
        coded = CODEC.encode([part], MeshSetRate(faces=500, symmetry=symmetry, balance=False), context)
        found.append(CODEC.decode(coded, context)[0])
        sizes.append(coded.nbytes)
    assert found[0].is_watertight
    assert np.array_equal(np.sort(found[0].vertices[:, 0]), np.sort(-found[0].vertices[:, 0]))
    assert sizes[0] < 0.5 * sizes[1]
    errors = [measure(part, decoded, PROTOCOL)["surface_cd"] for decoded in found]
    assert errors[0] < 1.5 * errors[1]


def test_a_shape_with_a_half_turn_is_coded_by_half_of_it(context: Context) -> None:
    gear = sample("objects", 10)
    found, sizes = [], []
    for symmetry in (True, False):
        coded = CODEC.encode([gear], MeshSetRate(faces=400, symmetry=symmetry, balance=False), context)
        assert context.notes["parts"] == str(int(symmetry))
        found.append(CODEC.decode(coded, context)[0])
        sizes.append(coded.nbytes)
    assert found[0].is_watertight
    turned = found[0].vertices * [-1, -1, 1]
    assert np.array_equal(np.unique(turned + 0.0, axis=0), np.unique(found[0].vertices + 0.0, axis=0))
    assert sizes[0] < 0.7 * sizes[1]
    errors = [measure(gear, decoded, PROTOCOL)["surface_cd"] for decoded in found]
    assert errors[0] < 1.15 * errors[1]


def test_a_broken_half_turn_is_coded_whole(context: Context) -> None:
    vertices, faces = pinwheel(knob=(0.3, -0.5, 0.2))
    CODEC.encode([trimesh.Trimesh(vertices, faces, process=False)], MeshSetRate(faces=100, balance=False), context)
    assert context.notes["parts"] == "0"
    CODEC.encode([trimesh.Trimesh(*pinwheel(), process=False)], MeshSetRate(faces=100, balance=False), context)
    assert context.notes["parts"] == "1"


def test_a_copy_costs_a_transform(context: Context) -> None:
    part, other = sample("objects", 11), sample("objects", 5)
    turned = trimesh.transformations.rotation_matrix(0.7, [1, 2, 0.5])
    copy = part.copy().apply_transform(turned).apply_scale(0.55)
    coded = CODEC.encode([copy, part, other, part], RATE, context)
    assert context.notes["groups"] == "2 alone, 2 copies"
    assert len(coded.shapes[1]) < 35
    assert len(coded.shapes[3]) < 35
    decoded = CODEC.decode(coded, context)
    errors = [measure(m, d, PROTOCOL)["surface_cd"] for m, d in zip((copy, part), decoded, strict=False)]
    assert errors[1] == pytest.approx(errors[0] / 0.55, rel=0.1)
    apart = CODEC.encode([copy, part, other, part], MeshSetRate(faces=300, copies=False), context)
    assert context.notes["groups"] == "3 and 1 alone"
    assert coded.nbytes < 0.8 * apart.nbytes


def test_fit_and_groups_each_pay(meshes: list[trimesh.Trimesh], archive: Archive, context: Context) -> None:
    alone = CODEC.encode(meshes, MeshSetRate(faces=300, groups=False), context)
    assert archive.nbytes < 0.9 * alone.nbytes
    unfitted = CODEC.decode(CODEC.encode(meshes, MeshSetRate(faces=300, fit=False), context), context)
    fitted = CODEC.decode(archive, context)
    errors = [
        np.mean([measure(m, d, PROTOCOL)["surface_cd"] for m, d in zip(meshes, decoded, strict=True)])
        for decoded in (fitted, unfitted)
    ]
    assert errors[0] < 0.9 * errors[1]


def test_equal_input_gives_equal_bytes_and_a_cache_changes_nothing(tmp_path: Path) -> None:
    first = CODEC.encode(small(), RATE, Context())
    cold, warm = (CODEC.encode(small(), RATE, Context(cache=tmp_path)) for _ in range(2))
    assert first == cold == warm


def test_a_fresh_process_decodes_equal_meshes(tmp_path: Path) -> None:
    coded = CODEC.encode(small(), RATE, Context())
    coded.write(tmp_path / "archive")
    here = CODEC.decode(coded, Context())
    code = (
        "import sys, numpy as np; from pathlib import Path; from bench.codec import Archive, Context;"
        "from necgs.mesh_codec import MeshSet; folder = Path(sys.argv[1]);"
        "found = MeshSet().decode(Archive.read(folder / 'archive'), Context());"
        "np.savez(folder / 'found.npz', *[a for m in found for a in (m.vertices, m.faces)])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    with np.load(tmp_path / "found.npz") as found:
        arrays = [np.asarray(array) for mesh in here for array in (mesh.vertices, mesh.faces)]
        assert len(found.files) == len(arrays)
        assert all(np.array_equal(found[name], array) for name, array in zip(found.files, arrays, strict=True))


def test_it_is_told_how_many_shapes_are_fitted() -> None:
    told: list[tuple[int, int, str]] = []
    context = Context(report=lambda *how_far: told.append(how_far))
    CODEC.encode(small(), MeshSetRate(faces=60), context)
    assert [how_far for how_far in told if how_far[2] == "fitting"] == [(n, 3, "fitting") for n in (1, 2, 3)]


def test_a_broken_shape_costs_that_shape_only() -> None:
    first, other, second = small()
    damaged = np.array(second.vertices)
    damaged[3] = np.nan
    broken = trimesh.Trimesh(damaged, first.faces, process=False)
    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    context = Context()
    coded = CODEC.encode([first, broken, other, flat, second], RATE, context)
    assert sorted(context.failures) == [1, 3]
    assert {failure.status for failure in context.failures.values()} == {"invalid_mesh"}
    assert [bool(part.data) for part in coded.shapes] == [True, False, True, False, True]
    decoded = CODEC.decode(coded, context)
    assert measure(second, decoded[4], PROTOCOL)["surface_cd"] < 15
    assert CODEC.encode([flat], RATE, Context()) == Archive((Part(b""),))
    assert CODEC.decode(CODEC.encode([], RATE, Context()), Context()) == []


def test_damage_is_refused_and_never_breaks_the_decoder() -> None:
    """Bytes are changed and checksums made right: whatever comes out, it is a mesh or a refusal."""
    import zlib

    coded = CODEC.encode(small(), MeshSetRate(faces=60), Context())
    generator = np.random.default_rng(0)
    outcomes = set()
    for part in [coded.shared, *coded.shapes] * 40:
        data = bytearray(part.data[:-4])
        for place in generator.integers(0, len(data), generator.integers(1, 4)):
            data[place] = generator.integers(256)
        damaged = bytes(data) + zlib.crc32(data).to_bytes(4, "little")
        try:
            if part is coded.shared:
                shared = CODEC.decode_shared(damaged, Context())
                CODEC.decode_shape(shared, coded.shapes[0].data, Context())
            else:
                CODEC.decode_shape(CODEC.decode_shared(coded.shared.data, Context()), damaged, Context())
            outcomes.add("decoded")
        except CorruptArchive:
            outcomes.add("refused")
    assert outcomes == {"decoded", "refused"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"faces": 0}, "faces"), ({"step": -1.0}, "step"), ({"lambda": -1}, "lambda"), ({"fit": 2}, "fit")],
)
def test_wrong_settings_are_refused_by_name(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        MeshSetRate.of(settings)


def ribbon(faces: int) -> trimesh.Trimesh:
    """A strip of triangles that winds: about as many vertices as faces."""
    at = np.linspace(0, 1, faces // 2 + 1)
    middle = np.stack([0.8 * np.cos(9 * at), 0.8 * np.sin(9 * at), 1.6 * at - 0.8], axis=1)
    vertices = np.concatenate([middle, middle * [0.8, 0.8, 1.0]])
    row = np.arange(len(at) - 1)
    near, far = np.stack([row, row + 1, row + len(at)], 1), np.stack([row + 1, row + len(at) + 1, row + len(at)], 1)
    return trimesh.Trimesh(vertices, np.concatenate([near, far]), process=False)


def test_an_open_mesh_gets_as_many_faces_as_were_asked_for(context: Context) -> None:
    mesh = ribbon(1200)
    decoded = CODEC.decode(CODEC.encode([mesh], MeshSetRate(faces=400), context), context)[0]
    assert 300 <= len(decoded.faces) <= 400
