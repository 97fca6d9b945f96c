import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import trimesh
from mesh_datasets import (
    DatasetError,
    DatasetUnavailable,
    InvalidShape,
    InvalidSplit,
    Shape,
    ShapeSet,
    UnknownDataset,
    catalog,
    load,
)
from mesh_datasets.file_shape import binary_ply_size, ply_header

from tests.datasets.writers import write_ama


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(
        UnknownDataset, match=r"'shapenet'.*sample, ama, dt4d, thingi10k, mixed, folder, procedural, poses"
    ):
        load("shapenet")


def two_boxes(request):
    shapes = [Shape(f"box{i}", "object", str(i), trimesh.creation.box, 100) for i in range(2)]
    return ShapeSet("boxes", request.spec, tuple(shapes), {"seed": request.seed})


def test_other_packages_add_data_sets(monkeypatch):
    point = EntryPoint("boxes", f"{__name__}:two_boxes", "necgs_bench.datasets")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == point.group else [])
    assert len(load("boxes", seed=3)) == 2
    assert load("boxes", seed=3, limit=1).provenance["seed"] == 3
    with pytest.raises(UnknownDataset, match="boxes"):
        load("unknown")


def test_catalogue_tells_all_that_is_needed(tmp_path):
    write_ama(tmp_path / "ama")
    entries = {entry.name: entry for entry in catalog(tmp_path)}
    assert list(entries) == ["sample", "ama", "dt4d", "thingi10k", "mixed", "folder", "procedural", "poses"]
    assert [name for name, entry in entries.items() if entry.found] == [
        "sample",
        "ama",
        "folder",
        "procedural",
        "poses",
    ]
    assert entries["ama"].paths == (tmp_path / "ama",)
    assert all(entry.title and entry.content and entry.origin and entry.licence for entry in entries.values())
    for name in ("ama", "dt4d", "thingi10k", "mixed"):
        assert entries[name].environment
        assert entries[name].layout


@pytest.mark.parametrize("spec", ["sample", "procedural:2"])
def test_a_data_root_for_other_sets_is_no_hindrance(tmp_path, spec):
    assert len(load(spec, data_root=tmp_path)) > 1
    with pytest.raises(UnknownDataset, match="takes no split"):
        load(spec, split=tmp_path / "split.txt")


def test_importing_is_light():
    heavy = ["numpy", "scipy", "trimesh", "torch", "manifold3d"]
    code = f"import sys, bench, mesh_datasets; mesh_datasets.catalog(); print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("kind", [UnknownDataset, DatasetUnavailable, InvalidSplit, InvalidShape])
def test_errors_form_a_tree_and_survive_pickling(kind):
    error = pickle.loads(pickle.dumps(kind("what", "do this")))
    assert isinstance(error, DatasetError)
    assert type(error) is kind
    assert str(error) == "what (do this)"
    assert str(kind("what")) == "what"


def test_ply_size_is_that_of_a_file(tmp_path):
    mesh = trimesh.creation.icosphere(subdivisions=2)
    faces = np.empty(len(mesh.faces), dtype=[("n", "u1"), ("v", "<i4", 3)])
    faces["n"], faces["v"] = 3, mesh.faces
    path = tmp_path / "a.ply"
    head = ply_header(len(mesh.vertices), len(mesh.faces))
    path.write_bytes(head + mesh.vertices.astype("<f4").tobytes() + faces.tobytes())
    assert path.stat().st_size == binary_ply_size(len(mesh.vertices), len(mesh.faces))
    assert trimesh.load(path, process=False).is_watertight
