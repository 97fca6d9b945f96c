import hashlib
from collections import Counter

import numpy as np
import pytest
from mesh_datasets import UnknownDataset, load
from mesh_datasets.file_shape import binary_ply_size
from mesh_datasets.fingerprint import mesh_fingerprint
from mesh_datasets.inspection import inspect
from mesh_datasets.sample import PACK_FILE

CONTENT = "78cc6e3c1777e03e1e818201e01a7a00ffed2a4e9fb3859a2cf854694171978e"
"""SHA-256 over the fingerprints of the 48 unpacked meshes, one a line: the content of the sample."""


@pytest.fixture(scope="module")
def meshes():
    return [(shape, shape.load()) for shape in load("sample")]


def test_content_is_pinned(meshes):
    lines = "".join(f"{mesh_fingerprint(mesh)}\n" for _, mesh in meshes)
    assert hashlib.sha256(lines.encode()).hexdigest() == CONTENT


def test_48_shapes_in_three_categories_in_at_most_4_mb(meshes):
    assert PACK_FILE.stat().st_size <= 4_000_000
    assert Counter(shape.category for shape, _ in meshes) == {"human": 16, "animal": 16, "object": 16}
    assert len({mesh_fingerprint(mesh) for _, mesh in meshes}) == 48


def test_all_are_sound(meshes):
    for shape, mesh in meshes:
        report = inspect(mesh, shape.name)
        assert report.watertight, shape.name
        assert mesh.is_winding_consistent, shape.name
        assert mesh.volume > 0, shape.name
        assert report.faces >= 1000, shape.name
        assert report.duplicate_faces == report.unused_vertices == 0, shape.name
        assert len({row.tobytes() for row in mesh.vertices.view(np.ndarray)}) == report.vertices, shape.name
        assert shape.source_bytes == binary_ply_size(report.vertices, report.faces)


def test_no_limb_flies_off(meshes):
    """A stretched edge is what a wrong pose looks like: none is longer than a fifth of the body."""
    for shape, mesh in meshes:
        if shape.category != "object":
            assert mesh.edges_unique_length.max() < 0.2 * mesh.extents.max(), shape.name


def test_poses_differ(meshes):
    for category in ("human", "animal"):
        clouds = [mesh.vertices - mesh.vertices.mean(axis=0) for shape, mesh in meshes if shape.category == category]
        gaps = [abs(a - b).mean() / a.std() for i, a in enumerate(clouds) for b in clouds[:i]]
        assert min(gaps) > 0.02, category


@pytest.mark.parametrize(("part", "category"), [("humans", "human"), ("animals", "animal"), ("objects", "object")])
def test_parts(part, category):
    shapes = load(f"sample:{part}")
    assert len(shapes) == 16
    assert shapes.categories == (category,)
    whole = {shape.name: shape.stamp for shape in load("sample")}
    assert all(whole[shape.name] == shape.stamp for shape in shapes)


def test_a_limit_keeps_the_categories():
    assert load("sample", limit=3).categories == ("human", "animal", "object")


def test_unknown_part():
    with pytest.raises(UnknownDataset, match=r"'plants'.*humans, animals, objects"):
        load("sample:plants")


def test_the_stamp_is_the_content(meshes):
    shape, mesh = meshes[20]
    assert shape.stamp == f"sample|{mesh_fingerprint(mesh)}"
