import pytest
from mesh_datasets import DatasetUnavailable, UnknownDataset, load

from tests.datasets.writers import TETRAHEDRON, write_obj, write_stl


def test_takes_every_mesh_file_below_and_nothing_else(tmp_path):
    write_obj(tmp_path / "b" / "two.obj")
    write_stl(tmp_path / "a" / "deep" / "one.STL", *TETRAHEDRON)
    write_obj(tmp_path / "top.obj")
    write_obj(tmp_path / ".hidden" / "no.obj")
    (tmp_path / "b" / "two.mtl").write_text("newmtl x")
    (tmp_path / "b" / "notes.txt").write_text("hello")
    shapes = load(f"folder:{tmp_path}")
    assert [shape.name for shape in shapes] == ["a/deep/one.STL", "b/two.obj", "top.obj"]
    assert [shape.category for shape in shapes] == ["a", "b", "folder"]
    assert shapes.name == f"folder:{tmp_path.name}"
    assert all(shape.load().is_watertight for shape in shapes)
    assert shapes.source_bytes == sum((tmp_path / shape.name).stat().st_size for shape in shapes)


def test_links_are_followed_once(tmp_path):
    write_obj(tmp_path / "real" / "a.obj")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(root)
    assert [shape.name for shape in load(f"folder:{root}")] == ["link/a.obj"]


def test_a_single_file(tmp_path):
    path = write_obj(tmp_path / "a.obj")
    assert [shape.name for shape in load(f"folder:{path}")] == ["a.obj"]


def test_limit_spaces_evenly(tmp_path):
    for index in range(9):
        write_obj(tmp_path / f"{index}.obj")
    assert [shape.name for shape in load(f"folder:{tmp_path}", limit=3)] == ["1.obj", "4.obj", "7.obj"]


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetUnavailable, match="no mesh file below"):
        load(f"folder:{tmp_path}")
    with pytest.raises(DatasetUnavailable, match="no such folder"):
        load(f"folder:{tmp_path / 'none'}")
    with pytest.raises(UnknownDataset, match="needs a path"):
        load("folder")


def test_takes_no_split(tmp_path):
    write_obj(tmp_path / "a.obj")
    with pytest.raises(UnknownDataset, match="takes no split"):
        load(f"folder:{tmp_path}", split=tmp_path / "split.txt")
