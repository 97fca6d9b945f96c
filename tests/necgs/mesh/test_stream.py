"""Sets as bytes: groups, copies, halves; the same everywhere; hostile bytes are refused."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.codec import Archive, CorruptArchive
from bench.codec.fields import FieldWriter, checked_crc32, with_crc32
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.group_input import Copy, Floats, GroupInput, Mask
from necgs.mesh.predicted_shape import Target
from necgs.mesh.set_encoder import encode, encode_lone, encode_member
from necgs.mesh.similarity import Similarity
from necgs.mesh.stream import LONE, VERSION, decode_shape, decode_shared
from necgs.mesh.symmetric_half import HalfTurn, Symmetry
from tests.necgs.mesh.fixed_meshes import STEPS, bent, canonical, several, sheet, sphere, torus

COPIES = {9: 7, 10: 1, 11: 8}
GOLDEN = Path(__file__).parent / "golden"


def whole_set() -> list[GroupInput]:
    group = bent(6)
    lone = [GroupInput(faces, points[None], STEPS, (6 + i,)) for i, (points, faces) in enumerate([several(), sphere()])]
    points, faces = sheet(9, 7)
    half = GroupInput(faces, (points - [points[:, 0].min(), 0, 0])[None] * 0.5, STEPS, (8,), symmetry=Symmetry((0,)))
    return [group, *lone, half]


def quarter_turn() -> Similarity:
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return Similarity.of(rotation, 0.5, np.array([0.25, 0.0, -0.125]), mirrors=True)


def archive() -> Archive:
    return encode(whole_set(), [Copy(place, of, quarter_turn()) for place, of in COPIES.items()])


def shapes_of(coded: Archive) -> list[tuple[Floats, Floats]]:
    shared = decode_shared(coded.shared.data)
    return [decode_shape(shared, part.data) for part in coded.shapes]


def test_every_shape_comes_back_within_its_steps() -> None:
    group = bent(6)
    for index, (vertices, faces) in enumerate(shapes_of(archive())[:6]):
        missed = np.linalg.norm(
            vertices[faces].mean(axis=1)[:, None] - group.targets[index][group.faces].mean(1), axis=2
        )
        assert len(faces) == len(group.faces)
        assert missed.min(axis=0).max() < 0.02


def test_members_cost_less_than_half_of_a_shape_by_itself() -> None:
    group = bent(8)
    members = [len(part) for part in encode([group]).shapes if "vertices" in part.ledger]
    alone = len(encode_lone(replace(group, targets=group.targets[:1], shapes=(0,))))
    assert len(members) >= 4
    assert np.mean(members) < alone / 2


def test_a_copy_is_the_original_turned_scaled_and_mirrored() -> None:
    shapes = shapes_of(archive())
    for copy, original in COPIES.items():
        x, y, z = -shapes[original][0].T * 0.5
        expected = np.stack([-y, x, z], axis=1)
        # mirrored through the origin first, then a quarter turn about z
        assert np.abs(shapes[copy][0] - expected - np.array([0.25, 0, -0.125])).max() < 1e-5
        assert np.array_equal(shapes[copy][1], shapes[original][1][:, ::-1])
    assert len(archive().shapes[9]) <= 26


def test_half_a_shape_is_completed_and_closed_at_the_seam() -> None:
    points, faces = sheet(9, 7)
    points = points - [points[:, 0].min(), 0, 0]  # the seam: x = 0
    points = points * [0.5, 1, 1]
    half = GroupInput(faces, points[None], STEPS, (0,), symmetry=Symmetry((0,)))
    ((vertices, whole),) = shapes_of(encode([half]))
    assert len(whole) == 2 * len(faces)
    assert len(vertices) == 2 * len(points) - 9
    image = vertices * [-1, 1, 1]
    assert {tuple(p) for p in np.round(image * CUBE)} == {tuple(p) for p in np.round(vertices * CUBE)}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_turned_half_and_its_copy_are_completed(axis: int) -> None:
    step = STEPS.lattice
    points = np.roll(np.array([[9, 1, 0], [0, 9, 1], [0, -9, 1], [0, 0, 9], [0, 0, -9]]), axis + 1, axis=1) * step
    faces = np.array([[0, 1, 3], [0, 3, 2], [0, 2, 4], [0, 4, 1]])
    half = GroupInput(faces, points[None], STEPS, (0,), symmetry=HalfTurn(axis))
    signs = HalfTurn(axis).signs
    for copies in ([], [Copy(1, 0, quarter_turn())]):
        shapes = shapes_of(encode([half], copies))
        assert len(shapes) == 1 + len(copies)
        for vertices, whole in shapes:
            assert (len(vertices), len(whole)) == (6, 8)
            edges = {tuple(edge) for face in whole.tolist() for edge in zip(face, np.roll(face, -1), strict=True)}
            assert edges == {(b, a) for a, b in edges}
        codes = np.round(shapes[0][0] * CUBE)
        assert {tuple(p) for p in codes * signs} == {tuple(p) for p in codes}


def test_an_unknown_form_is_refused() -> None:
    fields = FieldWriter()
    for value in (LONE, 4, 1 << 10, 22):
        fields.unsigned(value)
    with pytest.raises(CorruptArchive, match="form"):
        decode_shape(decode_shared(encode([]).shared.data), with_crc32(fields.getvalue() + bytes(20)))


def test_an_added_shape_costs_its_vertices_alone() -> None:
    group = bent(7)
    known = encode([replace(group, targets=group.targets[:6], shapes=tuple(range(6)))])
    shared = decode_shared(known.shared.data)
    reference = shared.groups[0]
    from necgs.mesh.binary_coder import writer
    from necgs.mesh.connectivity import write_connectivity
    from necgs.mesh.priors import connectivity_models

    origin = write_connectivity(writer(1 << 16), group.faces, connectivity_models()).origin
    part, choice = encode_member(shared, 0, Target(group.targets[6][origin]))
    vertices, faces = decode_shape(shared, part.data)
    assert np.array_equal(np.round(vertices * CUBE), choice.points)
    assert np.array_equal(faces, reference.faces)
    assert np.abs(vertices - group.targets[6][origin]).max() < STEPS.tangential
    assert len(part) < 1.3 * max(len(p) for p in known.shapes)


def test_a_price_and_refits_reach_the_encoder() -> None:
    group = bent(5)
    seen = []

    def refit(index: int, done: Mask, positions: Floats) -> Floats:
        seen.append((index, int(done.sum())))
        assert np.abs(positions - group.targets[index]).max() < 0.1
        return group.targets[index]

    hessians = np.broadcast_to(np.eye(3), (*group.targets.shape, 3))
    free, priced = encode([group]), encode([replace(group, hessians=hessians, price=1e-4, refit=refit)])
    assert priced.nbytes < 0.95 * free.nbytes
    assert len({index for index, _ in seen}) == 4
    assert max(count for _, count in seen) < group.targets.shape[1]


def test_ledgers_account_for_every_byte() -> None:
    coded = archive()
    assert sum(coded.ledger.values()) == coded.nbytes
    assert set(coded.ledger) == {"header", "tables", "connectivity", "root", "vertices"}


def golden_bytes(coded: Archive) -> str:
    return "\n".join(part.data.hex() for part in (coded.shared, *coded.shapes))


def test_old_bytes_decode_to_equal_integers() -> None:
    """A change here is a new format version: archives of old versions must stay readable, or be refused."""
    shared, *parts = (bytes.fromhex(line) for line in (GOLDEN / "set.hex").read_text().split())
    known = decode_shared(shared)
    digests = []
    for part in parts:
        vertices, faces = decode_shape(known, part)
        points = np.round(vertices * CUBE).astype("<i8")
        digests.append(f"{zlib.crc32(points.tobytes()):08x} {zlib.crc32(faces.astype('<i8').tobytes()):08x}")
    assert digests == (GOLDEN / "set.digests").read_text().splitlines()


@pytest.mark.parametrize("version", [0, 1, 3, 127])
def test_other_versions_are_refused_by_their_number(version: int) -> None:
    payload = checked_crc32(bytes.fromhex((GOLDEN / "set.hex").read_text().split()[0]), "golden")
    assert payload[0] == VERSION
    with pytest.raises(CorruptArchive, match=f"format version {version}; this program reads version {VERSION}"):
        decode_shared(with_crc32(bytes([version]) + payload[1:]))


def test_damage_is_noticed() -> None:
    coded = archive()
    shared = decode_shared(coded.shared.data)
    for data in (coded.shared.data[:-1], coded.shared.data[:20], b""):
        with pytest.raises(CorruptArchive, match="shared part"):
            decode_shared(data)
    with pytest.raises(CorruptArchive, match="part of a shape"):
        decode_shape(shared, coded.shapes[0].data[:-2])
    with pytest.raises(CorruptArchive, match="kind is"):
        decode_shape(replace(shared, groups=()), next(p.data for p in coded.shapes if "vertices" in p.ledger))


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A payload with bytes changed, cut or put in, and a checksum that fits."""
    payload = bytearray(data[:-4])
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, max(1, min(len(payload), 12) if rng.random() < 0.4 else len(payload))))
        change = rng.integers(0, 3)
        if change == 0 and payload:
            payload[at] = int(rng.integers(0, 256))
        elif change == 1:
            payload[at:at] = rng.bytes(int(rng.integers(1, 5)))
        else:
            del payload[at : at + int(rng.integers(1, 20))]
    return bytes(payload) + zlib.crc32(payload).to_bytes(4, "little")


