import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from mesh_datasets import DatasetUnavailable
from mesh_datasets.fingerprint import mesh_fingerprint
from mesh_datasets.sample.connectivity import encode
from mesh_datasets.sample.pack import LEVELS, Pack, Quantised, quantised, write_pack


def _canonical(faces):
    """Triangles as a sorted list, each turned so that its smallest corner comes first."""
    return sorted(min((a, b, c), (b, c, a), (c, a, b)) for a, b, c in np.asarray(faces).tolist())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=1, max_size=60))
def test_any_faces_come_back_up_to_their_order_and_the_corner_they_start_at(triangles):
    coded, order = encode(np.array(triangles))
    faces, stencils = coded.decode()
    assert _canonical(order[faces]) == _canonical(triangles)
    assert len(stencils) == len(order) == len({v for triangle in triangles for v in triangle})
    assert (stencils < np.arange(len(stencils))[:, None]).all()
    assert faces.max() == len(order) - 1


def test_a_flat_grid_is_predicted_exactly():
    x, y = np.meshgrid(np.arange(8), np.arange(8))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(64)], axis=1)
    corner = np.array([8 * j + i for j in range(7) for i in range(7)])
    faces = np.vstack([np.stack([corner, corner + 1, corner + 9], 1), np.stack([corner, corner + 9, corner + 8], 1)])
    coded, order = encode(faces)
    stencils = coded.decode()[1]
    placed = points[order]
    a, b, c = (placed[stencils[3:, k]] for k in range(3))
    np.testing.assert_array_equal(placed[3:], a + b - c)


def _random_mesh(seed, count=300):
    random = np.random.default_rng(seed)
    integers = random.integers(0, LEVELS + 1, size=(count, 3))
    integers[0], integers[1] = 0, LEVELS
    faces = np.vstack([np.arange(count).reshape(-1, 3), random.integers(0, count, size=(200, 3))])
    return integers, faces


def test_pack_is_lossless_for_any_integers_and_any_faces(tmp_path):
    meshes = []
    for seed in range(3):
        integers, faces = _random_mesh(seed)
        meshes.append(Quantised(f"m{seed}", "object", integers, faces, (0.1, -2.0, 3e7), 1 / 3))
    write_pack(tmp_path / "p.xz", meshes)
    pack = Pack(tmp_path / "p.xz")
    for index, mesh in enumerate(meshes):
        unpacked = pack.mesh(index)
        order = encode(mesh.faces)[1]
        rows = order[np.asarray(unpacked.faces)]
        assert _canonical(rows) == _canonical(mesh.faces)
        expected = np.array(mesh.origin) + mesh.step * mesh.integers.astype(np.float64)[order]
        np.testing.assert_array_equal(unpacked.vertices, expected)
        assert pack.shapes[index].fingerprint == mesh_fingerprint(unpacked)


def test_meshes_of_one_topology_share_it(tmp_path):
    sphere = trimesh.creation.icosphere(subdivisions=3)
    one = quantised("one", "object", sphere.vertices, sphere.faces)
    two = quantised("two", "object", sphere.vertices * [1, 2, 3], sphere.faces)
    write_pack(tmp_path / "p.xz", [one, two])
    shapes = Pack(tmp_path / "p.xz").shapes
    assert [shape.topology for shape in shapes] == [0, 0]
    assert Pack(tmp_path / "p.xz").mesh(1).is_watertight


def test_quantisation_error_is_half_a_step():
    sphere = trimesh.creation.icosphere(subdivisions=3)
    q = quantised("s", "object", sphere.vertices * [1, 1, 5], sphere.faces)
    assert q.integers.min() == 0
    assert q.integers.max() == LEVELS
    back = np.array(q.origin) + q.step * q.integers
    assert abs(back - sphere.vertices * [1, 1, 5]).max() <= q.step * 0.5000001
    assert q.step == pytest.approx(10 / LEVELS)


def test_unpacked_arrays_belong_to_the_caller(tmp_path):
    sphere = trimesh.creation.icosphere(subdivisions=1)
    write_pack(tmp_path / "p.xz", [quantised("s", "object", sphere.vertices, sphere.faces)])
    pack = Pack(tmp_path / "p.xz")
    pack.mesh(0).faces[:] = 0
    assert pack.mesh(0).is_watertight


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped index", "flipped stream", "other format"])
def test_damage_is_noticed_and_the_file_named(tmp_path, damage):
    path = tmp_path / "p.xz"
    sphere = trimesh.creation.icosphere(subdivisions=2)
    if damage != "missing":
        write_pack(path, [quantised("s", "object", sphere.vertices, sphere.faces)])
        data = bytearray(path.read_bytes())
        if damage == "empty":
            data = bytearray()
        elif damage == "cut":
            data = data[:-20]
        elif damage == "flipped index":
            data[60] ^= 1
        elif damage == "flipped stream":
            data[-60] ^= 1
        else:
            import lzma

            data = bytearray(lzma.compress(b'{"format": "other"}'))
        path.write_bytes(data)
    with pytest.raises(DatasetUnavailable, match=r"p\.xz"):
        Pack(path).mesh(0)
