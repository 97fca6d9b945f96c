import base64
import json

import DracoPy
import numpy as np
import pytest
from mesh_datasets.errors import InvalidShape
from scipy.spatial.transform import Rotation

from tests.datasets.mesh_files.packages import Gltf
from tests.datasets.mesh_files.solids import BOX, BOX_TRIANGLES, assert_box, assert_solid, written

STRIP = [7, 3, 5, 1, 0, 3, 2, 7, 6, 5, 4, 0, 6, 2]


@pytest.fixture
def gltf():
    return Gltf()


def read(tmp_path, gltf, primitive, **tree):
    return written(tmp_path / "a.glb", gltf.glb(meshes=[{"primitives": [primitive]}], **tree))


def test_sparse_values_are_put_in(tmp_path, gltf):
    flat = BOX.copy()
    flat[[1, 5]] = 0
    rows, values = gltf.view(bytes([1, 5])), gltf.view(BOX[[1, 5]].astype("<f4").tobytes())
    sparse = {"count": 2, "indices": {"bufferView": rows, "componentType": 5121}, "values": {"bufferView": values}}
    part = gltf.part(flat, BOX_TRIANGLES)
    gltf.tree["accessors"][part["attributes"]["POSITION"]]["sparse"] = sparse
    assert_box(read(tmp_path, gltf, part))


def test_sparse_values_over_zeros(tmp_path, gltf):
    rows, values = gltf.view(bytes(range(1, 8))), gltf.view(BOX[1:].astype("<f4").tobytes())
    sparse = {"count": 7, "indices": {"bufferView": rows, "componentType": 5121}, "values": {"bufferView": values}}
    part = gltf.part(BOX, BOX_TRIANGLES)
    del gltf.tree["accessors"][part["attributes"]["POSITION"]]["bufferView"]
    gltf.tree["accessors"][part["attributes"]["POSITION"]]["sparse"] = sparse
    assert_box(read(tmp_path, gltf, part))


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2"])
def test_normalised_integers_are_fractions(tmp_path, gltf, kind):
    largest = np.iinfo(kind).max
    part = gltf.part(np.round(BOX / 4 * largest), BOX_TRIANGLES, kind)
    gltf.tree["accessors"][part["attributes"]["POSITION"]]["normalized"] = True
    mesh = read(
        tmp_path, gltf, part, extensionsRequired=["KHR_mesh_quantization"], nodes=[{"mesh": 0, "scale": [4] * 3}]
    )
    np.testing.assert_allclose(mesh.bounds, [[0, 0, 0], [2, 3, 4]], atol=4 / largest)


def test_integers_that_are_not_normalised_are_themselves(tmp_path, gltf):
    assert_box(read(tmp_path, gltf, gltf.part(BOX, BOX_TRIANGLES, "i2"), extensionsRequired=["KHR_mesh_quantization"]))


def test_values_side_by_side(tmp_path, gltf):
    part = gltf.part(np.hstack([BOX, BOX]), BOX_TRIANGLES)
    position = gltf.tree["accessors"][part["attributes"]["POSITION"]]
    position["type"] = "VEC3"
    gltf.tree["bufferViews"][position["bufferView"]]["byteStride"] = 24
    assert_box(read(tmp_path, gltf, part))


@pytest.mark.parametrize("mode", [4, 5, 6])
@pytest.mark.parametrize("numbered", [True, False])
def test_strips_fans_and_parts_without_indices(tmp_path, gltf, mode, numbered):
    corners = {4: np.ravel(BOX_TRIANGLES), 5: np.array(STRIP), 6: np.array([0, 1, 3, 2, 6, 4, 5, 1])}[mode]
    part = {"mode": mode, "attributes": {"POSITION": gltf.accessor(BOX if numbered else BOX[corners], "f4")}}
    if numbered:
        part["indices"] = gltf.accessor(corners, "u1")
    mesh = read(tmp_path, gltf, part)
    if mode == 6:  # the three sides at one corner
        np.testing.assert_allclose([mesh.area, len(mesh.faces)], [26, 6])
    else:
        assert abs(mesh.volume) == pytest.approx(24)
        assert mesh.is_watertight


def test_points_and_lines_are_left_out(tmp_path, gltf):
    part = gltf.part(BOX, BOX_TRIANGLES)
    parts = [{**part, "mode": mode} for mode in (0, 1, 2, 3)] + [part]
    assert_box(written(tmp_path / "a.glb", gltf.glb(meshes=[{"primitives": parts}])))


