"""Lattice vertices: exact, the field's mean, cheaper with a price on bits, smaller than Draco's."""

from __future__ import annotations

import numpy as np
import pytest

from baselines.mesh.draco import pack
from bench.codec import CorruptArchive
from necgs.mesh.binary_coder import Integers
from necgs.mesh.corner_table import twins
from necgs.mesh.gaussian_field import ONE, RIDGE, STRETCH, diamonds, field_of, well_predicted_first
from necgs.mesh.group_input import Floats, GroupInput, Steps
from necgs.mesh.mixture import BINS, RATE, TOTAL, cumulative, enter, share_below
from necgs.mesh.priors import residual_model
from necgs.mesh.set_encoder import encode_lone
from necgs.mesh.stream import Shared, decode_shape
from tests.necgs.mesh.fixed_meshes import STEPS, all_meshes, body, sphere, torus

ALONE = Shared((), residual_model())


def lone(points: Floats, faces: Integers, steps: Steps = STEPS, **more: object) -> GroupInput:
    return GroupInput(faces, points[None], steps, (0,), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "points", "faces"), all_meshes())
def test_triangles_come_back_on_the_lattice(name: str, points: Floats, faces: Integers) -> None:
    vertices, again = decode_shape(ALONE, encode_lone(lone(points, faces)).data)
    found = sorted(map(tuple, np.round(vertices[again].mean(axis=1), 1)))
    assert len(again) == len(faces)
    wanted = np.sort(points[faces].mean(axis=1), axis=0)
    assert np.abs(np.sort(vertices[again].mean(axis=1), axis=0) - wanted).max() <= STEPS.lattice / 2 + 1e-9
    assert len(found) == len(faces)


def test_the_field_is_the_conditional_mean_of_its_energy() -> None:
    points, faces = torus()
    twin, count = twins(faces), len(points)
    field = field_of(faces, twin, count)
    rows = diamonds(faces, twin)
    energy = np.zeros((len(rows), count))
    energy[np.arange(len(rows))[:, None], rows[:, :2]] = 1
    energy[np.arange(len(rows))[:, None], rows[:, 2:]] -= 1
    links = np.zeros((count, count))
    links[faces, np.roll(faces, -1, axis=1)] = links[np.roll(faces, -1, axis=1), faces] = 1
    matrix = energy.T @ energy + STRETCH / ONE * (np.diag(links.sum(axis=1)) - links) + RIDGE / ONE * np.eye(count)
    covariance = np.linalg.inv(matrix)[np.ix_(field.order, field.order)]
    for k in (1, 5, 40, count - 1):
        wanted = np.linalg.solve(covariance[:k, :k], covariance[:k, k])
        found = np.zeros(k)
        found[field.first[k] :] = field.factors[field.start[k] : field.start[k + 1]] / ONE
        assert np.abs(found - wanted).max() < 1e-3
        variance = covariance[k, k] - covariance[k, :k] @ wanted
        assert field.deviation[k] / 1024 == pytest.approx(np.sqrt(variance), rel=0.01, abs=2e-3)


def test_vertices_that_most_triangles_predict_come_first() -> None:
    _, faces = torus()
    count, rows = int(faces.max()) + 1, diamonds(faces, twins(faces))
    rows = np.concatenate([rows, rows[:, [0, 1, 3, 2]]])
    order = well_predicted_first(faces, rows, count).tolist()
    assert sorted(order) == list(range(count))
    assert order[:3] == faces[0].tolist()
    for at in range(3, count):
        known = set(order[:at])
        chances = [sum({a, b, c} <= known for a, b, c, d in rows.tolist() if d == vertex) for vertex in order[at:]]
        assert chances[0] == max(chances) > 0


@pytest.mark.parametrize("shift", [0, 3])
def test_a_histogram_gives_the_shares_of_what_it_has_seen(shift: int) -> None:
    rng = np.random.default_rng(shift)
    values, sums, offset = rng.integers(-50, (BINS << shift) + 50, 300), np.zeros((1, BINS + 1), dtype=np.int64), -7
    places = np.array([[offset, shift, 0]])
    for value in values:
        enter(value, 0, sums, places)
    bins = (values - offset) >> shift
    bins = bins[(bins >= 0) & (bins < BINS)]
    for value in (-200, -7, 0, 1, 100, 777, BINS << shift, 1 << 20):
        at = (value - offset) / (1 << shift)
        wanted = np.clip(at - bins, 0, 1).sum() / len(bins)
        assert share_below(value, 0, sums, places) / TOTAL == pytest.approx(wanted, abs=3e-5)


def test_the_distribution_is_a_two_sided_exponential() -> None:
    for at, centre, width in ((0, 0, 16), (40, 0, 16), (-90, 10, 33), (1000, -1000, 400), (5, 0, 2)):
        share = np.exp(-abs(at - centre) / width) / 2
        assert cumulative(at, centre, RATE // width) / TOTAL == pytest.approx(
            share if at < centre else 1 - share, abs=2e-5
        )


def test_a_price_on_bits_saves_bytes_and_costs_distortion() -> None:
    points, faces = sphere()
    free = encode_lone(lone(points, faces))
    bent = np.broadcast_to(np.eye(3), (1, len(points), 3, 3))
    priced = encode_lone(lone(points, faces, hessians=bent, price=2e-4))
    assert len(priced) < 0.95 * len(free)
    missed = [np.abs(np.linalg.norm(decode_shape(ALONE, p.data)[0], axis=1) - 0.9).mean() for p in (free, priced)]
    assert missed[0] < missed[1] < 3 * STEPS.lattice


@pytest.mark.parametrize(
    ("index", "count", "bits"), [(0, 300, 7), (20, 500, 8), (35, 500, 8), (4, 1000, 8), (36, 2000, 9), (42, 2000, 9)]
)
def test_smaller_than_draco(index: int, count: int, bits: int) -> None:
    points, faces = body(index, count)
    ours = encode_lone(lone(points, faces, Steps(2 / (2**bits - 1), 0.01, 0.01)))
    assert len(ours) < 0.95 * len(pack(points, faces, bits))


def test_one_triangle_costs_little() -> None:
    part = encode_lone(lone(np.eye(3) * 0.5, np.array([[0, 1, 2]])))
    assert len(part) < 25
    assert set(part.ledger) == {"header", "connectivity", "vertices"}


def test_more_faces_than_bytes_can_hold_are_refused() -> None:
    from bench.codec.fields import FieldWriter, with_crc32

    fields = FieldWriter()
    for value in (0, 400_000, 1000, 0):
        fields.unsigned(value)
    with pytest.raises(CorruptArchive, match="cannot hold 400000 faces"):
        decode_shape(ALONE, with_crc32(fields.getvalue() + bytes(1000)))


@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_a_decoder_stops_where_its_data_end(byte: bytes) -> None:
    from bench.codec.fields import FieldWriter, with_crc32

    fields = FieldWriter()
    for value in (0, 19_000, 1000, 8):
        fields.unsigned(value)
    with pytest.raises(CorruptArchive, match="behind its end"):
        decode_shape(ALONE, with_crc32(fields.getvalue() + 300 * byte))
