"""Connectivity: every face comes back, whatever the mesh; few bits; damaged data end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codec import CorruptArchive
from necgs.mesh.binary_coder import Integers, ended_well, finished, reader, written
from necgs.mesh.connectivity import Conquest, _conquer, read_connectivity, write_connectivity
from necgs.mesh.corner_table import fans, twins
from necgs.mesh.front import VISITS, before
from necgs.mesh.priors import connectivity_models
from tests.necgs.mesh.fixed_meshes import all_meshes, body, canonical, sphere


def coded(faces: Integers) -> tuple[bytes, Conquest]:
    coder, conquest = written(lambda coder: write_connectivity(coder, faces, connectivity_models()), 1 << 12)
    return finished(coder), conquest


def decoded(data: bytes, count: int) -> Integers:
    coder = reader(data)
    faces = read_connectivity(coder, count, connectivity_models())
    assert ended_well(coder)
    return faces


@pytest.mark.parametrize(("name", "points", "faces"), all_meshes())
def test_every_face_comes_back(name: str, points: Integers, faces: Integers) -> None:
    data, conquest = coded(faces)
    again = decoded(data, len(faces))
    assert np.array_equal(again, conquest.faces)
    assert np.array_equal(canonical(conquest.origin[again]), canonical(faces))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 7), min_size=3, max_size=3, unique=True), min_size=1, max_size=30))
def test_any_list_of_faces_comes_back(faces: list[list[int]]) -> None:
    given_faces = np.array(faces)
    data, conquest = coded(given_faces)
    assert np.array_equal(canonical(conquest.origin[decoded(data, len(faces))]), canonical(given_faces))


def test_closed_manifolds_keep_their_vertices() -> None:
    points, faces = sphere()
    conquest = coded(faces)[1]
    assert sorted(conquest.origin) == list(range(len(points)))


def test_a_regular_sphere_costs_next_to_nothing_and_a_body_three_bits() -> None:
    assert len(coded(sphere()[1])[0]) < 40
    points, faces = body(0, 1000)
    assert 8 * len(coded(faces)[0]) / len(points) < 3


@pytest.mark.parametrize("index", [0, 20, 35, 44])
def test_decimated_shapes_with_cut_edges_come_back(index: int) -> None:
    """Where edges are cut, two borders may join the same two vertices."""
    faces = body(index, 300)[1]
    data, conquest = coded(faces)
    assert np.array_equal(canonical(conquest.origin[decoded(data, len(faces))]), canonical(faces))


def test_twins_run_the_other_way_and_fans_are_components() -> None:
    for _, _, faces in all_meshes():
        twin, corners = twins(faces), faces.ravel()
        has = np.flatnonzero(twin >= 0)
        following = np.roll(faces, -1, axis=1).ravel()
        assert np.array_equal(twin[twin[has]], has)
        assert np.array_equal(corners[has], following[twin[has]])
        fan, count = fans(twin)
        assert len(set(zip(fan.tolist(), corners.tolist(), strict=True))) == count


def test_degenerate_faces_are_refused() -> None:
    with pytest.raises(ValueError, match="face 1 names a vertex twice"):
        coded(np.array([[0, 1, 2], [3, 3, 1]]))


def test_faces_that_take_too_long_are_refused_by_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = sphere()[1]
    data, _ = coded(faces)
    monkeypatch.setattr("necgs.mesh.front.MOST_VISITS", 1)
    monkeypatch.setattr("necgs.mesh.front.FREE_FACES", 0)
    with pytest.raises(ValueError, match="so tangled"):
        coded(faces)
    with pytest.raises(CorruptArchive, match="320 faces take too long"):
        decoded(data, len(faces))


@pytest.mark.parametrize(("name", "points", "faces"), all_meshes())
def test_few_nodes_are_looked_at(name: str, points: Integers, faces: Integers) -> None:
    front = before(faces)
    written(lambda coder: _conquer(coder, *connectivity_models(), front), 1 << 12)
    assert len(faces) < front.counts[VISITS] < 20 * len(faces)


def test_any_bytes_end_with_faces_in_range() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        count = int(rng.integers(1, 300))
        coder = reader(rng.bytes(int(rng.integers(0, 60))))
        faces = read_connectivity(coder, count, connectivity_models())
        assert faces.shape == (count, 3)
        assert faces.min() >= 0
        assert faces.max() < 3 * count
