import numpy as np
import pytest
import trimesh
from mesh_datasets.fingerprint import mesh_fingerprint

from bench import registry
from bench.codec import Context
from bench.execution.stored_meshes import MeshesUnavailable, StoredMeshes, archives_at_once
from bench.planning.references import write_mesh
from bench.results.store import RunFolder


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A run of the lossless codec on two spheres, with its archive, and without decoded meshes."""
    folder = tmp_path_factory.mktemp("run")
    meshes = [trimesh.creation.icosphere(subdivisions=2, radius=radius) for radius in (0.5, 1.0)]
    codec = registry.get("identity")
    settings = next(iter(codec.ladder.values()))
    archive = codec.encode(meshes, codec.rate_type.of(settings), Context(scratch=folder))
    decoded = codec.decode(archive, Context(scratch=folder))
    run = RunFolder(folder / "run")
    archive.write(run.archive("abc"))
    names = ("small", "large")
    run.write_manifest(
        {
            "shapes": [
                {"name": n, "sha256": mesh_fingerprint(m), "dataset": "d"} for n, m in zip(names, meshes, strict=True)
            ]
        }
    )
    write_mesh(folder / "cache" / "meshes" / f"{mesh_fingerprint(meshes[0])}.npz", meshes[0])
    rows = {
        index: {"index": index, "status": "ok", "decoded_sha256": mesh_fingerprint(mesh), "shape": names[index]}
        for index, mesh in enumerate(decoded)
    }
    return (
        StoredMeshes(run, folder / "cache"),
        {"codec": "identity", "rate": "lossless", "archive": "abc"},
        rows,
        meshes,
    )


def test_a_reference_is_found_by_its_content(stored):
    meshes, _, _, truth = stored
    assert np.array_equal(meshes.reference("d", "small").vertices, truth[0].vertices)


def test_a_reference_that_is_nowhere_is_named(stored):
    with pytest.raises(MeshesUnavailable, match="d"):
        stored[0].reference("d", "large")
    with pytest.raises(MeshesUnavailable, match="does not describe"):
        stored[0].reference("d", "medium")


def test_one_shape_is_decoded_again_from_its_own_part(stored):
    meshes, set_row, rows, truth = stored
    found = meshes.decoded(set_row, {1: rows[1]})
    assert list(found) == [1]
    assert found[1].vertices == pytest.approx(truth[1].vertices, abs=1e-6)


def test_a_failed_shape_is_not_decoded_and_kept_meshes_are_read(stored, tmp_path):
    meshes, set_row, rows, _ = stored
    kept = trimesh.creation.box()
    write_mesh(meshes.run.decoded("kept") / "000000.npz", kept)
    own = rows[0] | {"decoded_sha256": mesh_fingerprint(kept)}
    found = meshes.decoded(set_row | {"archive": "kept"}, {0: own, 1: rows[1] | {"status": "timeout"}})
    assert list(found) == [0]
    assert len(found[0].faces) == 12


def test_meshes_other_than_those_measured_are_refused(stored):
    meshes, set_row, rows, _ = stored
    with pytest.raises(MeshesUnavailable, match="does not decode to the measured meshes"):
        meshes.decoded(set_row, {0: rows[0] | {"decoded_sha256": "0" * 64}})
    with pytest.raises(MeshesUnavailable, match="no archive"):
        meshes.decoded(set_row | {"archive": "gone"}, rows)


def test_kept_meshes_that_were_altered_are_not_shown(stored):
    meshes, set_row, rows, _ = stored
    kept = meshes.run.decoded("altered") / "000000.npz"
    for damage in (lambda data: data[: len(data) // 2], lambda data: b""):
        write_mesh(kept, trimesh.creation.box())
        kept.write_bytes(damage(kept.read_bytes()))
        with pytest.raises(MeshesUnavailable, match="no archive"):
            meshes.decoded(set_row | {"archive": "altered"}, {0: rows[0]})
    write_mesh(kept, trimesh.creation.box())
    with pytest.raises(MeshesUnavailable, match="no archive"):
        meshes.decoded(set_row | {"archive": "altered"}, {0: rows[0]})


@pytest.mark.parametrize(("cores", "gigabytes", "at_once"), [(2, 24, 2), (64, 512, 4), (8, 16, 2), (8, 4, 1)])
def test_archives_are_decoded_at_a_time_where_there_is_memory_for_them(monkeypatch, cores, gigabytes, at_once):
    monkeypatch.setattr("bench.machine.cores", lambda: cores)
    monkeypatch.setattr("bench.machine.memory_mb", lambda: 1024.0 * gigabytes)
    assert archives_at_once() == at_once
