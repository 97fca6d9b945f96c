"""What the point-cloud codecs share: mesh -> voxels before coding, voxels -> points and surface after decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codec import Context, CorruptArchive, DecodeFailed, Part, Rate
from bench.codec.checks import checked_arrays
from bench.codec.fields import CHECKSUM_BYTES, checked_crc32, with_crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from trimesh import Trimesh

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

METHODS = ("pymeshlab", "open3d", "planes", "usual", "planes2", "planes4")
AUTO = "auto"
PLANES_BITS = 7
"""From here on blended planes are as near to the surface as screened Poisson; with fewer voxels they are not."""

MIN_BITS, MAX_BITS = 3, 11
SAMPLES = 2_000_000
"""Points of a sampled cloud, before those in one voxel become one."""

PREFIX_BYTES = 1

FLOOR = 8 << 30
"""Bytes of memory that every coded cloud may ask for: a flat face of 9 bits costs a few bytes, its Poisson surface
gigabytes."""

POISSON_BYTES, PLANES_BYTES = 4096, 2048
"""Memory for each point of screened Poisson (measured: 2.6 to 4.7 kB) and of blended planes (1.0 to 1.6 kB)."""

BYTES_PER_FILE_BYTE = 32
"""Memory of reading the points that a program wrote: texts, numbers and their copies."""


@dataclass(frozen=True)
class CloudRate(Rate):
    """What every point-cloud codec is told.

    Args:
        bits: voxel depth: the cube [-1, 1]^3 has 2^bits voxels an axis.
        surface: what turns the decoded points into triangles: ``pymeshlab`` or ``open3d`` (whose screened Poisson),
            ``planes`` (blended planes, many times quicker), ``planes2``, ``planes4`` (the same of the means of all
            points within 2 or 4 voxels), ``usual`` (Poisson as papers use it), or ``auto``: pymeshlab below 7 bits,
            from there on planes where all voxels come back, else what the codec says.
    """

    bits: int = 8
    surface: str = AUTO

    def __post_init__(self) -> None:
        if not MIN_BITS <= self.bits <= MAX_BITS:
            raise ValueError(f"bits must be {MIN_BITS} to {MAX_BITS}, not {self.bits}")
        if self.surface not in (AUTO, *METHODS):
            raise ValueError(
                f"surface must be {', '.join((AUTO, *METHODS[:-1]))} or {METHODS[-1]}, not {self.surface!r}"
            )

    @property
    def lossless(self) -> bool:
        """Whether all voxels, and no others, come back from the decoder."""
        return True

    @property
    def method(self) -> str:
        """One of `METHODS`: `surface`, with what ``auto`` means here."""
        return self.auto_method if self.surface == AUTO else self.surface

    @property
    def auto_method(self) -> str:
        """What ``auto`` means at this rate."""
        return "planes" if self.lossless and self.planes_fit else "pymeshlab"

    @property
    def planes_fit(self) -> bool:
        """Whether there are enough voxels for blended planes, and not too many."""
        return PLANES_BITS <= self.bits < MAX_BITS


def voxelize(mesh: Trimesh, bits: int, context: Context) -> Ints:
    """All voxels that the surface passes through, (n, 3) int64 in lexicographic order. Phase ``voxelize``.

    Raises:
        InvalidMesh: as `bench.codec.checks.checked_arrays`.
    """
    from bench.metrics.voxels import surface_voxels

    vertices, faces = checked_arrays(mesh)
    with context.phase("voxelize"):
        return surface_voxels(vertices[faces], bits)[0]


def sampled_voxels(mesh: Trimesh, bits: int, context: Context) -> Ints:
    """The voxels of `SAMPLES` points on the surface, as `voxelize` gives them; some that it only grazes are missing.

    Raises:
        InvalidMesh: as `bench.codec.checks.checked_arrays`.
    """
    import numpy as np

    from bench.metrics.sampling import sample_surface
    from bench.metrics.triangles import Triangles

    checked_arrays(mesh)
    steps = (1 << bits) - 1
    with context.phase("voxelize"):
        points = sample_surface(Triangles.of(mesh, "the mesh"), SAMPLES, np.random.default_rng(context.seed)).points
        cells = np.clip(np.floor((points + 1) / 2 * steps + 0.5), 0, steps).astype(np.int64)
        x, y, z = cells.T
        keys = np.unique(((x << bits) | y) << bits | z)
        return np.stack([keys >> 2 * bits, keys >> bits & steps, keys & steps], axis=1)


def pack(rate: CloudRate, parts: Mapping[str, bytes]) -> Part:
    """One shape's bytes: a byte that says how to come back to a surface, the parts, and a CRC-32 of it all.

    The programs' own streams carry no checksum: altered ones decode to anything.
    """
    body = bytes([METHODS.index(rate.method) << 5 | rate.bits]) + b"".join(parts.values())
    ledger = {name: len(part) for name, part in parts.items()}
    return Part(with_crc32(body), {"header": PREFIX_BYTES, **ledger, "checksum": CHECKSUM_BYTES})


def unpack(data: bytes) -> tuple[CloudRate, bytes]:
    """Inverse of `pack`: depth and method, and the parts, joined.

    Raises:
        CorruptArchive: for bytes that are cut, altered or not of a point-cloud codec.
    """
    body = checked_crc32(data, "the stream")
    if len(body) <= PREFIX_BYTES:
        raise CorruptArchive("the stream holds no points")
    method, bits = body[0] >> 5, body[0] & 31
    if method >= len(METHODS) or not MIN_BITS <= bits <= MAX_BITS:
        raise CorruptArchive("the stream does not start with a voxel depth of this codec")
    return CloudRate(bits=bits, surface=METHODS[method]), body[PREFIX_BYTES:]


def check_points(count: int, rate: CloudRate, coded: int, context: Context) -> None:
    """Raise `CorruptArchive` where ``coded`` bytes may not ask for the surface of so many points."""
    each = PLANES_BYTES if rate.method.startswith("planes") else POISSON_BYTES
    context.check_memory(each * count, coded, f"the surface of {count} points", FLOOR)


def written_points(path: Path, coded: int, context: Context) -> Floats:
    """Points (n, 3) of the file that a decoding program wrote for ``coded`` bytes.

    Raises:
        CorruptArchive: longer than is allowed.
        DecodeFailed: there is no such file, or it holds no points.
    """
    from baselines.points.point_ply import read_points

    try:
        size = path.stat().st_size if path.exists() else 0
        context.check_memory(BYTES_PER_FILE_BYTE * size, coded, f"{path.name} of {size} bytes", FLOOR)
        return read_points(path)
    except ValueError as error:
        raise DecodeFailed(f"the program returned 0, but {error}", f"its files are in {path.parent}") from None


def surface_of(points: NDArray[np.floating | np.integer], rate: CloudRate, context: Context, *, coded: int) -> Trimesh:
    """The decoded mesh, with the decoded points in its metadata. Phase ``reconstruction``.

    Args:
        points: (n, 3) decoded voxel coordinates.
        rate: depth and method.
        context: its deadline is checked before the reconstruction starts.
        coded: bytes of the archive that they came from.
    """
    import numpy as np

    from baselines.points.surface_reconstruction import RECONSTRUCTION, reconstruct

    voxels = np.asarray(points, np.float64)
    if not len(voxels) or not np.isfinite(voxels).all():
        raise DecodeFailed(f"{len(voxels)} points were decoded, or some are not finite")
    check_points(len(voxels), rate, coded, context)
    context.check_deadline()
    context.notes["reconstruction"] = f"{RECONSTRUCTION} {rate.method}"
    with context.phase("reconstruction"):
        mesh = reconstruct(voxels, rate.bits, rate.method)
    mesh.metadata["points"] = voxels * (2.0 / ((1 << rate.bits) - 1)) - 1.0
    mesh.metadata["point_bits"] = rate.bits
    return mesh


def warm_up() -> None:
    """Compile, or load, what turns the voxels of closed surfaces and of sheets into triangles."""
    import trimesh

    from baselines.points.surface_reconstruction import reconstruct
    from bench.metrics.voxels import surface_voxels

    box = trimesh.creation.box((1, 1, 1)).triangles
    for surface, method in ((box, "planes"), (box[:2], "planes"), (box, "pymeshlab")):
        reconstruct(surface_voxels(surface, 4)[0].astype("float64"), 4, method)
