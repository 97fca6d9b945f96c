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
    values = measure_files(tmp_path / "reference.ply", tmp_path / "decoded.ply", QUICK).values
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
    assert measure_files(tmp_path / "box.ply", tmp_path / "large.ply", QUICK).values["surface_max"] > 500


def test_an_unreadable_file_is_named(tmp_path):
    good, bad = tmp_path / "good.ply", tmp_path / "bad.ply"
    trimesh.creation.box().export(good)
    bad.write_bytes(b"ply\n")
    with pytest.raises(Exception, match=r"bad\.ply"):
        measure_files(good, bad, QUICK)


@pytest.mark.parametrize(
    ("factor", "words"), [(100, "100 times as large"), (1000, "1,000 times as l"), (0.01, "100 times smaller")]
)
def test_other_units_are_hinted_at_and_measured_with_few_samples(tmp_path, factor, words):
    ball = trimesh.creation.icosphere(subdivisions=4)
    ball.export(tmp_path / "a.ply")
    ball.apply_scale(factor).export(tmp_path / "b.ply")
    found = measure_files(tmp_path / "a.ply", tmp_path / "b.ply", Protocol(samples=100_000))
    assert words in found.hint
    assert f"measured with {found.protocol.samples} samples" in found.hint
    # Every pair of a sample and a triangle can be looked at in seconds, which is what the search comes down to here.
    assert 16 <= found.protocol.samples <= 10_000_000 // len(ball.faces)
    assert found.values["surface_cd"] == pytest.approx(1000 * abs(factor - 1), rel=0.02)


def test_another_place_is_hinted_at(tmp_path):
    box = trimesh.creation.box()
    box.export(tmp_path / "a.obj")
    box.apply_translation([3e5, 0, 0]).export(tmp_path / "b.obj")
    found = measure_files(tmp_path / "a.obj", tmp_path / "b.obj", QUICK)
    assert "same coordinates" in found.hint
    assert found.values["surface_cd"] == pytest.approx(6e8, rel=1e-3)


def test_what_can_be_compared_has_no_hint(tmp_path):
    box = trimesh.creation.box()
    box.export(tmp_path / "a.ply")
    box.apply_scale(99).export(tmp_path / "b.ply")
    assert measure_files(tmp_path / "a.ply", tmp_path / "b.ply", QUICK).hint == ""
