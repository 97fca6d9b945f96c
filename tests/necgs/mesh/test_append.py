"""Shapes added to a coded set: into a group, by themselves, and what cannot be added."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from bench.codec import Archive, Context
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from necgs.mesh.append import append
from necgs.mesh.stream import decode_shape, decode_shared
from necgs.mesh_codec import MeshSet, MeshSetRate
from tests.necgs.mesh.real_meshes import sample_shape

RATE = MeshSetRate(faces=300)


def body(number: int) -> trimesh.Trimesh:
    return trimesh.Trimesh(*sample_shape("humans", number), process=False)


def error(mesh: trimesh.Trimesh, archive: Archive, number: int) -> float:
    decoded = decode_shape(decode_shared(archive.shared.data), archive.shapes[number].data)
    return measure(mesh, trimesh.Trimesh(*decoded, process=False), Protocol(samples=4000))["surface_cd"]


@pytest.fixture(scope="module")
def known() -> tuple[list[trimesh.Trimesh], Archive]:
    meshes = [body(0), body(1), body(2)]
    return meshes, MeshSet().encode(meshes, RATE, Context())


def test_a_pose_joins_its_group_and_the_set_stays_as_it_is(known: tuple[list[trimesh.Trimesh], Archive]) -> None:
    meshes, archive = known
    part = trimesh.creation.torus(0.6, 0.2)
    context = Context()
    more = append(archive, {1: meshes[1]}, [body(3), part], RATE, context)
    assert not context.failures
    assert more.shapes[:3] == archive.shapes
    assert more.shared == archive.shared
    others = np.mean([error(mesh, archive, number) for number, mesh in enumerate(meshes)])
    assert error(body(3), more, 3) < 1.4 * others
    assert error(part, more, 4) < 10
    alone = append(archive, {}, [body(3)], RATE, Context())
    assert len(more.shapes[3]) < 0.6 * len(alone.shapes[3])
    assert error(body(3), alone, 3) < 1.2 * others


def test_a_shape_of_another_form_is_coded_by_itself(known: tuple[list[trimesh.Trimesh], Archive]) -> None:
    meshes, archive = known
    x, y, z = meshes[0].vertices.T * 0.8
    folds = trimesh.Trimesh(np.stack([x, y, z + 0.1 * np.sin(80 * y)], axis=1), meshes[0].faces, process=False)
    more = append(archive, {0: meshes[0]}, [folds], RATE, Context())
    assert more.shapes[3].data[0] == 0


def test_bad_shapes_fail_alone_and_an_empty_set_grows(known: tuple[list[trimesh.Trimesh], Archive]) -> None:
    meshes, archive = known
    broken = trimesh.Trimesh(np.full((3, 3), np.nan), [[0, 1, 2]], process=False)
    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    context = Context()
    more = append(archive, {0: meshes[0]}, [broken, flat, body(4)], RATE, context)
    assert sorted(context.failures) == [0, 1]
    assert {failure.status for failure in context.failures.values()} == {"invalid_mesh"}
    assert [bool(part.data) for part in more.shapes[3:]] == [False, False, True]
    grown = append(Archive(()), {}, [trimesh.creation.torus(0.6, 0.2)], RATE, Context())
    assert MeshSet().decode(grown, Context())[0].is_watertight
