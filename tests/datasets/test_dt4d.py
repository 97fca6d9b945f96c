import struct

import numpy as np
import pytest
from mesh_datasets import InvalidShape, InvalidSplit, load
from mesh_datasets.anime import AnimeHeader, read_frame, read_header

from tests.datasets.writers import TETRAHEDRON, anime_bytes, write_anime, write_dt4d

V, F = TETRAHEDRON


def test_frames_are_offsets_from_the_first(tmp_path):
    random = np.random.default_rng(0)
    frames = (V + random.normal(size=(4, 4, 3))).astype(np.float32)
    path = tmp_path / "a.anime"
    path.write_bytes(anime_bytes(frames, F))
    assert read_header(path) == AnimeHeader(4, 4, 4)
    for number in range(4):
        mesh = read_frame(path, number)
        np.testing.assert_allclose(mesh.vertices, frames[number], atol=1e-6)
        np.testing.assert_array_equal(mesh.faces, F)
    np.testing.assert_array_equal(read_frame(path, 0).vertices, frames[0].astype(np.float64))


@pytest.mark.parametrize("frame", [-1, 3, 10**12])
def test_no_such_frame(tmp_path, frame):
    with pytest.raises(InvalidShape, match="frames 0 to 2"):
        read_frame(write_anime(tmp_path / "a.anime", 3), frame)


GOOD = anime_bytes(np.stack([V, V + 1]), F)
HOSTILE = {
    "empty": b"",
    "short header": GOOD[:11],
    "cut": GOOD[:-1],
    "longer": GOOD + b"\0",
    "no frames": struct.pack("<3i", 0, 4, 4) + GOOD[12:],
    "negative": struct.pack("<3i", -1, -4, 4) + GOOD[12:],
    "huge": struct.pack("<3i", 2**31 - 1, 2**31 - 1, 2**31 - 1),
    "overflow to the right size": struct.pack("<3i", 2**30 + 2, 4, 4) + GOOD[12:],
    "index": GOOD[:60] + struct.pack("<3i", 0, 1, 4) + GOOD[72:],
    "negative index": GOOD[:60] + struct.pack("<3i", 0, 1, -1) + GOOD[72:],
    "nan": GOOD[:12] + struct.pack("<f", float("nan")) + GOOD[16:],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_named(tmp_path, name):
    path = tmp_path / "a.anime"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(InvalidShape, match=r"a\.anime"):
        read_frame(path, 1)


def test_nan_in_a_late_offset_costs_that_frame_only(tmp_path):
    path = tmp_path / "a.anime"
    path.write_bytes(GOOD[:-4] + struct.pack("<f", float("nan")))
    assert len(read_frame(path, 0).faces) == 4
    with pytest.raises(InvalidShape, match="frame 1: 1 of 4 vertices"):
        read_frame(path, 1)


@pytest.mark.parametrize("folder", ["", "dt4d", "DeformingThings4D"])
def test_choice_is_made_among_the_animals(tmp_path, folder):
    write_dt4d(tmp_path / folder)
    shapes = load("dt4d", data_root=tmp_path)
    assert [s.name for s in shapes] == [f"bearA_walk/{i:04d}" for i in range(3)] + ["foxB_run/0000", "foxB_run/0001"]
    assert shapes.categories == ("animal",)
    assert shapes.provenance["group"] == "animals"
    assert shapes[2].load().bounds[0, 0] == 2.0


def test_split_may_name_any_frame(tmp_path):
    split = tmp_path / "split.txt"
    split.write_text("manC_sit 0003.obj\nbearA_walk 0000.obj\n")
    shapes = load("dt4d", data_root=write_dt4d(tmp_path), split=split)
    assert [shape.name for shape in shapes] == ["manC_sit/0003", "bearA_walk/0000"]
    assert shapes.categories == ("human", "animal")
    split.write_text("bearA_walk 0003.obj\n")
    with pytest.raises(InvalidSplit, match="bearA_walk/0003"):
        load("dt4d", data_root=tmp_path, split=split)


def test_only_humanoids_or_a_flat_folder_are_taken_too(tmp_path):
    write_anime(tmp_path / "humanoids" / "manC_sit" / "manC_sit.anime")
    assert load("dt4d", data_root=tmp_path).categories == ("human",)
    write_anime(tmp_path / "flat" / "dt4d" / "one.anime", 2)
    assert len(load("dt4d", data_root=tmp_path / "flat")) == 2


def test_source_bytes_are_those_of_a_file_with_one_frame(tmp_path):
    shapes = load("dt4d", data_root=write_dt4d(tmp_path))
    single = len(anime_bytes(V[None], F))
    assert {shape.source_bytes for shape in shapes} == {single}
    assert single == 12 + 12 * 4 + 12 * 4
    assert len({shape.stamp for shape in shapes}) == len(shapes)


def test_a_damaged_file_is_one_shape_that_says_so(tmp_path):
    write_dt4d(tmp_path)
    bad = tmp_path / "animals" / "aaaD_bad" / "aaaD_bad.anime"
    bad.parent.mkdir()
    bad.write_bytes(GOOD[:-4])
    shapes = load("dt4d", data_root=tmp_path)
    assert len(shapes) == 6
    with pytest.raises(InvalidShape, match=r"aaaD_bad\.anime: has .* bytes"):
        shapes[0].load()
