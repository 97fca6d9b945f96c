import numpy as np
import pytest
from mesh_datasets import UnknownDataset, load
from mesh_datasets.file_shape import binary_ply_size
from mesh_datasets.fingerprint import mesh_fingerprint
from mesh_datasets.poses import BODY
from mesh_datasets.sample import unpack


def test_poses_have_the_faces_of_one_body_and_differ():
    meshes = [shape.load() for shape in load("poses:6", seed=3)]
    body = unpack(BODY)
    assert all(np.array_equal(mesh.faces, body.faces) for mesh in meshes)
    assert len({mesh_fingerprint(mesh) for mesh in meshes}) == 6
    moved = [np.abs(mesh.vertices - body.vertices).max() for mesh in meshes]
    assert min(moved) > 0.1


def test_limbs_bend_but_nothing_tears_or_shrinks():
    body = unpack(BODY)
    for shape in load("poses:6", seed=3):
        mesh = shape.load()
        assert mesh.is_watertight
        assert mesh.volume == pytest.approx(body.volume, rel=0.1)
        assert mesh.edges_unique_length.max() < 3 * body.edges_unique_length.max()
        before, after = (m.area for m in (body, mesh))
        assert after == pytest.approx(before, rel=0.1)


def test_a_pose_depends_on_seed_and_index_only():
    long, short, other = load("poses:10", seed=4), load("poses:3", seed=4), load("poses:3", seed=5)
    assert mesh_fingerprint(long[2].load()) == mesh_fingerprint(short[2].load())
    assert mesh_fingerprint(other[2].load()) != mesh_fingerprint(short[2].load())
    assert other[2].stamp != short[2].stamp


def test_source_bytes_are_those_of_a_ply():
    shape = load("poses:20000")[1]
    mesh = shape.load()
    assert shape.source_bytes == binary_ply_size(len(mesh.vertices), len(mesh.faces))


@pytest.mark.parametrize("spec", ["poses", "poses:", "poses:0", "poses:-3", "poses:many"])
def test_needs_a_number(spec):
    with pytest.raises(UnknownDataset, match="poses:100"):
        load(spec)
