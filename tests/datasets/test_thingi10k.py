import numpy as np
import pytest
from mesh_datasets import DatasetUnavailable, InvalidShape, InvalidSplit, load

from tests.datasets.writers import TETRAHEDRON, write_obj, write_stl, write_thingi10k

V, F = TETRAHEDRON
NAMES = ["65004", "72214", "100032"]


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NECGS_BENCH_DATA", raising=False)
    monkeypatch.delenv("THINGI10K_ROOT", raising=False)


def _npz(folder, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        np.savez(folder / f"{name}.npz", **arrays)


@pytest.mark.parametrize("inner", ["", "Thingi10K", "thingi10k"])
def test_raw_files_sorted_by_id(tmp_path, inner):
    write_thingi10k(tmp_path / inner)
    shapes = load("thingi10k", data_root=tmp_path)
    assert [shape.name for shape in shapes] == NAMES
    assert all(shape.load().is_watertight for shape in shapes)
    assert shapes.categories == ("object",)
    assert shapes[0].source_bytes == 84 + 50 * 4


def test_flat_obj(tmp_path):
    for name in NAMES:
        write_obj(tmp_path / f"{name}.obj")
    (tmp_path / "readme.obj").write_text("not a model")
    assert [shape.name for shape in load("thingi10k", data_root=tmp_path)] == NAMES


@pytest.mark.parametrize("place", ["npz", "thingi10k_npz_extracted/npz"])
def test_npz(tmp_path, place):
    _npz(tmp_path / place, vertices=V, facets=F.astype(np.uint32))
    mesh = load("thingi10k", data_root=tmp_path)[0].load()
    np.testing.assert_array_equal(mesh.faces, F)


def test_cache_of_the_package_is_found_without_a_root(tmp_path):
    with pytest.raises(DatasetUnavailable, match="cache"):
        load("thingi10k")
    _npz(tmp_path / "cache" / "thingi10k_npz_extracted" / "npz", vertices=V, facets=F)
    assert len(load("thingi10k")) == 3


@pytest.mark.parametrize(
    "arrays",
    [
        {"vertices": V},
        {"vertices": V, "facets": F + 9},
        {"vertices": V * np.nan, "facets": F},
        {"vertices": V, "facets": np.array([None])},
    ],
)
def test_bad_npz_is_named(tmp_path, arrays):
    _npz(tmp_path, **arrays)
    with pytest.raises(InvalidShape, match=r"65004\.npz"):
        load("thingi10k", data_root=tmp_path)[0].load()


def test_npz_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "5.npz").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InvalidShape, match=r"5\.npz"):
        load("thingi10k", data_root=tmp_path)[0].load()


def test_split_of_obj_names_finds_files_of_any_kind(tmp_path):
    split = tmp_path / "split.txt"
    split.write_text("100032.obj\n65004.obj\n")
    shapes = load("thingi10k", data_root=write_thingi10k(tmp_path), split=split)
    assert [shape.name for shape in shapes] == ["100032", "65004"]
    split.write_text("100032.obj\n7.obj\n")
    with pytest.raises(InvalidSplit, match=r"1 of the 2 .* 7"):
        load("thingi10k", data_root=tmp_path, split=split)


def test_one_id_in_two_kinds_is_one_shape(tmp_path):
    write_stl(tmp_path / "raw_meshes" / "7.stl", V, F)
    write_obj(tmp_path / "raw_meshes" / "7.obj")
    shapes = load("thingi10k", data_root=tmp_path)
    assert len(shapes) == 1
    assert "7.obj" in shapes[0].stamp
