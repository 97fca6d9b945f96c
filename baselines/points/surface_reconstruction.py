"""Decoded voxel cloud -> triangles: oriented planes (`baselines.points.oriented_planes`), then one of several solvers.

The surface is that of Kazhdan and Hoppe, "Screened Poisson surface reconstruction" (2013), or the zero set of the
blended planes (`baselines.points.blended_planes`), cut where it is farther from the decoded points than they are from
each other: there it is a balloon over an opening. ``usual`` is the recipe that papers use, for comparison.

The constants were chosen for the least two-way surface distance on human, animal, mechanical and open meshes: see
docs/codecs.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from baselines.points.merging import distinct, merged
from bench.codec import DecodeFailed, Unavailable

if TYPE_CHECKING:
    from trimesh import Trimesh

RECONSTRUCTION = "surface/4"
USUAL_NEIGHBOURS = 30
USUAL_DEPTH = 8
MAX_DEPTH = 10
POINT_WEIGHT = 2.0
SAMPLES_PER_NODE = 1.5
TRIM_VOXELS = 1.5

CELLS = {"planes": 1, "planes2": 2, "planes4": 4}
"""Voxels an axis of the cells whose points are merged before their planes are blended, by method."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def poisson_depth(bits: int) -> int:
    """Depth of the Poisson octree: its cells are as large as a voxel, half as large where voxels are few."""
    return min(bits + 1 if bits <= 6 else bits, MAX_DEPTH)


def reconstruct(voxels: Floats, bits: int, method: str = "pymeshlab") -> Trimesh:
    """The surface of a decoded cloud.

    Args:
        voxels: (n, 3) finite voxel coordinates in [0, 2^bits - 1]; duplicates are merged.
        bits: voxel depth; the cube [-1, 1]^3 has 2^bits voxels an axis.
        method: ``pymeshlab`` or ``open3d``: whose implementation of screened Poisson runs; ``planes``: blended planes;
            ``planes2``, ``planes4``: those of the means of all points within 2 or 4 voxels; ``usual``: Open3D's
            Poisson as papers use it.

    Returns:
        A mesh in [-1, 1]^3 (a little more where the surface bulges).

    Raises:
        DecodeFailed: when the points are too few or nothing is left of the surface.
        Unavailable: when the package of ``method`` cannot be imported.
    """
    import trimesh

    points = distinct(np.asarray(voxels, np.float64))
    cell = CELLS.get(method, 1)
    points = merged(points, cell) / cell
    if len(points) < 4:
        raise DecodeFailed(f"{len(points)} distinct points make no surface", "code at more bits")
    scale = 2.0 / ((1 << bits) - 1) * cell
    if method == "usual":
        vertices, faces = _usual(points * scale - 1.0)
    else:
        vertices, faces = _trimmed(points, scale, bits, method)
    if not len(faces):
        raise DecodeFailed(f"{method} returned no surface for {len(points)} points")
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.remove_unreferenced_vertices()
    return mesh


def _trimmed(points: Floats, scale: float, bits: int, method: str) -> tuple[Floats, Ints]:
    """Vertices in [-1, 1]^3 and faces, without those that are far from all points (n, 3), which are about 1 apart."""
    from baselines.points.blended_planes import blended_planes
    from baselines.points.cloud_search import CloudSearch
    from baselines.points.oriented_planes import oriented_planes

    cloud = CloudSearch(points)
    normals, feet = oriented_planes(cloud)
    if method in CELLS:
        vertices, faces = blended_planes(feet, normals)
    else:
        solve = _poisson_pymeshlab if method == "pymeshlab" else _poisson_open3d
        vertices, faces = solve(points * scale - 1.0, normals, poisson_depth(bits))
        vertices = (vertices + 1.0) / scale
    if len(faces):
        faces = faces[cloud.near(vertices, TRIM_VOXELS)[faces].all(axis=1)]
    return vertices * scale - 1.0, faces


def _usual(points: Floats) -> tuple[Floats, Ints]:
    """Open3D's Poisson of points with no more than its own defaults: what papers mostly do."""
    cloud = _open3d_cloud(points)
    near = min(USUAL_NEIGHBOURS, len(points))
    cloud.estimate_normals(_open3d().geometry.KDTreeSearchParamKNN(near))
    cloud.orient_normals_consistent_tangent_plane(near)
    return _poisson_open3d(points, np.asarray(cloud.normals), USUAL_DEPTH)


def _poisson_pymeshlab(points: Floats, normals: Floats, depth: int) -> tuple[Floats, Ints]:
    try:
        import pymeshlab
    except ImportError as error:
        raise Unavailable(
            f"pymeshlab cannot be imported: {error}", "use surface=planes or open3d, or see bench doctor"
        ) from None
    meshes = pymeshlab.MeshSet(verbose=False)
    meshes.add_mesh(pymeshlab.Mesh(vertex_matrix=points, v_normals_matrix=normals))
    meshes.generate_surface_reconstruction_screened_poisson(
        depth=depth, pointweight=POINT_WEIGHT, samplespernode=SAMPLES_PER_NODE, threads=1
    )
    mesh = meshes.current_mesh()
    return np.asarray(mesh.vertex_matrix(), np.float64), np.asarray(mesh.face_matrix(), np.int64)


def _open3d() -> Any:
    try:
        import open3d
    except ImportError as error:
        raise Unavailable(f"open3d cannot be imported: {error}", "see bench doctor") from None
    return open3d


def _open3d_cloud(points: Floats) -> Any:
    return _open3d().geometry.PointCloud(_open3d().utility.Vector3dVector(points))


def _poisson_open3d(points: Floats, normals: Floats, depth: int) -> tuple[Floats, Ints]:
    cloud = _open3d_cloud(points)
    cloud.normals = _open3d().utility.Vector3dVector(normals)
    mesh, _ = _open3d().geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=depth, n_threads=1)
    return np.asarray(mesh.vertices, np.float64), np.asarray(mesh.triangles, np.int64)
