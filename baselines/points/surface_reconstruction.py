"""Decoded voxel cloud -> triangles: normals by plane fits, oriented by flood fill, then one of several solvers.

A decoder has points only. What is outside can be seen all the same: the voxels of a closed surface separate the empty
voxels that a flood from the corner reaches from those that it does not. A normal points to where it finds more of the
outside. Where both sides look alike (a sheet one voxel thin, an open surface) the orientation of the neighbours is
carried on along the minimum spanning tree (Hoppe et al., "Surface reconstruction from unorganized points", 1992).
The surface is that of Kazhdan and Hoppe, "Screened Poisson surface reconstruction" (2013), or the zero set of the
blended planes (`baselines.points.blended_planes`), cut where it is farther from the decoded points than they are from
each other: there it is a balloon over an opening. ``usual`` is the recipe that papers use, for comparison.

The constants were chosen for the least two-way surface distance on human, animal, mechanical and open meshes: see
docs/codecs.md.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.codec import DecodeFailed, Unavailable

if TYPE_CHECKING:
    from trimesh import Trimesh

RECONSTRUCTION = "surface/2"
NEIGHBOURS = 16
USUAL_NEIGHBOURS = 30
USUAL_DEPTH = 8
FLOOD_BITS = 8
MAX_DEPTH = 10
POINT_WEIGHT = 2.0
SAMPLES_PER_NODE = 1.5
TRIM_VOXELS = 1.5
# Votes on either side of a point: distance in voxels of the flood's grid, and weight.
PROBES = ((1.5, 1.0), (2.0, 1.0), (2.5, 0.7), (3.0, 0.5), (4.0, 0.3))
UNSURE = 0.25
LONE_SHEET = 0.5
PAD = 2

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
            ``usual``: Open3D's Poisson as papers use it.

    Returns:
        A mesh in [-1, 1]^3 (a little more where the surface bulges).

    Raises:
        DecodeFailed: when the points are too few or nothing is left of the surface.
        Unavailable: when the package of ``method`` cannot be imported.
    """
    import trimesh

    points = np.unique(np.asarray(voxels, np.float64), axis=0)
    if len(points) < 4:
        raise DecodeFailed(f"{len(points)} decoded points make no surface", "code at more bits")
    scale = 2.0 / ((1 << bits) - 1)
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
    """Vertices in [-1, 1]^3 and faces, without those that are far from all points (n, 3), which are in voxels."""
    from scipy.spatial import cKDTree

    from baselines.points.blended_planes import blended_planes

    tree = cKDTree(points)
    normals, feet = oriented_planes(points, tree)
    if method == "planes":
        vertices, faces = blended_planes(feet, normals)
        vertices = vertices * scale - 1.0
    else:
        solve = _poisson_pymeshlab if method == "pymeshlab" else _poisson_open3d
        vertices, faces = solve(points * scale - 1.0, normals, poisson_depth(bits))
    if len(faces):
        distance: Floats = np.asarray(tree.query((vertices + 1.0) / scale, workers=1)[0], np.float64)
        faces = faces[(distance[faces] <= TRIM_VOXELS).all(axis=1)]
    return vertices, faces


def _usual(points: Floats) -> tuple[Floats, Ints]:
    """Open3D's Poisson of points with no more than its own defaults: what papers mostly do."""
    cloud = _open3d_cloud(points)
    near = min(USUAL_NEIGHBOURS, len(points))
    cloud.estimate_normals(_open3d().geometry.KDTreeSearchParamKNN(near))
    cloud.orient_normals_consistent_tangent_plane(near)
    return _poisson_open3d(points, np.asarray(cloud.normals), USUAL_DEPTH)


def oriented_normals(points: Floats, tree: object) -> Floats:
    """Unit normals (n, 3) of unique voxel coordinates (n, 3), pointing outwards where there is an outside."""
    return oriented_planes(points, tree)[0]


