"""Both NeCGS codecs in the harness: whole sets in, bytes, whole sets out, in this process and in a fresh one."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

import necgs.training.train
from bench.codec import Archive, Context, CorruptArchive, DeadlineExceeded, EncodeFailed, Part
from necgs.codec import NecgsCodec, VolumeCodec
from necgs.coding.bitstream import decode_shared, encode_set
from necgs.paper_codec import NecgsPaperCodec
from necgs.paper_settings import PaperRate
from necgs.quantize import NotFinite
from necgs.stages import decode_mesh, trained_set

DENSE = {"resolution": 16, "width": 2, "epochs": 60, "learning_rate": 1e-2, "deformation": False}
BLOCKS = {"resolution": 16, "width": 4, "epochs": 20, "fit": "none"}


Settings = dict[str, object]
Tiny = tuple[VolumeCodec, Settings]


def meshes() -> list[trimesh.Trimesh]:
    box = trimesh.creation.box((1.6, 1.0, 0.7)).subdivide().subdivide()
    return [
        trimesh.creation.icosphere(subdivisions=2, radius=0.8),
        trimesh.Trimesh(box.vertices, box.faces, process=False),
    ]


def encode(context: Context, tiny: Tiny, shapes: list[trimesh.Trimesh] | None = None, **settings: object) -> Archive:
    codec, own = tiny
    return codec.encode(meshes() if shapes is None else shapes, codec.rate_type.of({**own, **settings}), context)


@pytest.fixture(scope="module", params=[(NecgsPaperCodec(), DENSE), (NecgsCodec(), BLOCKS)], ids=["paper", "ours"])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return request.param


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def archive(context: Context, tiny: Tiny) -> Archive:
    return encode(replace(context), tiny)


def equal(a: trimesh.Trimesh, b: trimesh.Trimesh) -> bool:
    return np.array_equal(a.vertices, b.vertices) and np.array_equal(a.faces, b.faces)


def test_every_byte_and_every_second_is_accounted_for(context: Context, tiny: Tiny) -> None:
    archive = encode(context, tiny, epochs=1)
    assert set(archive.ledger) == {"header", "tables", "weights", "latents", "mask"}
    assert sum(archive.ledger.values()) == archive.nbytes
    assert {"tsdf", "train", "entropy"} <= set(context.phases)


def test_a_training_that_diverges_fails_with_a_remedy(
    context: Context, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_with(error: ValueError) -> Callable[..., None]:
        def train(*_: object, **__: object) -> None:
            raise error

        return train

    for error, told in (
        (
            NotFinite("latents are not finite"),
            r"training diverged: latents are not finite \(use a smaller learning_rate",
        ),
        (ValueError("use larger steps"), r"the set cannot be coded: use larger steps$"),
    ):
        monkeypatch.setattr(necgs.training.train, "train", failing_with(error))
        with pytest.raises(EncodeFailed, match=told):
            encode(context, tiny)


def test_numbers_that_overflow_are_a_corrupt_archive(context: Context) -> None:
    """Steps of 2^16 and huge codes, with right checksums."""
    volume = np.full((1, 1, 16, 16, 16), 128, np.int16)
    trained = trained_set(volume, PaperRate.of({**DENSE, "epochs": 1}), replace(context))
    huge = {name: np.full_like(codes, 1 << 24) for name, codes in trained.weights.items()}
    loud = replace(
        trained,
        weights={**huge, "up1.weight": -huge["up1.weight"]},
        weight_exponents=dict.fromkeys(trained.weight_exponents, 127),
        latents=(np.full_like(trained.latents[0], 1 << 23),),
        latent_exponents=(127,) * len(trained.latent_exponents),
    )
    hostile = encode_set(loud, "range")
    with pytest.raises(CorruptArchive, match="overflow"):
        decode_mesh(decode_shared(hostile.shared.data), hostile.shapes[0].data, replace(context))


def test_versions_are_told_whatever_open3d_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its wheels have one name on Linux and another elsewhere."""

    def version(package: str) -> str:
        if package == "open3d-cpu":
            raise importlib.metadata.PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert set(NecgsCodec().provenance()) == {"torch", "open3d", "constriction", "numpy"}


def test_decoded_meshes_resemble_the_originals_in_order(archive: Archive) -> None:
    decoding = Context()
    decoded = NecgsCodec().decode(archive, decoding)
    assert {"entropy", "network", "extraction"} == set(decoding.phases)
    for mesh, original in zip(decoded, meshes(), strict=True):
        assert mesh.is_watertight
        np.testing.assert_allclose(mesh.bounds, original.bounds, atol=0.12)


FRESH = """
import sys
from pathlib import Path
import numpy as np
from bench.codec import Archive, Context
from necgs.codec import NecgsCodec
for i, mesh in enumerate(NecgsCodec().decode(Archive.read(Path(sys.argv[1])), Context())):
    np.savez(f"{sys.argv[1]}-{i}.npz", v=mesh.vertices, f=mesh.faces)
"""


