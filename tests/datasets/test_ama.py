import pytest
from mesh_datasets import DatasetUnavailable, InvalidSplit, UnknownDataset, load
from mesh_datasets.ama import ARCHIVE_NAMES, sequence_name

from tests.datasets.writers import write_ama

NAMES = ["crane/mesh_0000", "crane/mesh_0002", "crane/mesh_0019", "march2/mesh_0003", "march2/mesh_0004"]


@pytest.mark.parametrize("layout", ["{}/meshes", "{}"])
def test_both_layouts_and_archive_names(tmp_path, layout):
    shapes = load("ama", data_root=write_ama(tmp_path, layout))
    assert [shape.name for shape in shapes] == NAMES
    assert shapes.categories == ("human",)
    assert shapes.provenance["selection"] == "all 5 shapes that were found; 500 were wanted"
    assert shapes[1].load().bounds[1, 2] == pytest.approx(9.0)


@pytest.mark.parametrize("folder", ["ama", "AMA", "mesh_animation"])
def test_is_found_under_a_common_root(tmp_path, folder):
    write_ama(tmp_path / folder)
    assert len(load("ama", data_root=tmp_path)) == 5


@pytest.mark.parametrize("variable", ["AMA_ROOT", "NECGS_BENCH_DATA"])
def test_environment_is_read_and_a_data_root_overrules_it(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, str(write_ama(tmp_path / "ama").parent))
    assert len(load("AMA")) == 5
    with pytest.raises(DatasetUnavailable):
        load("ama", data_root=tmp_path / "elsewhere")


def test_not_found_says_where_and_how(tmp_path, monkeypatch):
    monkeypatch.setenv("AMA_ROOT", str(tmp_path))
    with pytest.raises(DatasetUnavailable) as caught:
        load("ama")
    for part in (str(tmp_path), "AMA_ROOT", "NECGS_BENCH_DATA", "--data-root", "mesh_0000.obj", "csail.mit.edu"):
        assert part in str(caught.value)


def test_split_keeps_its_order(tmp_path):
    split = tmp_path / "split.txt"
    split.write_text("march2,mesh_0004.obj\nI_crane,mesh_0002.obj\n")
    shapes = load("ama", data_root=write_ama(tmp_path / "ama"), split=split)
    assert [shape.name for shape in shapes] == ["march2/mesh_0004", "crane/mesh_0002"]
    assert shapes.provenance["split"] == str(split)


def test_split_with_missing_frames_counts_and_names_them(tmp_path):
    split = tmp_path / "split.txt"
    split.write_text("crane,mesh_0002.obj\ncrane,mesh_0099.obj\nswing,mesh_0001.obj\n")
    with pytest.raises(InvalidSplit, match=r"2 of the 3 shapes .*crane/mesh_0099, swing/mesh_0001"):
        load("ama", data_root=write_ama(tmp_path / "ama"), split=split)


def test_source_bytes_are_file_sizes_and_the_stamp_follows_the_file(tmp_path):
    root = write_ama(tmp_path)
    path = root / "crane" / "meshes" / "mesh_0002.obj"
    before = load("ama", data_root=root)[1]
    assert before.source_bytes == path.stat().st_size
    path.write_text(path.read_text() + "# more\n")
    after = load("ama", data_root=root)[1]
    assert after.stamp != before.stamp
    assert after.source_bytes == before.source_bytes + 7


def test_the_ten_sequences():
    assert len(set(ARCHIVE_NAMES.values())) == 10
    assert sequence_name("D_bouncing") == "bouncing"
    assert sequence_name("march_1") == "march1"
    assert sequence_name("Crane") == "crane"


def test_takes_no_argument(tmp_path):
    with pytest.raises(UnknownDataset, match="takes no argument"):
        load("ama:crane", data_root=write_ama(tmp_path))
    with pytest.raises(UnknownDataset, match="takes no per set"):
        load("ama", data_root=tmp_path, per_set=3)
