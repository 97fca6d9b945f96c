import os
import sys
from pathlib import Path

import pytest
from mesh_datasets import DatasetUnavailable, InvalidShape, UnknownDataset, load

from bench.commands.run import split_datasets
from bench.planning.references import prepare
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


def bad_folder(root):
    """A good mesh amidst everything that only looks like one; returns the names of the latter."""
    write_obj(root / "good.obj")
    (root / "gone.obj").symlink_to("/nowhere/at/all.obj")
    (root / "._good.obj").write_bytes(b"\x00\x05\x16\x07" + bytes(60))
    (root / "line.obj").write_text("v 0 0 0\nv .1 .1 .1\nv .3 .3 .3\nf 1 2 3\n")
    (root / "point.obj").write_text("v 1 1 1\nv 2 0 0\nf 1 1 1\n")
    return ["._good.obj", "gone.obj", "line.obj", "point.obj"]


REASONS = {
    "._good.obj": "macOS",
    "gone.obj": "a link leads nowhere",
    "line.obj": "has an area",
    "point.obj": "has an area",
}


def test_what_only_looks_like_a_mesh_is_listed_and_named(tmp_path):
    bad = bad_folder(tmp_path)
    shapes = load(f"folder:{tmp_path}")
    assert sorted(shape.name for shape in shapes) == sorted([*bad, "good.obj"])
    for shape in shapes:
        if shape.name in bad:
            with pytest.raises(InvalidShape, match=REASONS[shape.name]) as caught:
                shape.load()
            assert shape.name in str(caught.value)
            assert isinstance(shape.source_bytes, int)
        else:
            shape.load()


def test_a_link_that_leads_somewhere_again_is_another_shape(tmp_path):
    link = tmp_path / "a.obj"
    link.symlink_to(tmp_path / "later.obj")
    before = load(f"folder:{link.parent}")[0].stamp
    write_obj(tmp_path / "later.obj")
    assert load(f"folder:{link.parent}")[0].stamp != before


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_is_not_utf_8_is_invalid_and_can_be_printed(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.obj")).write_text("v 0 0 0\n")
    shape = load(f"folder:{tmp_path}")[0]
    assert shape.name == "caf\\xe9.obj"
    with pytest.raises(InvalidShape, match="not UTF-8") as caught:
        shape.load()
    (shape.name + shape.stamp + str(caught.value)).encode()


def test_everything_but_the_good_mesh_is_left_out(tmp_path):
    bad = bad_folder(tmp_path / "meshes")
    shapes = load(f"folder:{tmp_path / 'meshes'}")
    prepared = prepare(shapes, tmp_path / "cache", skip_invalid=True)
    assert [reference.name for reference in prepared.references] == ["good.obj"]
    assert sorted(name for name, _ in prepared.skipped) == sorted(bad)


def test_commas_in_the_path_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a, b").mkdir()
    (tmp_path / "a").mkdir()
    assert split_datasets("sample, folder:a, b,procedural:3") == ["sample", "folder:a, b", "procedural:3"]
    assert split_datasets("folder:a,sample") == ["folder:a", "sample"]
    assert split_datasets("folder:missing,folder:a") == ["folder:missing", "folder:a"]
    assert split_datasets(f"folder:{tmp_path}/a, b") == [f"folder:{tmp_path}/a, b"]