def oriented_planes(points: Floats, tree: object) -> tuple[Floats, Floats]:
    """`oriented_normals`, and a point (n, 3) on the plane that was fitted around each voxel: its foot."""
    count = min(NEIGHBOURS, len(points))
    neighbours: Ints = np.asarray(tree.query(points, k=count, workers=1)[1], np.int64).reshape(len(points), -1)  # type: ignore[attr-defined]
    normals, feet = _planes(points, neighbours)
    lowest = points.min(axis=0)
    extent = int((points.max(axis=0) - lowest).max()) + 1
    coarsest = max(0, extent.bit_length() - FLOOD_BITS)
    votes, near_votes = np.zeros(len(points)), np.zeros(len(points))
    for cell in (1 << coarsest, 2 << coarsest):
        outside = _flood((points - lowest) / cell)
        votes += _votes(outside, (feet - lowest) / cell, normals)
        near_votes += _votes(outside, (points - lowest) / cell, normals)
    # In a closed surface, a part too thin to hold an inside still shows which of its sides a voxel is on. A lone
    # sheet shows the same, and must not: its two sides are one.
    unsure = np.abs(votes) < UNSURE
    if unsure.mean() < LONE_SHEET:
        votes[unsure] += near_votes[unsure]
    normals[votes < 0] *= -1
    _carry_orientation(normals, neighbours, np.abs(votes) >= UNSURE, points)
    return normals, feet


def _planes(points: Floats, neighbours: Ints, chunk: int = 1 << 17) -> tuple[Floats, Floats]:
    """Each neighbourhood's direction of least variance, and the point's foot on the plane through its mean."""
    normals, feet = np.empty_like(points), np.empty_like(points)
    for start in range(0, len(points), chunk):
        part = slice(start, start + chunk)
        patch = points[neighbours[part]]
        mean = patch.mean(axis=1)
        patch = patch - mean[:, None]
        normal = np.linalg.eigh(np.einsum("nka,nkb->nab", patch, patch))[1][:, :, 0]
        height = np.einsum("na,na->n", points[part] - mean, normal)
        normals[part], feet[part] = normal, points[part] - height[:, None] * normal
    return normals, feet


def _flood(points: Floats) -> NDArray[np.int8]:
    """Grid around points in cells of 1: 1 where a flood from the corner comes, 0 at points, -1 elsewhere."""
    from scipy.ndimage import label

    cells = np.floor(points + 0.5).astype(np.int64) + PAD
    grid = np.zeros(cells.max(axis=0) + 1 + PAD, np.int8)
    grid[tuple(cells.T)] = 1
    regions = label(grid == 0)[0]
    state = np.where(regions == regions[0, 0, 0], np.int8(1), np.int8(-1))
    state[grid == 1] = 0
    return state


def _votes(outside: NDArray[np.int8], origins: Floats, normals: Floats) -> Floats:
    """Positive where there is more of the outside in the normal's direction than behind."""
    last = np.array(outside.shape) - 1
    votes = np.zeros(len(origins))
    for distance, weight in PROBES:
        for side in (1, -1):
            probe = np.floor(origins + 0.5 + side * distance * normals).astype(np.int64) + PAD
            votes += side * weight * outside[tuple(np.clip(probe, 0, last).T)]
    return votes


def _carry_orientation(normals: Floats, neighbours: Ints, sure: NDArray[np.bool_], points: Floats) -> None:
    """Flip the unsure normals in place so that they agree with their neighbours, nearest in direction first."""
    done = sure.copy()
    if done.all():
        return
    links = _links(neighbours, ~sure)
    heap: list[tuple[float, int, int]] = []

    def offer(at: int) -> None:
        for other in links.get(at, ()):
            if not done[other]:
                heapq.heappush(heap, (1.0 - abs(float(normals[at] @ normals[other])), other, at))

    for at in np.flatnonzero(done).tolist():
        if at in links:
            offer(at)
    # Seeds for what no sure point reaches: its highest point looks up.
    waiting = np.flatnonzero(~done)
    for seed in waiting[np.argsort(-points[waiting, 2], kind="stable")].tolist():
        while heap:
            _, at, source = heapq.heappop(heap)
            if not done[at]:
                if normals[at] @ normals[source] < 0:
                    normals[at] *= -1
                done[at] = True
                offer(at)
        if not done[seed]:
            if normals[seed, 2] < 0:
                normals[seed] *= -1
            done[seed] = True
            offer(seed)


def _links(neighbours: Ints, wanted: NDArray[np.bool_]) -> dict[int, list[int]]:
    """The neighbour relation, made symmetric, of all pairs with at least one wanted point."""
    a = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
    b = neighbours.ravel()
    keep = (wanted[a] | wanted[b]) & (a != b)
    a, b = a[keep], b[keep]
    pairs = np.unique(np.concatenate([np.stack([a, b], 1), np.stack([b, a], 1)]), axis=0)
    sources, starts = np.unique(pairs[:, 0], return_index=True)
    parts = np.split(pairs[:, 1], starts[1:])
    return {int(source): part.tolist() for source, part in zip(sources, parts, strict=True)}


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
