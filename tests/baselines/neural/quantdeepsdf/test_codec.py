"""QuantDeepSDF as a codec: whole sets in, bytes, whole sets out, in this process and in a fresh one."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from baselines.neural.quantdeepsdf.codec import QuantDeepSdf
from baselines.neural.quantdeepsdf.settings import NetworkSpec, QuantDeepSdfRate
from bench.codec import Archive, Context, CorruptArchive, DeadlineExceeded, Part

TINY = {"resolution": 16, "latent": 4, "width": 16, "steps": 300, "batch": 2048, "learning_rate": 1e-2}


def meshes():
    box = trimesh.creation.box((1.7, 1.1, 0.8)).subdivide().subdivide()
    return [
        trimesh.creation.icosphere(subdivisions=2, radius=0.8),
        trimesh.Trimesh(box.vertices, box.faces, process=False),
    ]


def encode(context, shapes=None, **settings):
    rate = QuantDeepSdfRate.of({**TINY, **settings})
    return QuantDeepSdf().encode(meshes() if shapes is None else shapes, rate, context)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return Context(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def archive(context):
    return encode(context)


def test_every_byte_and_every_second_is_accounted_for(archive, context):
    assert set(archive.ledger) == {"header", "tables", "weights", "latents", "reach"}
    assert sum(archive.ledger.values()) == archive.nbytes
    assert set(context.phases) == {"tsdf", "train", "network", "entropy"}
    assert context.notes["parameters"] == str(NetworkSpec(16, 1, 4, 16).parameter_count)


def test_decoded_meshes_resemble_the_originals_in_order(archive):
    decoding = Context()
    decoded = QuantDeepSdf().decode(archive, decoding)
    assert set(decoding.phases) == {"entropy", "network", "extraction"}
    assert not decoding.failures
    for mesh, original in zip(decoded, meshes(), strict=True):
        assert mesh.is_watertight
        np.testing.assert_allclose(mesh.bounds, original.bounds, atol=0.15)


def test_deformed_volumes(context):
    archive = encode(context, deformation=True, fit="direct", entropy="huffman")
    assert "fit" in context.phases
    decoded = QuantDeepSdf().decode(archive, Context())
    np.testing.assert_allclose(decoded[0].bounds, meshes()[0].bounds, atol=0.15)


FRESH = """
import sys
from pathlib import Path
import numpy as np
from baselines.neural.quantdeepsdf.codec import QuantDeepSdf
assert "torch" not in sys.modules and "trimesh" not in sys.modules
from bench.codec import Archive, Context
for i, mesh in enumerate(QuantDeepSdf().decode(Archive.read(Path(sys.argv[1])), Context())):
    np.savez(f"{sys.argv[1]}-{i}.npz", v=mesh.vertices, f=mesh.faces)
"""


def test_a_fresh_process_decodes_the_same_surfaces(archive, tmp_path):
    archive.write(tmp_path / "archive")
    subprocess.run([sys.executable, "-c", FRESH, str(tmp_path / "archive")], check=True, timeout=240)
    for index, predicted in enumerate(QuantDeepSdf().decode(archive, Context())):
        with np.load(tmp_path / f"archive-{index}.npz") as decoded:
            np.testing.assert_array_equal(decoded["v"], predicted.vertices)
            np.testing.assert_array_equal(decoded["f"], predicted.faces)


def test_same_seed_same_bytes(context):
    assert encode(context, steps=5) == encode(context, steps=5)


def test_a_bad_mesh_fails_alone(context):
    nan = trimesh.creation.icosphere(subdivisions=1)
    nan.vertices[3] = np.nan
    encoding, decoding = Context(cache=context.cache), Context()
    archive = encode(encoding, [meshes()[0], trimesh.Trimesh(), nan, meshes()[1]], steps=5)
    assert {index: failure.status for index, failure in encoding.failures.items()} == dict.fromkeys(
        (1, 2), "invalid_mesh"
    )
    assert [bool(part.data) for part in archive.shapes] == [True, False, False, True]
    assert archive.shapes[0] == encode(Context(cache=context.cache), steps=5).shapes[0]
    assert len(QuantDeepSdf().decode(archive, decoding)) == 4
    assert {index: failure.status for index, failure in decoding.failures.items()} == dict.fromkeys((1, 2), "corrupt")


def test_sets_of_nothing():
    encoding, decoding = Context(), Context()
    assert encode(encoding, []) == Archive(())
    assert QuantDeepSdf().decode(Archive(()), decoding) == []
    archive = encode(encoding, [trimesh.Trimesh()])
    assert archive == Archive((Part(b""),))
    assert QuantDeepSdf().decode(archive, decoding)[0].is_empty
    assert decoding.failures[0].status == "corrupt"


def test_damage_to_one_shape_costs_that_shape(archive):
    damaged = Part(archive.shapes[0].data[:-1])
    decoding = Context()
    decoded = QuantDeepSdf().decode(replace(archive, shapes=(damaged, archive.shapes[1])), decoding)
    assert decoding.failures[0].status == "corrupt"
    assert len(decoding.failures) == 1
    assert len(decoded[1].faces)


def test_damage_to_the_network_is_refused(archive):
    with pytest.raises(CorruptArchive):
        QuantDeepSdf().decode(replace(archive, shared=Part(archive.shared.data[:-1])), Context())


def test_training_stops_at_the_deadline(context):
    late = Context(cache=context.cache, deadline=time.monotonic() + 1.0)
    with pytest.raises(DeadlineExceeded):
        encode(late, steps=10**7)


def test_progress_is_told():
    told = []
    encode(Context(report=lambda done, total, note: told.append((note, done, total))), meshes()[:1], steps=3)
    assert told[-1] == ("measuring reaches", 1, 1)
    assert ("volumes", 1, 1) in told
    assert ("training", 3, 3) in told


def test_ladder_goes_up_and_is_available():
    codec = QuantDeepSdf()
    assert codec.availability().ok
    assert {"torch", "constriction"} <= set(codec.provenance())
    widths = [codec.rate_type.of(settings).width for settings in codec.ladder.values()]
    assert widths == sorted(widths)
    assert len(widths) == 4


def test_warm_up_leaves_nothing_to_import_or_compile():
    QuantDeepSdf().warm_up()


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 0},
        {"width": 4096},
        {"latent": 1.5},
        {"resolution": 62},
        {"resolution": 512},
        {"fit": "magic"},
        {"entropy": "zip"},
        {"deformation": 1},
        {"steps": 0},
        {"batch": 1},
        {"learning_rate": 0.0},
        {"learning_rate": "fast"},
    ],
)
def test_a_rate_checks_itself(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        QuantDeepSdfRate.of(settings)


def test_a_rate_names_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"depth;.*known:"):
        QuantDeepSdfRate.of({"depth": 9})
    with pytest.raises(ValueError, match="fit=direct has no effect with deformation=off"):
        QuantDeepSdfRate.of({"fit": "direct"})
