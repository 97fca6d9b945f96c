import numpy as np
import pytest
import trimesh

from bench.metrics.files import measure_files
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol

QUICK = Protocol(samples=3000)


def test_both_files_are_moved_by_the_transformation_of_the_reference(tmp_path):
    mesh = trimesh.creation.torus(0.7, 0.3)
    mesh.apply_scale(50)
    mesh.apply_translation((400, -3, 7))
    mesh.export(tmp_path / "reference.ply")
    mesh.apply_translation((0, 0, 5))  # 0.1 in the cube, and out of it
    mesh.export(tmp_path / "decoded.ply")
    values = measure_files(tmp_path / "reference.ply", tmp_path / "decoded.ply", QUICK)
    torus = trimesh.creation.torus(0.7, 0.3)
    shifted = torus.copy().apply_translation((0, 0, 0.1))
    expected = measure(torus, shifted, QUICK)
    assert values["surface_max"] == pytest.approx(expected["surface_max"], rel=0.02)
    assert values["surface_cd"] == pytest.approx(expected["surface_cd"], rel=0.02)
    assert values["surface_max"] > 95


def test_what_sticks_out_of_the_cube_is_not_clipped(tmp_path):
    box = trimesh.creation.box((2, 2, 2))
    box.export(tmp_path / "box.ply")
    trimesh.Trimesh(np.asarray(box.vertices) * 1.5, box.faces, process=False).export(tmp_path / "large.ply")
    assert measure_files(tmp_path / "box.ply", tmp_path / "large.ply", QUICK)["surface_max"] > 500


def test_an_unreadable_file_is_named(tmp_path):
    good, bad = tmp_path / "good.ply", tmp_path / "bad.ply"
    trimesh.creation.box().export(good)
    bad.write_bytes(b"ply\n")
    with pytest.raises(Exception, match=r"bad\.ply"):
        measure_files(good, bad, QUICK)
