"""The codec ``hybrid`` in the harness: one mode, both modes, what it chooses, damage, failures."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import trimesh

from bench.codec import Archive, Context, CorruptArchive, EncodeFailed
from necgs.codec import NecgsCodec
from necgs.hybrid import search
from necgs.hybrid.rate import HybridRate
from necgs.hybrid.surface_error import surface_error
from necgs.hybrid_codec import Hybrid
from necgs.mesh_codec import MeshSet

CODEC = Hybrid()
RATE = HybridRate(faces=60, resolution=16, epochs=3)
DEAR = HybridRate(faces=60, resolution=24, lambda_=16e-3, epochs=3)


def scales(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A mesh whose triangles do not touch: as a mesh none can be left out, as a volume it is as smooth as before."""
    middle = mesh.triangles.mean(axis=1, keepdims=True)
    corners = (middle + 0.9 * (mesh.triangles - middle)).reshape(-1, 3)
    return trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False)


def smooth() -> list[trimesh.Trimesh]:
    sphere = trimesh.creation.icosphere(subdivisions=2, radius=0.8)
    egg = trimesh.Trimesh(sphere.vertices * [1.0, 0.7, 0.9], sphere.faces, process=False)
    return [sphere, trimesh.creation.torus(0.6, 0.25), egg]


def torn() -> list[trimesh.Trimesh]:
    shapes = (
        trimesh.creation.icosphere(subdivisions=3, radius=0.8),
        trimesh.creation.torus(0.6, 0.25, major_sections=40, minor_sections=20),
        trimesh.creation.capsule(0.6, 0.4, count=[32, 32]),
        trimesh.creation.cylinder(0.5, 1.4, sections=60).subdivide(),
    )
    return [scales(shape.apply_translation(-shape.bounds.mean(axis=0))) for shape in shapes]


def force(monkeypatch: pytest.MonkeyPatch, volumes: Sequence[int]) -> None:
    """Take the choice of modes out of the codec's hands."""

    def forced(meshes, alone, rate, context):
        rest = [shape for shape in alone.shapes if shape not in volumes]
        return (
            search._coded(MeshSet(), rate.mesh(), meshes, rest, context).coded,
            search._coded(NecgsCodec(), rate.volume(), meshes, volumes, context).coded,
        )

    monkeypatch.setattr(search, "_with_volumes", forced)


def price_of(meshes: Sequence[trimesh.Trimesh], archive: Archive, decoded: Sequence[trimesh.Trimesh]) -> float:
    errors = [surface_error(mesh, other) for mesh, other in zip(meshes, decoded, strict=True)]
    return sum(errors) + DEAR.byte_price * archive.nbytes


def test_a_set_of_meshes_is_one_byte_longer_than_meshset_and_nothing_is_trained() -> None:
    context = Context()
    archive = CODEC.encode(smooth(), RATE, context)
    meshes = MeshSet().encode(smooth(), RATE.mesh(), Context())
    assert archive.nbytes == meshes.nbytes + 1
    assert context.notes["modes"] == "3 mesh, 0 volume"
    assert context.modes == dict.fromkeys(range(3), "mesh")
    assert "train" not in context.phases
    for one, other in zip(CODEC.decode(archive, context), MeshSet().decode(meshes, context), strict=True):
        assert np.array_equal(one.vertices, other.vertices)
        assert np.array_equal(one.faces, other.faces)


@pytest.mark.parametrize("volumes", [(1,), (0, 1, 2)])
def test_volumes_come_back_as_volumes(volumes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, volumes)
    context = Context()
    archive = CODEC.encode(smooth(), RATE, context)
    assert [context.modes[shape] == "volume" for shape in range(3)] == [shape in volumes for shape in range(3)]
    assert sum(archive.ledger.values()) == archive.nbytes
    own = NecgsCodec().encode([smooth()[shape] for shape in volumes], RATE.volume(), Context())
    decoded = CODEC.decode(archive, Context())
    for shape, expected in zip(volumes, NecgsCodec().decode(own, Context()), strict=True):
        assert np.array_equal(decoded[shape].vertices, expected.vertices)
    for mesh, other in zip(smooth(), decoded, strict=True):
        np.testing.assert_allclose(other.bounds, mesh.bounds, atol=0.1)


