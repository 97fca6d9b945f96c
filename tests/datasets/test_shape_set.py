import pickle
from functools import partial

import pytest
import trimesh
from mesh_datasets import Shape, ShapeSet, UnknownDataset, load

from tests.datasets.writers import write_obj


def _shapes(*categories):
    box = partial(trimesh.creation.box, (1, 2, 3))
    return tuple(Shape(f"s{i}", category, str(i), box, 10 + i) for i, category in enumerate(categories))


def test_take_is_evenly_spaced_and_keeps_all_categories():
    whole = ShapeSet("x", "x", _shapes(*["a"] * 16, *["b"] * 16, *["c"] * 16))
    three = whole.take(3)
    assert three.categories == ("a", "b", "c")
    assert [shape.name for shape in three] == ["s8", "s24", "s40"]
    assert {c: [s.category for s in whole.take(12)].count(c) for c in "abc"} == {"a": 4, "b": 4, "c": 4}
    assert three.provenance == {"limit": 3, "limited_from": 48}


@pytest.mark.parametrize("count", range(1, 8))
def test_take_gives_that_many_different_shapes_in_order(count):
    names = [shape.name for shape in ShapeSet("x", "x", _shapes(*"aaaaaaa")).take(count)]
    assert len(set(names)) == count
    assert names == sorted(names)


def test_take_more_than_there_are_is_all_and_less_than_one_is_an_error():
    whole = ShapeSet("x", "x", _shapes("a", "b"))
    assert whole.take(5) is whole
    with pytest.raises(UnknownDataset, match="limit of 0"):
        whole.take(0)


def test_two_shapes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two shapes are named s0"):
        ShapeSet("x", "x", _shapes("a") * 2)


def test_is_a_sequence_with_slices_and_a_sum_of_bytes():
    whole = ShapeSet("x", "x", _shapes("a", "a", "b"))
    assert whole[1:].name == "x"
    assert [shape.name for shape in whole[1:]] == ["s1", "s2"]
    assert whole[-1] in whole
    assert whole.source_bytes == 10 + 11 + 12
    assert [shape.name for shape in whole.without(["s1"])] == ["s0", "s2"]
    assert whole.without(["s1"]).provenance["left_out"] == ["s1"]


def test_bytes_can_be_found_out_late():
    assert Shape("a", "b", "c", trimesh.Trimesh, lambda: 7).source_bytes == 7


def test_shapes_travel_to_other_processes_and_load_there(tmp_path):
    shape = load(f"folder:{write_obj(tmp_path / 'a.obj').parent}")[0]
    again = pickle.loads(pickle.dumps(shape))
    assert again.stamp == shape.stamp
    assert len(again.load().faces) == 4