def test_hostile_bytes_are_refused_or_decode_to_some_mesh() -> None:
    coded = archive()
    shared = decode_shared(coded.shared.data)
    rng = np.random.default_rng(0)
    outcomes = {"clean": 0, "refused": 0}
    for _ in range(400):
        part = coded.shapes[int(rng.integers(len(coded.shapes)))].data
        try:
            if rng.random() < 0.3:
                known = decode_shared(mutated(coded.shared.data, rng))
                decode_shape(known, coded.shapes[0].data)
            else:
                vertices, faces = decode_shape(shared, mutated(part, rng))
                assert np.isfinite(vertices).all()
                assert 0 <= faces.min() <= faces.max() < len(vertices)
            outcomes["clean"] += 1
        except CorruptArchive:
            outcomes["refused"] += 1
    assert outcomes["clean"] > 3
    assert outcomes["refused"] > 100


def test_bad_input_is_refused_with_a_remedy() -> None:
    points, faces = torus()
    with pytest.raises(ValueError, match="remove unreferenced"):
        GroupInput(faces[:-20], points[None], STEPS, (0,))
    with pytest.raises(ValueError, match="normalise"):
        GroupInput(faces, 3 * points[None], STEPS, (0,))
    with pytest.raises(ValueError, match="they must be 0 to 0"):
        encode([GroupInput(faces, points[None], STEPS, (3,))])
    assert len(canonical(faces)) == len(faces)
