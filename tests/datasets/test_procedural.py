import pytest
from mesh_datasets import UnknownDataset, load
from mesh_datasets.file_shape import binary_ply_size
from mesh_datasets.fingerprint import mesh_fingerprint
from mesh_datasets.parts import FAMILIES


def test_parts_are_watertight_connected_different_and_of_every_family():
    shapes = load("procedural:16", seed=4)
    meshes = [shape.load() for shape in shapes]
    assert all(mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0 for mesh in meshes)
    assert all(len(mesh.faces) >= 1000 for mesh in meshes)
    assert len({mesh_fingerprint(mesh) for mesh in meshes}) == 16
    assert {shape.name.split("_")[2] for shape in shapes} == set(FAMILIES)


def test_a_part_depends_on_seed_and_index_only():
    long, short = load("procedural:10", seed=4), load("procedural:3", seed=4)
    assert [shape.name for shape in long[:3]] == [shape.name for shape in short]
    assert mesh_fingerprint(long[2].load()) == mesh_fingerprint(short[2].load())
    other = load("procedural:3", seed=5)
    assert other[2].stamp != short[2].stamp
    assert mesh_fingerprint(other[2].load()) != mesh_fingerprint(short[2].load())


def test_source_bytes_are_found_out_late_and_are_those_of_a_ply():
    shapes = load("procedural:20000")
    mesh = shapes[2].load()
    assert shapes[2].source_bytes == binary_ply_size(len(mesh.vertices), len(mesh.faces))


@pytest.mark.parametrize("spec", ["procedural", "procedural:", "procedural:0", "procedural:-3", "procedural:many"])
def test_needs_a_number(spec):
    with pytest.raises(UnknownDataset, match="procedural:100"):
        load(spec)