def test_shapes_that_meshes_cannot_reduce_become_volumes_and_cost_less_than_either_mode_alone() -> None:
    meshes, context = [*torn(), smooth()[1]], Context()
    archive = CODEC.encode(meshes, DEAR, context)
    assert "volume" in context.modes.values()
    assert context.notes["volumes"].startswith("trained")
    found = price_of(meshes, archive, CODEC.decode(archive, Context()))
    for codec, rate in ((MeshSet(), DEAR.mesh()), (NecgsCodec(), DEAR.volume())):
        alone = codec.encode(meshes, rate, Context())
        assert found <= 1.02 * price_of(meshes, alone, codec.decode(alone, Context()))


def test_volumes_that_are_tried_are_kept_only_where_they_pay() -> None:
    context = Context()
    archive = CODEC.encode(smooth(), HybridRate(faces=60, resolution=16, epochs=1, volumes="try"), context)
    assert "train" in context.phases
    assert set(context.modes.values()) == {"mesh"}
    assert archive.nbytes == MeshSet().encode(smooth(), RATE.mesh(), Context()).nbytes + 1


def test_a_training_that_fails_leaves_meshes(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(*_: object) -> Archive:
        raise EncodeFailed("training diverged")

    monkeypatch.setattr(NecgsCodec, "encode", diverged)
    context = Context()
    archive = CODEC.encode(smooth(), HybridRate(faces=60, resolution=16, volumes="try"), context)
    assert len(CODEC.decode(archive, Context())) == 3
    assert "diverged" in context.notes["volumes"]


def test_a_broken_shape_costs_that_shape_only() -> None:
    first, other, _ = smooth()
    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    context = Context()
    archive = CODEC.encode([first, flat, other], RATE, context)
    assert {index: failure.status for index, failure in context.failures.items()} == {1: "invalid_mesh"}
    assert [bool(part.data) for part in archive.shapes] == [True, False, True]
    assert sorted(context.modes) == [0, 2]
    assert surface_error(other, CODEC.decode(archive, Context())[2]) < 30
    assert CODEC.decode(CODEC.encode([], RATE, Context()), Context()) == []
    assert not CODEC.encode([flat], RATE, Context()).nbytes


def test_a_fresh_process_decodes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (1,))
    archive = CODEC.encode(smooth(), RATE, Context())
    archive.write(tmp_path / "archive")
    code = (
        "import sys; from pathlib import Path; from bench.codec import Archive, Context;"
        "from necgs.hybrid_codec import Hybrid; archive = Archive.read(Path(sys.argv[1]) / 'archive');"
        "print(*[round(float(mesh.volume), 9) for mesh in Hybrid().decode(archive, Context())])"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    here = [round(float(mesh.volume), 9) for mesh in CODEC.decode(archive, Context())]
    assert answer.stdout.split() == [str(volume) for volume in here]


def test_damage_is_refused_and_never_breaks_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are changed and checksums made right: whatever comes out, it is a mesh or a refusal."""
    force(monkeypatch, (1,))
    archive = CODEC.encode(smooth(), RATE, Context())
    shared = CODEC.decode_shared(archive.shared.data, Context())
    generator = np.random.default_rng(0)
    outcomes = set()
    for part in [archive.shared, *archive.shapes] * 25:
        data = bytearray(part.data[:-4])
        # The beginning of a part says most: it is hit more often than the rest.
        reach = min(len(data), int(generator.choice([4, len(data)])))
        for place in generator.integers(0, reach, generator.integers(1, 4)):
            data[place] = generator.integers(256)
        damaged = bytes(data) + zlib.crc32(data).to_bytes(4, "little")
        try:
            if part is archive.shared:
                altered = CODEC.decode_shared(damaged, Context())
                CODEC.decode_shape(altered, archive.shapes[0].data, Context())
            else:
                CODEC.decode_shape(shared, damaged, Context())
            outcomes.add("decoded")
        except CorruptArchive:
            outcomes.add("refused")
    assert outcomes == {"decoded", "refused"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"faces": 0}, "faces"),
        ({"resolution": 63}, "multiple of the block"),
        ({"price": 0}, "price"),
        ({"volumes": "maybe"}, "volumes is one of auto, try"),
        ({"width": 16}, "unknown setting width"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        HybridRate.of(settings)


def test_the_price_of_a_byte_falls_with_the_faces() -> None:
    prices = [HybridRate.of(settings).byte_price for settings in CODEC.ladder.values()]
    assert prices == sorted(prices, reverse=True)
    assert list(CODEC.ladder) == list(MeshSet.ladder)