def test_a_fresh_process_decodes_exactly_what_the_encoder_predicted(archive: Archive, tmp_path: Path) -> None:
    archive.write(tmp_path / "archive")
    subprocess.run([sys.executable, "-c", FRESH, str(tmp_path / "archive")], check=True, timeout=240)
    for index, predicted in enumerate(NecgsCodec().decode(archive, Context())):
        with np.load(tmp_path / f"archive-{index}.npz") as decoded:
            np.testing.assert_array_equal(decoded["v"], predicted.vertices)
            np.testing.assert_array_equal(decoded["f"], predicted.faces)


def test_the_number_of_threads_changes_no_vertex(archive: Archive) -> None:
    for a, b in zip(*(NecgsCodec().decode(archive, Context(threads=n)) for n in (1, 2)), strict=True):
        assert equal(a, b)


def test_same_seed_same_bytes_other_seed_other_bytes(archive: Archive, context: Context, tiny: Tiny) -> None:
    assert encode(replace(context), tiny) == archive
    assert encode(replace(context, seed=1), tiny) != archive


def test_both_entropy_coders_carry_the_same_meshes(context: Context) -> None:
    ours = (NecgsCodec(), BLOCKS)
    ranged, huffman = (encode(replace(context), ours, entropy=coder) for coder in ("range", "huffman"))
    assert huffman != ranged
    for a, b in zip(NecgsCodec().decode(huffman, Context()), NecgsCodec().decode(ranged, Context()), strict=True):
        assert equal(a, b)


def test_either_codec_decodes_the_bytes_of_the_other(archive: Archive) -> None:
    """Archives of one codec with a switch, as older versions wrote them, stay readable."""
    for a, b in zip(NecgsCodec().decode(archive, Context()), NecgsPaperCodec().decode(archive, Context()), strict=True):
        assert equal(a, b)


def test_two_widths_two_sizes(archive: Archive, context: Context, tiny: Tiny) -> None:
    assert encode(replace(context), tiny, width=16, epochs=1).nbytes > archive.nbytes


def test_one_shape_is_decoded_without_the_others(archive: Archive) -> None:
    alone = Archive((Part(b""), archive.shapes[1]), archive.shared)
    decoding = Context()
    nothing, box = NecgsCodec().decode(alone, decoding)
    assert len(nothing.faces) == 0
    assert {index: failure.status for index, failure in decoding.failures.items()} == {0: "corrupt"}
    assert equal(box, NecgsCodec().decode(archive, Context())[1])


def test_an_invalid_mesh_fails_alone(context: Context, tiny: Tiny) -> None:
    own = replace(context, failures={})
    sphere, box = meshes()
    coded = encode(own, tiny, [sphere, trimesh.Trimesh(), box], epochs=1)
    assert {index: failure.status for index, failure in own.failures.items()} == {1: "invalid_mesh"}
    assert [len(part) > 0 for part in coded.shapes] == [True, False, True]
    alone = encode(replace(context), tiny, [sphere, box], epochs=1)
    assert [coded.shapes[0].data, coded.shapes[2].data] == [part.data for part in alone.shapes]
    assert coded.shared.data == alone.shared.data


def test_a_set_of_invalid_meshes_only_has_no_bytes(tiny: Tiny) -> None:
    own = Context()
    assert encode(own, tiny, [trimesh.Trimesh()]).nbytes == 0
    assert set(own.failures) == {0}
    decoding = Context()
    assert len(NecgsCodec().decode(Archive((Part(b""),)), decoding)[0].faces) == 0
    assert decoding.failures[0].status == "corrupt"


def test_the_empty_set(tiny: Tiny) -> None:
    assert encode(Context(), tiny, []).shapes == ()
    assert NecgsCodec().decode(Archive(()), Context()) == []


def test_one_triangle_is_coded(context: Context, tiny: Tiny) -> None:
    triangle = trimesh.Trimesh([[-0.9, -0.9, 0], [0.9, -0.9, 0.1], [0, 0.9, 0]], [[0, 1, 2]], process=False)
    own = replace(context, failures={})
    encode(own, tiny, [triangle], epochs=1)
    assert own.failures == {}


def test_damage_to_the_shared_part_is_refused(archive: Archive) -> None:
    data = bytearray(archive.shared.data)
    data[len(data) // 2] ^= 4
    with pytest.raises(CorruptArchive, match="checksum"):
        NecgsCodec().decode(Archive(archive.shapes, Part(bytes(data))), Context())


def test_a_deadline_stops_the_training(context: Context, tiny: Tiny) -> None:
    with pytest.raises(DeadlineExceeded):
        encode(replace(context, deadline=time.monotonic() + 1.0), tiny, epochs=10**6)


def test_another_rate_takes_the_volumes_from_the_cache_and_pays_for_them(context: Context, tiny: Tiny) -> None:
    first = replace(context, phases={})
    second = replace(context, phases={})
    for own, width in ((first, 2), (second, 3)):
        encode(own, tiny, epochs=1, width=width)
    assert first.phases["tsdf"] == pytest.approx(second.phases["tsdf"])


def test_progress_reaches_its_end(context: Context, tiny: Tiny) -> None:
    told: list[tuple[int, int, str]] = []
    encode(replace(context, report=lambda done, total, note: told.append((done, total, note))), tiny, epochs=3)
    last = {note: (done, total) for done, total, note in told}
    assert last["volumes"] == (2, 2)
    assert last["training"][0] == last["training"][1]
