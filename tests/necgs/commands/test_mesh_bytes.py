"""Decoded meshes as files: what comes back from them is the mesh."""

import numpy as np
import pytest
import trimesh
from mesh_datasets.mesh_files.reading import read_mesh

from necgs.commands.mesh_bytes import mesh_bytes, rounding_warning

BALL = trimesh.creation.icosphere(subdivisions=2)


def moved(scale, offset):
    return trimesh.Trimesh(BALL.vertices * scale + offset, BALL.faces, process=False)


@pytest.mark.parametrize("file_type", ["ply", "obj"])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (5.0, [5e5, 5.4e6, 100.0]), (1e-9, 0.0), (1e9, 0.0)])
def test_ply_and_obj_keep_every_bit(tmp_path, file_type, scale, offset):
    mesh = moved(scale, offset)
    path = tmp_path / f"a.{file_type}"
    path.write_bytes(mesh_bytes(mesh, file_type))
    found = read_mesh(path)
    np.testing.assert_array_equal(found.vertices, mesh.vertices)
    np.testing.assert_array_equal(found.faces, mesh.faces)
    by_trimesh = trimesh.load_mesh(path, process=False)  # another reader takes the file, too
    np.testing.assert_allclose(by_trimesh.vertices, mesh.vertices, rtol=1e-15)


def test_a_mesh_without_faces_can_be_written(tmp_path):
    for file_type in ("ply", "obj"):
        assert mesh_bytes(trimesh.Trimesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=int)), file_type) is not None


def test_stl_far_from_the_origin_keeps_every_bit(tmp_path):
    far = moved(5.0, [5e5, 5.4e6, 100.0])
    path = tmp_path / "a.stl"
    path.write_bytes(mesh_bytes(far, "stl"))
    np.testing.assert_array_equal(read_mesh(path).triangles, far.triangles)
    by_trimesh = trimesh.load_mesh(path, process=False)
    np.testing.assert_allclose(by_trimesh.triangles, far.triangles, rtol=1e-7)
    path.write_bytes(mesh_bytes(moved(5.0, 0.0), "stl"))
    assert path.stat().st_size == 84 + 50 * len(far.faces)


def test_stl_warns_of_what_it_loses():
    far = moved(5.0, [5e5, 5.4e6, 100.0])
    assert "by up to 0.25" in rounding_warning(far, "stl")
    assert rounding_warning(far, "ply") == rounding_warning(far, "obj") == ""
    assert rounding_warning(moved(5.0, 0.0), "stl") == ""
