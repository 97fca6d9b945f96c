"""What fitting gains: surface error and normals before and after each fit, as a table.

Errors are those of `bench.metrics`: mean distances from 100,000 points of one surface to the triangles of the other, in
1e-3 of [-1, 1]^3, and their average (``surface_cd``). NC is the mean unsigned cosine between the normals there
(``surface_nc``); |def| the mean |deformation| over the narrow band; seconds are process CPU time of the volume or of
its fit.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mesh_datasets.normalization import normalize

from bench.codec import Context
from bench.metrics.deviation import from_triangles, normal_consistency
from bench.metrics.protocol import UNIT, Protocol
from bench.metrics.sampling import generator, sample_surface
from bench.metrics.triangles import Triangles
from necgs.fit.direct import DirectFit
from necgs.fit.fit_volume import Fit, fit_volume
from necgs.fit.rendered import RenderedFit
from necgs.volume import LEVEL
from necgs.volume.plain_volume import plain_volume
from necgs.volume.tsdf_def import TsdfDef, dequantise

if TYPE_CHECKING:
    from trimesh import Trimesh

_COLUMNS = ("shape", "K", "volume", "ref->vol", "vol->ref", "mean", "NC", "|def|", "cpu s")


@dataclass(frozen=True)
class FitRow:
    """One line of the table."""

    shape: str
    resolution: int
    volume: str
    reference_to_volume: float
    volume_to_reference: float
    normals: float
    deformation: float
    seconds: float

    def __str__(self) -> str:
        mean = (self.reference_to_volume + self.volume_to_reference) / 2
        errors = f"{self.reference_to_volume:9.3f} {self.volume_to_reference:9.3f} {mean:7.3f}"
        return (
            f"{self.shape:28.28} {self.resolution:4d} {self.volume:14} {errors} {self.normals:7.4f} "
            f"{self.deformation:6.3f} {self.seconds:7.2f}"
        )


def fit_rows(mesh: Trimesh, name: str, resolution: int, fits: Sequence[tuple[str, Fit]]) -> Iterator[FitRow]:
    """Fit one normalised mesh in every way and measure each volume's surface. The first row is the plain volume."""
    start = time.process_time()
    plain = plain_volume(mesh, resolution)
    yield _row(name, "plain", plain, mesh, time.process_time() - start)
    for label, fit in fits:
        start = time.process_time()
        volume = fit_volume(plain, mesh, fit, Context(scratch=Path()))
        yield _row(name, label, volume, mesh, time.process_time() - start)


def _row(name: str, label: str, volume: TsdfDef, reference: Trimesh, seconds: float) -> FitRow:
    codes = volume.all_channels()
    near = np.abs(codes[0]) < LEVEL
    moved = float(np.abs(dequantise(codes[1:, near])).mean()) if near.any() else 0.0
    there, back, normals = surface_errors(reference, volume.mesh())
    return FitRow(name, volume.resolution, label, there, back, normals, moved, seconds)


def surface_errors(reference: Trimesh, decoded: Trimesh) -> tuple[float, float, float]:
    """Mean distances from the reference to the decoded surface and back, in 1e-3, and the normals' agreement.

    Of the protocol's samples and seed, as `bench.metrics.measure.measure` draws them; infinite and 0 where the decoded
    mesh has no face.
    """
    if not len(decoded.faces):
        return np.inf, np.inf, 0.0
    protocol = Protocol()
    surfaces = Triangles.of(reference, "the reference"), Triangles.of(decoded, "the volume's surface")
    a, b = (
        sample_surface(surface, protocol.samples, generator(protocol.seed, 0, side))
        for side, surface in enumerate(surfaces)
    )
    forth, back = from_triangles(a, surfaces[1]), from_triangles(b, surfaces[0])
    there, home = (float(deviation.distance.mean()) / UNIT for deviation in (forth, back))
    return there, home, normal_consistency(forth, back)


def load_normalised(path: Path) -> Trimesh:
    """A mesh file as one mesh, normalised (`mesh_datasets.normalization`)."""
    import trimesh

    return normalize(trimesh.load_mesh(path), path.name)[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; prints one line per shape, resolution and volume as soon as it is known."""
    parser = argparse.ArgumentParser(
        prog="python -m necgs.studies.fit_table", description=__doc__, formatter_class=_Raw
    )
    parser.add_argument("meshes", nargs="+", type=Path, metavar="MESH")
    parser.add_argument("--resolution", nargs="+", type=int, default=[64], metavar="K")
    parser.add_argument("--method", nargs="+", choices=["direct", "direct-tsdf", "rendered"], default=["direct"])
    parser.add_argument("--iterations", type=int, help="of the rendered fit (published: 500)")
    parser.add_argument("--size", type=int, help="pixels along a view of the rendered fit (published: 2048)")
    options = parser.parse_args(arguments)
    for path in options.meshes:
        if not path.is_file():
            parser.error(f"{path} is not a file")
    fits = [(name, _named(name, options.iterations, options.size)) for name in options.method]
    print(f"{_COLUMNS[0]:28} {_COLUMNS[1]:>4} {_COLUMNS[2]:14} " + " ".join(
        f"{column:>{width}}" for column, width in zip(_COLUMNS[3:], (9, 9, 7, 7, 6, 7), strict=True)))  # fmt: skip
    for path in options.meshes:
        for resolution in options.resolution:
            for row in fit_rows(load_normalised(path), path.stem, resolution, fits):
                print(row, flush=True)
    return 0


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the description's lines."""


def _named(name: str, iterations: int | None, size: int | None) -> Fit:
    if name == "direct-tsdf":
        return DirectFit(deformation=False)
    if name == "direct":
        return DirectFit()
    fit = RenderedFit()
    return dataclasses.replace(fit, iterations=iterations or fit.iterations, size=size or fit.size)


if __name__ == "__main__":
    raise SystemExit(main())
