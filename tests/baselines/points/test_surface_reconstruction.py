import numpy as np
import pytest
import trimesh
from mesh_datasets import load
from mesh_datasets.normalization import normalize
from scipy.spatial import cKDTree

from baselines.points.blended_planes import blended_planes
from baselines.points.cloud_search import CloudSearch
from baselines.points.oriented_planes import oriented_planes
from baselines.points.surface_reconstruction import poisson_depth, reconstruct
from bench.codec import DecodeFailed
from bench.metrics.measure import measure
from bench.metrics.protocol import Protocol
from bench.metrics.voxels import surface_voxels

BITS = 6
VOXEL = 2 / (2**BITS - 1)


def voxels_of(mesh, bits=BITS):
    return surface_voxels(np.asarray(mesh.triangles), bits)[0].astype(float)


def sheet(height):
    """An open surface: a square with hills."""
    axis = np.linspace(-0.7, 0.7, 30)
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x, y, height(x, y)], axis=-1).reshape(-1, 3)
    corner = np.array([r * 30 + c for r in range(29) for c in range(29)])
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 31], 1), np.stack([corner, corner + 31, corner + 30], 1)]
    )
    return trimesh.Trimesh(vertices, faces, process=False)


CLOSED = {
    "sphere": trimesh.creation.icosphere(subdivisions=4, radius=0.8),
    "torus": trimesh.creation.torus(0.65, 0.2, major_sections=64, minor_sections=32),
    "box": trimesh.creation.box((1.2, 0.9, 0.5)),
}


def surface_distance(mesh, reference):
    """Two-way mean distance between samples and triangles."""
    means = []
    for a, b in ((mesh, reference), (reference, mesh)):
        points = trimesh.sample.sample_surface(a, 2000, seed=0)[0]
        dense = trimesh.sample.sample_surface(b, 60000, seed=1)[0]
        means.append(cKDTree(dense).query(points)[0].mean())
    return np.mean(means)


@pytest.mark.parametrize("name", CLOSED)
def test_normals_point_out_of_closed_surfaces(name):
    mesh = CLOSED[name]
    points = voxels_of(mesh)
    normals = oriented_planes(CloudSearch(points))[0]
    _, nearest = cKDTree(mesh.triangles_center).query(points * VOXEL - 1)
    if name == "box":
        outwards = np.sign((normals * (points * VOXEL - 1)).sum(axis=1))
        assert (outwards > 0).mean() > 0.99
    else:
        assert ((normals * mesh.face_normals[nearest]).sum(axis=1) > 0).mean() > 0.995
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)


def test_a_lone_sheet_has_one_side():
    points = voxels_of(sheet(lambda x, y: 0.2 * np.sin(3 * x) + 0.1 * y))
    up = oriented_planes(CloudSearch(points))[0][:, 2] > 0
    assert up.mean() > 0.99 or up.mean() < 0.01


@pytest.mark.parametrize("name", CLOSED)
def test_closed_surfaces_come_back_closed_within_a_fraction_of_a_voxel(name):
    mesh = reconstruct(voxels_of(CLOSED[name]), BITS)
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert surface_distance(mesh, CLOSED[name]) < 0.4 * VOXEL


def test_open_surfaces_grow_no_balloon():
    reference = sheet(lambda x, y: 0.2 * np.sin(3 * x) + 0.1 * y)
    points = voxels_of(reference)
    mesh = reconstruct(points, BITS)
    assert not mesh.is_watertight
    distance, _ = cKDTree(points * VOXEL - 1).query(mesh.vertices)
    assert distance.max() <= 1.5 * VOXEL + 1e-9
    assert mesh.area < 1.3 * reference.area


def test_a_bowl_stays_open():
    sphere = CLOSED["sphere"]
    bowl = trimesh.Trimesh(sphere.vertices, sphere.faces[sphere.triangles_center[:, 2] < 0], process=False)
    mesh = reconstruct(voxels_of(bowl), BITS)
    assert mesh.vertices[:, 2].max() < 3 * VOXEL
    assert mesh.area < 1.2 * bowl.area


def test_equal_points_give_equal_surfaces():
    points = voxels_of(CLOSED["torus"])
    once = reconstruct(points, BITS)
    again = reconstruct(np.random.default_rng(0).permutation(np.concatenate([points, points[:99]])), BITS)
    assert np.array_equal(once.vertices, again.vertices)
    assert np.array_equal(once.faces, again.faces)


