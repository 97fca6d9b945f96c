"""D1 and D2: the geometry PSNR of point clouds, as MPEG measures it (ISO/IEC JTC 1/SC 29, program ``pc_error``).

Points are taken in voxels: coordinate x in [-1, 1] is (x + 1) / 2 * (2^bits - 1). Duplicates of a cloud are merged
first; their normals are averaged. The error of a direction is the mean squared error over the points of one cloud,
each matched with its nearest point in the other:

* D1, point to point: the squared distance;
* D2, point to plane: the squared projection of the error vector on the normal at the matched point, averaged over all
  points that are equally near. A decoded point takes the mean (not normalised again) of the normals of the reference
  points nearest to it; one that is nearest to none takes the mean normal of the reference points that it is nearest to.

The symmetric error is the *larger* of the two directions, and PSNR = 10 log10(3 peak^2 / error), peak = 2^bits - 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray
from pykdtree.kdtree import KDTree

from bench.metrics.lattice import LARGEST, Lattice, is_lattice

if TYPE_CHECKING:
    from trimesh import Trimesh

Points = NDArray[np.float64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

TIES = 16
"""How many equally near points are looked at, at most."""
SAME_DISTANCE = 1e-8
"""Squared voxel distances that differ by less are equal."""
CHUNK = 1 << 17
MAX_BITS = 16
"""Deepest grid that `bench.metrics.voxels.surface_voxels` makes."""


def check_decoded_points(mesh: Trimesh) -> None:
    """Raise ``ValueError`` where the decoded points that ``mesh`` carries, if any, cannot be measured."""
    if "points" not in mesh.metadata:
        return
    bits = mesh.metadata["point_bits"]
    if not 1 <= bits <= MAX_BITS:
        raise ValueError(f"the decoded cloud has a voxel depth of {bits}; must lie in 1..{MAX_BITS}")
    _checked(mesh.metadata["points"], "decoded")


def psnr_of_mesh(reference: Trimesh, points: Points, bits: int) -> dict[str, float]:
    """D1 and D2 of decoded ``points`` (n, 3), in [-1, 1]^3, against the voxels that the reference's surface crosses.

    The reference cloud is that of `bench.metrics.voxels.surface_voxels` at ``bits``. Returns what `point_psnr` does.
    """
    from bench.metrics.triangles import Triangles
    from bench.metrics.voxels import surface_voxels

    surface = Triangles.of(reference, "the reference")
    voxels, face = surface_voxels(surface.vertices[surface.faces], bits)
    peak = (1 << bits) - 1
    return _psnr(voxels.astype(np.float64), surface.normals[face], _voxel_units(points, peak, "decoded"), peak)


def point_psnr(reference: Points, normals: Points, decoded: Points, bits: int) -> dict[str, float]:
    """D1 and D2 of a decoded cloud.

    Args:
        reference: (n, 3), in [-1, 1]^3.
        normals: (n, 3), unit normals of the reference points.
        decoded: (m, 3), in [-1, 1]^3.
        bits: voxel depth, which sets the peak.

    Returns:
        ``d1_mse``, ``d2_mse`` in squared voxels and ``d1_psnr``, ``d2_psnr`` in dB (infinite where the error is 0).

    Raises:
        ValueError: an empty cloud, coordinates that are not finite, arrays that do not fit.
    """
    peak = (1 << bits) - 1
    voxels = _voxel_units(reference, peak, "reference")
    a, a_normals = _merge(voxels, np.asarray(normals, dtype=np.float64))
    return _psnr(a, a_normals, _voxel_units(decoded, peak, "decoded"), peak)


def _psnr(a: Points, a_normals: Points, decoded: Points, peak: int) -> dict[str, float]:
    """`point_psnr` of clouds in voxels; ``a`` is distinct and in lexicographic order."""
    b = _distinct(decoded)[0]
    if np.array_equal(a, b):  # a codec that lost nothing
        return {"d1_mse": 0.0, "d1_psnr": math.inf, "d2_mse": 0.0, "d2_psnr": math.inf}
    ab, ba = _matches(a, b), _matches(b, a)
    b_normals = _carry_normals(ab, ba, a_normals, len(b))
    d1_ab, d2_ab = _one_way(a, b, ab, b_normals)
    d1_ba, d2_ba = _one_way(b, a, ba, a_normals)
    d1, d2 = max(d1_ab, d1_ba), max(d2_ab, d2_ba)
    return {"d1_mse": d1, "d1_psnr": psnr(d1, peak), "d2_mse": d2, "d2_psnr": psnr(d2, peak)}


def psnr(mse: float, peak: float) -> float:
    """10 log10(3 peak^2 / mse) in dB; infinite for an error of 0."""
    return 10 * math.log10(3 * peak**2 / mse) if mse > 0 else math.inf


def _voxel_units(points: Points, peak: int, what: str) -> Points:
    return _near_whole(_checked(points, what), peak / 2)


def _checked(points: Points, what: str) -> Points:
    points = np.ascontiguousarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
        raise ValueError(f"the {what} cloud must be of shape (n, 3) with n > 0, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"the {what} cloud has coordinates that are not finite")
    return points


@numba.njit(cache=True)
def _near_whole(points: Points, half: float) -> Points:  # pragma: no cover - compiled
    """Coordinates in voxels. Points that were voxels are integers again: equal distances must not differ in a bit."""
    voxels = np.empty_like(points)
    for i in range(len(points)):
        for axis in range(3):
            voxel = (points[i, axis] + 1.0) * half
            whole = np.rint(voxel)
            voxels[i, axis] = whole if abs(voxel - whole) < 1e-6 else voxel
    return voxels


def _merge(points: Points, normals: Points) -> tuple[Points, Points]:
    """Merge equal points; their normals are averaged."""
    if normals.shape != points.shape:
        raise ValueError(f"there must be one normal per reference point, got {normals.shape} for {points.shape}")
    merged, inverse = _distinct(points)
    return merged, _mean_at(inverse, normals, np.arange(len(normals)), len(merged))[0]


def _distinct(points: Points) -> tuple[Points, Ints]:
    """Distinct points in lexicographic order, and the place of each point (n,) among them."""
    if not is_lattice(points):
        merged, inverse = np.unique(points, axis=0, return_inverse=True)
        return merged, inverse.ravel()
    # Voxels: one number each sorts many times quicker than a row.
    keys = _keys(points)
    if (keys[1:] > keys[:-1]).all():
        return points, np.arange(len(points))
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return points[first], inverse


@numba.njit(cache=True)
def _keys(points: Points) -> Ints:  # pragma: no cover - compiled
    """A number (n,) for each point of a lattice, in lexicographic order."""
    keys = np.zeros(len(points), np.int64)
    for i in range(len(points)):
        for axis in range(3):
            keys[i] = keys[i] << 21 | int(points[i, axis] + LARGEST)
    return keys


def _matches(queries: Points, targets: Points) -> Pairs:
    """Every pair (query, one of the targets that are nearest to it), as two index arrays."""
    lattice = Lattice.of(targets) if is_lattice(queries) and is_lattice(targets) else None
    if lattice is None:
        return _matches_by_tree(queries, KDTree(targets))
    query, target, left = lattice.nearest(queries, TIES)
    if not len(left):
        return query, target
    more = _matches_by_tree(queries[left], KDTree(targets))
    return np.concatenate([query, left[more[0]]]), np.concatenate([target, more[1]])


def _matches_by_tree(queries: Points, tree: KDTree) -> Pairs:
    pairs: list[Pairs] = []
    for start in range(0, len(queries), CHUNK):
        squared, index = tree.query(queries[start : start + CHUNK], sqr_dists=True)
        hit = squared < SAME_DISTANCE  # merged clouds: a point at no distance has no equal
        pairs.append((start + np.flatnonzero(hit), index[hit].astype(np.int64)))
        missed = start + np.flatnonzero(~hit)
        if not len(missed):
            continue
        squared, candidates = (
            found.reshape(len(missed), -1) for found in tree.query(queries[missed], k=min(TIES, tree.n), sqr_dists=True)
        )
        row, column = np.nonzero(squared - squared[:, :1] < SAME_DISTANCE)
        pairs.append((missed[row], candidates[row, column].astype(np.int64)))
    return np.concatenate([query for query, _ in pairs]), np.concatenate([target for _, target in pairs])


def _carry_normals(ab: Pairs, ba: Pairs, a_normals: Points, b_count: int) -> Points:
    """Normals of cloud b (b_count, 3) from those of cloud a, by the matches of both directions."""
    given, counts = _mean_at(ab[1], a_normals, ab[0], b_count)
    nearest, _ = _mean_at(ba[0], a_normals, ba[1], b_count)
    return np.where(counts[:, None] > 0, given, nearest)


def _one_way(queries: Points, targets: Points, pairs: Pairs, normals: Points) -> tuple[float, float]:
    """Mean squared point-to-point and point-to-plane error of the queries; ``normals`` are those of the targets."""
    d1, d2 = _errors(queries, targets, *pairs, normals)
    return float(d1.mean()), float(d2.mean())


@numba.njit(cache=True)
def _errors(
    queries: Points, targets: Points, query: Ints, target: Ints, normals: Points
) -> tuple[Floats, Floats]:  # pragma: no cover - compiled
    """Squared errors of each of the queries, the mean over its pairs: to points and to planes."""
    d1, d2, counts = np.zeros(len(queries)), np.zeros(len(queries)), np.zeros(len(queries))
    for pair in range(len(query)):
        i, j = query[pair], target[pair]
        squared, height = 0.0, 0.0
        for axis in range(3):
            error = queries[i, axis] - targets[j, axis]
            squared += error * error
            height += error * normals[j, axis]
        d1[i] += squared
        d2[i] += height * height
        counts[i] += 1
    return d1 / counts, d2 / counts


@numba.njit(cache=True)
def _mean_at(
    places: Ints, values: Points, rows: Ints, count: int
) -> tuple[Points, Ints]:  # pragma: no cover - compiled
    """Mean (count, 3) of the ``rows`` (n,) of ``values`` that share one of ``places`` (n,), and how many do; or 0."""
    means, counts = np.zeros((count, 3)), np.zeros(count, np.int64)
    for i in range(len(places)):
        counts[places[i]] += 1
        for axis in range(3):
            means[places[i], axis] += values[rows[i], axis]
    for place in range(count):
        for axis in range(3):
            means[place, axis] /= max(counts[place], 1)
    return means, counts