@pytest.mark.parametrize("required", [["EXT_mesh_gpu_instancing"], []])
def test_instances(tmp_path, gltf, required):
    places = gltf.accessor([[0, 0, 0], [9, 0, 0], [0, 9, 0]], "f4")
    turns = gltf.accessor([[0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]], "f4")
    node = {
        "mesh": 0,
        "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places, "ROTATION": turns}}},
    }
    mesh = read(tmp_path, gltf, gltf.part(BOX, BOX_TRIANGLES), nodes=[node], extensionsRequired=required)
    assert_box(mesh, copies=3)
    np.testing.assert_allclose(mesh.bounds, [[0, -3, -4], [9, 9, 4]], atol=1e-6)


def test_nodes_move_turn_scale_and_mirror(tmp_path, gltf):
    turn = Rotation.from_euler("xyz", [0.3, -0.5, 1.1])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.diag([-1, 1, 1]), [1, 2, 3]
    nodes = [
        {"children": [1], "rotation": turn.as_quat().tolist(), "translation": [5, 6, 7], "scale": [1, 2, 3]},
        {"mesh": 0, "matrix": matrix.T.ravel().tolist()},
    ]
    mesh = read(tmp_path, gltf, gltf.part(BOX, BOX_TRIANGLES), nodes=nodes)
    expected = turn.apply((BOX * [-1, 1, 1] + [1, 2, 3]) * [1, 2, 3]) + np.array([5, 6, 7])
    np.testing.assert_allclose(mesh.vertices, expected[mesh_order(expected, mesh.vertices)], atol=1e-6)
    assert mesh.volume == pytest.approx(24 * 6)  # not negative: a mirrored part is turned outside again


def mesh_order(expected, vertices):
    return np.linalg.norm(expected[None] - vertices[:, None], axis=2).argmin(axis=1)


def test_a_node_with_two_parents_stands_twice(tmp_path, gltf):
    nodes = [{"children": [1, 2]}, {"children": [3]}, {"children": [3], "translation": [9, 0, 0]}, {"mesh": 0}]
    assert_box(read(tmp_path, gltf, gltf.part(BOX, BOX_TRIANGLES), nodes=nodes), copies=2)


def test_the_default_scene_alone_is_shown(tmp_path, gltf):
    nodes, scenes = [{"mesh": 0}, {"mesh": 0, "scale": [2, 2, 2]}], [{"nodes": [1]}, {"nodes": [0]}]
    assert_box(read(tmp_path, gltf, gltf.part(BOX, BOX_TRIANGLES), nodes=nodes, scenes=scenes, scene=1))


def test_morph_targets_have_their_default_weights(tmp_path, gltf):
    part = {**gltf.part(BOX, BOX_TRIANGLES), "targets": [{"POSITION": gltf.accessor(BOX, "f4")}]}
    content = gltf.glb(meshes=[{"primitives": [part], "weights": [0.5]}])
    assert_solid(written(tmp_path / "a.glb", content), 52 * 1.5**2, 24 * 1.5**3, 12)


def test_draco(tmp_path, gltf):
    stream = DracoPy.encode(BOX.astype(np.float32), np.array(BOX_TRIANGLES), quantization_bits=16, preserve_order=True)
    part = gltf.part(BOX, BOX_TRIANGLES)
    for accessor in gltf.tree["accessors"]:
        del accessor["bufferView"]
    part["extensions"] = {
        "KHR_draco_mesh_compression": {"bufferView": gltf.view(stream), "attributes": {"POSITION": 0}}
    }
    used = {"extensionsUsed": ["KHR_draco_mesh_compression"], "extensionsRequired": ["KHR_draco_mesh_compression"]}
    mesh = read(tmp_path, gltf, part, **used)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(24, rel=1e-3)


def test_buffers_in_files_and_in_the_text(tmp_path, gltf):
    gltf.glb()
    part = gltf.part(BOX, BOX_TRIANGLES)
    tree = {**gltf.tree, "meshes": [{"primitives": [part]}]}
    (tmp_path / "some data").mkdir()
    (tmp_path / "some data" / "größe 1.bin").write_bytes(gltf.buffer)
    inline = "data:application/octet-stream;base64," + base64.b64encode(gltf.buffer).decode()
    for uri in ("some%20data/gr%C3%B6%C3%9Fe%201.bin", "some data/größe 1.bin", inline):
        tree["buffers"] = [{"uri": uri, "byteLength": len(gltf.buffer)}]
        assert_box(written(tmp_path / "a.gltf", json.dumps(tree)))