def test_open3d_is_an_alternative():
    points = voxels_of(CLOSED["sphere"])
    mesh = reconstruct(points, BITS, "open3d")
    assert surface_distance(mesh, CLOSED["sphere"]) < 0.4 * VOXEL


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_points_are_refused(count):
    with pytest.raises(DecodeFailed, match="make no surface"):
        reconstruct(np.arange(3.0 * count).reshape(count, 3), BITS)


def test_depth_follows_the_voxels():
    assert [poisson_depth(bits) for bits in (5, 6, 7, 8, 9, 11)] == [6, 7, 7, 8, 9, 10]


@pytest.mark.parametrize("name", ["sphere", "torus"])
def test_blended_planes_close_closed_surfaces(name):
    mesh = reconstruct(voxels_of(CLOSED[name], 7), 7, "planes")
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(CLOSED[name].volume, rel=0.02)
    assert surface_distance(mesh, CLOSED[name]) < 0.25 * VOXEL


def test_blended_planes_of_a_sample_shape_are_as_near_as_poisson():
    shape = load("sample")[0]
    mesh = normalize(shape.load(), shape.name)[0]
    points = voxels_of(mesh, 7)
    planes, poisson = (surface_distance(reconstruct(points, 7, method), mesh) for method in ("planes", "pymeshlab"))
    assert planes < poisson


def test_blended_planes_grow_no_balloon():
    reference = sheet(lambda x, y: 0.2 * np.sin(3 * x) + 0.1 * y)
    mesh = reconstruct(voxels_of(reference), BITS, "planes")
    assert not mesh.is_watertight
    assert mesh.area < 1.2 * reference.area


def test_a_plane_on_the_grid_has_no_holes():
    x, y = (axis.ravel() for axis in np.mgrid[0:20, 0:20])
    feet = np.stack([x, y, np.full(400, 5)], axis=1).astype(float)
    vertices, faces = blended_planes(feet, np.tile([0.0, 0.0, 1.0], (400, 1)))
    assert np.abs(vertices[:, 2] - 5).max() < 2e-3
    mesh = trimesh.Trimesh(vertices, faces)
    assert mesh.area >= 19**2
    assert mesh.face_normals[:, 2].min() > 0.9


def test_blended_planes_do_not_depend_on_the_slabs(monkeypatch):
    points = voxels_of(CLOSED["torus"])
    whole = reconstruct(points, BITS, "planes")
    monkeypatch.setattr("baselines.points.blended_planes._SLAB_CELLS", 1)
    cut = reconstruct(points, BITS, "planes")
    np.testing.assert_allclose(cut.vertices, whole.vertices, atol=1e-6)
    np.testing.assert_array_equal(cut.faces, whole.faces)


def test_planes_that_do_not_meet_make_no_surface():
    vertices, faces = blended_planes(np.array([[0.0, 0, 0.4]]), np.array([[0.0, 0, 1]]))
    assert (vertices.shape[1], faces.shape[1]) == (3, 3)


@pytest.mark.parametrize("mesh", ["sphere", "sample"])
def test_the_usual_recipe(mesh):
    if mesh == "sphere":
        reference, bits = CLOSED["sphere"], BITS
    else:
        shape = load("sample")[0]
        reference, bits = normalize(shape.load(), shape.name)[0], 7
    found = reconstruct(voxels_of(reference, bits), bits, "usual")
    assert surface_distance(found, reference) < 0.5 * 2 / (1 << bits)


@pytest.mark.parametrize(("method", "subdivisions"), [("planes2", 3), ("planes4", 2)])
def test_points_on_flat_patches_are_merged_without_loss(method, subdivisions):
    """Of large triangles, as trisoup's: the means of the points lie on them."""
    reference = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.4)
    mesh = reconstruct(voxels_of(reference, 9), 9, method)
    assert mesh.is_watertight
    assert measure(reference, mesh, Protocol(samples=2000))["surface_cd"] < 0.2 * 2e3 / 511


def test_too_few_points_after_merging_are_refused():
    corner = np.array(list(np.ndindex(2, 2, 2)), float)
    with pytest.raises(DecodeFailed, match="make no surface"):
        reconstruct(corner, 9, "planes4")
