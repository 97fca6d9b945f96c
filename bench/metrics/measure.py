"""All metrics of one shape: reference against decoded, in both tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.metrics.deviation import Deviation, f1_score, mean_distance, normal_consistency
from bench.metrics.floors import cd_floor, f1_floor, is_saturated
from bench.metrics.point_psnr import psnr_of_mesh
from bench.metrics.protocol import UNIT, Protocol, f1_key
from bench.metrics.side import DECODED, REFERENCE, Side
from bench.metrics.triangles import LARGEST_COORDINATE

if TYPE_CHECKING:
    from trimesh import Trimesh


def measure(
    reference: Trimesh,
    decoded: Trimesh,
    protocol: Protocol,
    *,
    stream: int = 0,
    threads: int = 1,
    largest: float = LARGEST_COORDINATE,
) -> dict[str, float]:
    """Compare two surfaces that lie in the cube [-1, 1]^3.

    Args:
        reference, decoded: the meshes; faces without an area are ignored.
        stream: number of the shape in its set: each shape draws from streams of its own.
        threads: CPU threads; the result does not depend on it.
        largest: coordinate that the decoded mesh may have.

    Returns:
        ``cd``, ``nc``, ``f1_*`` (samples against samples), their ``cd_floor`` and ``f1_*_floor``, ``saturated``
        (1 where cd is within 10 % of its floor), ``surface_cd``, ``surface_p95``, ``surface_max`` (over both
        directions' samples together), ``surface_nc``, ``surface_f1_*`` (the same samples against triangles), and
        ``reference_area``, ``decoded_area``. Where the decoded mesh carries decoded points (see
        `bench.codec.Codec.decode`), also ``d1_mse``, ``d1_psnr``, ``d2_mse``, ``d2_psnr``; a PSNR that is infinite
        is left out.
        Distances are in units of 1e-3; areas are in units of 1. All finite.

    Raises:
        EmptySurface: a mesh has no area (a ``ValueError``).
        ValueError: coordinates that are not finite or far outside the cube, indices out of range.
    """
    a = Side.of(reference, protocol, stream, REFERENCE)
    b = Side.of(decoded, protocol, stream, DECODED, largest)
    forth, back = a.deviations(b, threads), b.deviations(a, threads)
    areas = a.surface.area, b.surface.area
    return {
        **_sampled((forth[0], back[0]), areas, protocol),
        **_surface((forth[1], back[1]), protocol),
        "reference_area": areas[0],
        "decoded_area": areas[1],
        **_points(reference, decoded),
    }


def warm_up() -> None:
    """Compile what measuring runs, or load it where it was compiled before: seconds the first time."""
    import trimesh

    triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    for corner in (-1.0, -0.9):  # a point on the lattice of one bit, one between
        decoded = triangle.copy()
        decoded.metadata.update(points=np.array([[1.0, 1.0, corner]]), point_bits=1)
        measure(triangle, decoded, Protocol(samples=1))


def _sampled(pair: tuple[Deviation, Deviation], areas: tuple[float, float], protocol: Protocol) -> dict[str, float]:
    cd, floor = mean_distance(*pair), cd_floor(*areas, protocol.samples)
    return {
        "cd": cd / UNIT,
        "nc": normal_consistency(*pair),
        **{f1_key(t): f1_score(*pair, t) for t in protocol.thresholds},
        "cd_floor": floor / UNIT,
        **{f"{f1_key(t)}_floor": f1_floor(*areas, protocol.samples, t) for t in protocol.thresholds},
        "saturated": float(is_saturated(cd, floor)),
    }


def _surface(pair: tuple[Deviation, Deviation], protocol: Protocol) -> dict[str, float]:
    distance = np.concatenate([direction.distance for direction in pair])
    return {
        "surface_cd": mean_distance(*pair) / UNIT,
        "surface_p95": float(np.percentile(distance, 95)) / UNIT,
        "surface_max": float(distance.max()) / UNIT,
        "surface_nc": normal_consistency(*pair),
        **{f"surface_{f1_key(t)}": f1_score(*pair, t) for t in protocol.thresholds},
    }


def _points(reference: Trimesh, decoded: Trimesh) -> dict[str, float]:
    if "points" not in decoded.metadata:
        return {}
    values = psnr_of_mesh(reference, decoded.metadata["points"], decoded.metadata["point_bits"])
    return {key: value for key, value in values.items() if np.isfinite(value)}
