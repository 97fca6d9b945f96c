import os
import struct

import numpy as np
import pytest
import trimesh
from mesh_datasets.errors import InvalidShape
from mesh_datasets.mesh_files.reading import read_mesh
from mesh_datasets.mesh_files.surface import checked, weld

from tests.datasets.writers import TETRAHEDRON, obj_text, write_obj, write_stl

V, F = TETRAHEDRON
TEXT = obj_text(V, F)


def test_obj_keeps_order_of_vertices_and_faces(tmp_path):
    mesh = read_mesh(write_obj(tmp_path / "a.obj"))
    np.testing.assert_array_equal(mesh.vertices, V)
    np.testing.assert_array_equal(mesh.faces, F)
    assert mesh.vertices.dtype == np.float64
    assert mesh.faces.dtype == np.int64


def test_obj_is_not_repaired(tmp_path):
    path = tmp_path / "a.obj"
    vertices = np.vstack([V, V[:1], [[5, 5, 5]]])  # an equal vertex, an unused vertex
    faces = np.vstack([F, [[0, 0, 1], [0, 2, 1], [4, 1, 2]]])  # a degenerate face, a duplicate, one on the equal vertex
    path.write_text(obj_text(vertices, faces))
    mesh = read_mesh(path)
    np.testing.assert_array_equal(mesh.vertices, vertices)
    np.testing.assert_array_equal(mesh.faces, faces)


def test_stl_soup_is_welded_exactly(tmp_path):
    mesh = read_mesh(write_stl(tmp_path / "a.STL", V, F))
    assert len(mesh.vertices) == 4
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(1.0)


def test_stl_keeps_near_duplicates(tmp_path):
    near = np.vstack([V, [0, 0, 1e-7]])
    faces = F.copy()
    faces[0, 0] = 4
    assert len(read_mesh(write_stl(tmp_path / "a.stl", near, faces)).vertices) == 5


def test_ascii_stl(tmp_path):
    path = tmp_path / "a.stl"
    trimesh.Trimesh(V, F, process=False).export(path, file_type="stl_ascii")
    assert read_mesh(path).is_watertight


@pytest.mark.parametrize("suffix", ["ply", "off", "obj", "stl", "glb"])
def test_formats_that_trimesh_writes(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    box = trimesh.creation.icosphere(subdivisions=2)
    trimesh.Trimesh(box.vertices, box.faces, process=False).export(path)
    mesh = read_mesh(path)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(box.volume, rel=1e-5)


def test_texture_seams_do_not_tear_an_obj_apart(tmp_path):
    path = tmp_path / "a.obj"
    corners = [
        f"f {a + 1}/{3 * i + 1} {b + 1}/{3 * i + 2} {c + 1}/{3 * i + 3}" for i, (a, b, c) in enumerate(F.tolist())
    ]
    lines = [f"v {x} {y} {z}" for x, y, z in V.tolist()] + [f"vt 0.{i} 0.{i % 7}" for i in range(12)]
    path.write_text("\n".join(["mtllib missing.mtl", *lines, "usemtl red", *corners]) + "\n")
    mesh = read_mesh(path)
    assert len(mesh.vertices) == 4
    assert mesh.is_watertight


def test_groups_and_scenes_become_one_mesh(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text("o one\n" + TEXT + "o two\n" + "".join(f"v {x + 9} {y} {z}\n" for x, y, z in V) + "f 5 7 6\n")
    assert len(read_mesh(path).faces) == 5
    scene = trimesh.Scene()
    moved = np.eye(4)
    moved[0, 3] = 10.0
    scene.add_geometry(trimesh.creation.box())
    scene.add_geometry(trimesh.creation.box(), transform=moved)
    scene.export(tmp_path / "s.glb")
    mesh = read_mesh(tmp_path / "s.glb")
    assert mesh.body_count == 2
    assert mesh.bounds[1, 0] == pytest.approx(10.5)


def test_quads_become_triangles(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n")
    assert len(read_mesh(path).faces) == 2


PLY_AXES = b"".join(b"property float %c\n" % axis for axis in b"xyz")
PLY_POINT = b"ply\nformat ascii 1.0\nelement vertex 1\n" + PLY_AXES + b"end_header\n0 0 0\n"

BROKEN = {
    "empty.obj": b"",
    "points.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\n",
    "nan.obj": TEXT.replace("2.0", "nan").encode(),
    "inf.obj": TEXT.replace("2.0", "inf").encode(),
    "range.obj": (TEXT + "f 1 2 99\n").encode(),
    "noise.obj": bytes(range(256)) * 8,
    "empty.stl": b"",
    "zero.stl": b"\0" * 84,
    "short.stl": b"\0" * 80 + struct.pack("<I", 1000) + b"\0" * 50,
    "noise.ply": b"ply\nnonsense\n",
    "cloud.ply": PLY_POINT,
    "negative.off": b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 -1\n",
    "range.off": b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n",
    "noise.glb": b"glTFnonsense",
    "unknown.xyzzy": b"what",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    with pytest.raises(InvalidShape) as caught:
        read_mesh(path)
    assert str(path) in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.obj")
    (tmp_path / "endless.ply").symlink_to("/dev/zero")
    (tmp_path / "folder.stl").mkdir()
    (tmp_path / "circle.off").symlink_to("circle.off")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InvalidShape, match=path.name):
            read_mesh(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidShape, match="no such file"):
        read_mesh(tmp_path / "a.obj")


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (V, F - 1, "run from -1 to 2"),
        (V, F + 1, "run from 1 to 4, but there are 4"),
        (V[:, :2], F, r"\(4, 2\)"),
        (V, F[:, :2], r"\(4, 2\)"),
        (V, F[:0], "no triangles"),
        ([["a"]], F, "not numbers"),
    ],
)
def test_checked_says_what_is_wrong(vertices, faces, message):
    with pytest.raises(InvalidShape, match=f"thing: .*{message}"):
        checked(vertices, faces, "thing")


def test_weld_joins_both_zeros_and_keeps_first_order_and_all_faces():
    vertices = np.array([[1.0, 0, 0], [0, 0, 0], [-0.0, 0, -0.0], [1, 0, 0], [0, 1, 0]])
    welded = weld(trimesh.Trimesh(vertices, [[0, 1, 4], [3, 2, 4], [1, 2, 4]], process=False))
    np.testing.assert_array_equal(welded.vertices, [[1, 0, 0], [0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(welded.faces, [[0, 1, 2], [0, 1, 2], [1, 1, 2]])
