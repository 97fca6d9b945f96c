import json

import pytest
from mesh_datasets import DatasetUnavailable, InvalidSplit, UnknownDataset, catalog, load

from tests.datasets.writers import write_ama, write_dt4d, write_thingi10k


@pytest.fixture
def root(tmp_path):
    write_ama(tmp_path / "ama")
    write_dt4d(tmp_path / "dt4d")
    write_thingi10k(tmp_path / "thingi10k")
    return tmp_path


def test_composition(root):
    shapes = load("mixed", data_root=root, per_set=2)
    assert len(shapes) == 6
    assert [shape.name.split("/")[0] for shape in shapes] == ["ama"] * 2 + ["dt4d"] * 2 + ["thingi10k"] * 2
    assert shapes.categories == ("human", "animal", "object")
    assert [part["shapes"] for part in shapes.provenance["parts"]] == [2, 2, 2]
    assert json.loads(json.dumps(shapes.provenance)) == shapes.provenance
    assert all(len(shape.load().faces) == 4 for shape in shapes)


def test_default_takes_all_when_there_are_fewer_than_200(root):
    shapes = load("mixed", data_root=root)
    assert len(shapes) == 5 + 5 + 3
    assert shapes.provenance["parts"][2]["selection"] == "all 3 shapes that were found; 200 were wanted"


def test_seed_decides_and_each_part_is_in_the_set_alone(root):
    one = [shape.name for shape in load("mixed", data_root=root, per_set=2, seed=5)]
    assert one == [shape.name for shape in load("mixed", data_root=root, per_set=2, seed=5)]
    assert any(one != [s.name for s in load("mixed", data_root=root, per_set=2, seed=seed)] for seed in range(5))


def test_environment(root, monkeypatch):
    monkeypatch.setenv("NECGS_BENCH_DATA", str(root))
    assert len(load("mixed", per_set=1)) == 3
    monkeypatch.delenv("NECGS_BENCH_DATA")
    monkeypatch.setenv("AMA_ROOT", str(root / "ama"))
    monkeypatch.setenv("DT4D_ROOT", str(root / "dt4d"))
    monkeypatch.setenv("THINGI10K_ROOT", str(root / "thingi10k"))
    assert len(load("mixed", per_set=1)) == 3


def test_limit_keeps_the_three(root):
    assert load("mixed", data_root=root, limit=3).categories == ("human", "animal", "object")


def test_one_split_for_all(root):
    split = root / "split.txt"
    split.write_text("72214.obj\nfoxB_run 0001.obj\ncrane,mesh_0019.obj\n65004.obj\n")
    names = [shape.name for shape in load("mixed", data_root=root, split=split)]
    assert names == ["ama/crane/mesh_0019", "dt4d/foxB_run/0001", "thingi10k/72214", "thingi10k/65004"]
    split.write_text("what is this\n")
    with pytest.raises(InvalidSplit, match="line 1"):
        load("mixed", data_root=root, split=split)


def test_all_that_is_missing_is_named_at_once(tmp_path):
    write_ama(tmp_path / "ama")
    with pytest.raises(DatasetUnavailable) as caught:
        load("mixed", data_root=tmp_path)
    assert "data set dt4d was not found" in str(caught.value)
    assert "data set thingi10k was not found" in str(caught.value)
    assert "data set ama" not in str(caught.value)
    assert not {entry.name: entry.found for entry in catalog(tmp_path)}["mixed"]


def test_nothing_per_set_is_refused(root):
    with pytest.raises(UnknownDataset, match="0 shapes per set"):
        load("mixed", data_root=root, per_set=0)