@pytest.mark.parametrize(
    ("uri", "file"), [("a%20b.bin", "a%20b.bin"), ("sub\\a.bin", "sub/a.bin"), ("a:b.bin", "a:b.bin")]
)
def test_names_of_buffers_that_some_programs_write(tmp_path, gltf, uri, file):
    (tmp_path / "sub").mkdir()
    part = gltf.part(BOX, BOX_TRIANGLES)
    (tmp_path / file).write_bytes(gltf.buffer)
    buffers = [{"uri": uri, "byteLength": len(gltf.buffer)}]
    tree = {**gltf.tree, "meshes": [{"primitives": [part]}], "buffers": buffers}
    assert_box(written(tmp_path / "a.gltf", json.dumps(tree)))


def changed(gltf, part, name):
    """The file with one fault."""
    position = gltf.tree["accessors"][part["attributes"]["POSITION"]]
    tree = {}
    match name:
        case "meshopt":
            tree = {"extensionsRequired": ["EXT_meshopt_compression"]}
        case "unknown":
            tree = {"extensionsRequired": ["ACME_teapots"]}
        case "count":
            position["count"] = 9
        case "huge count":
            position["count"] = 2**31
        case "huge count of zeros":
            position["count"] = 2**31
            del position["bufferView"]
        case "no count":
            del position["count"]
        case "cycle":
            tree = {"nodes": [{"children": [1]}, {"mesh": 0, "children": [0]}]}
        case "no node":
            tree = {"scenes": [{"nodes": [7]}]}
        case "view":
            gltf.tree["bufferViews"][position["bufferView"]]["byteLength"] = 10**6
        case "version":
            tree = {"asset": {"version": "1.0"}}
        case "corners":
            gltf.tree["accessors"][part["indices"]]["count"] = 35
        case "many nodes":
            tree = {"nodes": [{"children": [i + 1, i + 1]} for i in range(40)] + [{"mesh": 0}]}
        case "many parts":
            tree = {
                "meshes": [{"primitives": [part] * 2000}],
                "nodes": [{"children": list(range(1, 101))}] + [{"mesh": 0}] * 100,
            }
    return gltf.glb(**{"meshes": [{"primitives": [part]}], **tree})


REASONS = {
    "meshopt": "EXT_meshopt_compression is required and not read",
    "unknown": "ACME_teapots is required and not read",
    "count": "states 9 values",
    "huge count": "states 2,147,483,648 values",
    "huge count of zeros": "states 2,147,483,648 values",
    "no count": "count is None",
    "cycle": "its own descendant",
    "no node": "nodes holds no number 7",
    "view": "reaches beyond its buffer",
    "version": "glTF 1.0",
    "corners": "35 corners",
    "many nodes": "repeated more than",
    "many parts": "are repeated until they have",
}


@pytest.mark.parametrize("name", REASONS)
def test_what_is_wrong_is_named(tmp_path, gltf, name):
    with pytest.raises(InvalidShape, match=REASONS[name]) as caught:
        written(tmp_path / "a.glb", changed(gltf, gltf.part(BOX, BOX_TRIANGLES), name))
    assert "a.glb" in str(caught.value)


def test_files_that_are_cut_short_are_refused_wherever_it_is(tmp_path, gltf):
    content = gltf.glb(meshes=[{"primitives": [gltf.part(BOX, BOX_TRIANGLES)]}])
    for length in range(0, len(content), 37):
        with pytest.raises(InvalidShape):
            written(tmp_path / "a.glb", content[:length])


@pytest.mark.parametrize("uri", ["missing.bin", "../a.bin", "file:///etc/hostname", "/etc/hostname"])
def test_buffers_that_are_missing_or_elsewhere(tmp_path, gltf, uri):
    (tmp_path / "a.bin").write_bytes(bytes(1000))
    (tmp_path / "inside").mkdir()
    part = gltf.part(BOX, BOX_TRIANGLES)
    tree = {**gltf.tree, "meshes": [{"primitives": [part]}], "buffers": [{"uri": uri, "byteLength": 100}]}
    with pytest.raises(InvalidShape, match=r"no such file|not below"):
        written(tmp_path / "inside" / "a.gltf", json.dumps(tree))
