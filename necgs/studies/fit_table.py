"""What fitting gains: surface error and normals before and after each fit, as a table.

Errors are mean distances from 40,000 points of one surface to the other, both ways, in 1e-3 of [-1, 1]^3. NC is the
mean unsigned cosine between the normals there, averaged over both ways; |def| the mean |deformation| over the narrow
band; seconds are process CPU time of the volume or of its fit.
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

from bench.codec import Context
from necgs.fit.direct import DirectFit
from necgs.fit.fit_volume import Fit, fit_volume
from necgs.fit.rendered import RenderedFit
from necgs.volume.surface import Surface
from necgs.volume.tsdf_def import TsdfDef, plain_volume

if TYPE_CHECKING:
    from trimesh import Trimesh

_POINTS = 40_000
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
    reference = Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    start = time.process_time()
    plain = plain_volume(mesh, resolution)
    yield _row(name, "plain", plain, reference, time.process_time() - start)
    for label, fit in fits:
        start = time.process_time()
        volume = fit_volume(plain, mesh, fit, Context(scratch=Path()))
        yield _row(name, label, volume, reference, time.process_time() - start)


def _row(name: str, label: str, volume: TsdfDef, reference: Surface, seconds: float) -> FitRow:
    mesh = volume.mesh()
    near = np.abs(volume.codes[0]) < 128
    moved = float(np.abs(volume.values()[1:, near]).mean()) if near.any() else 0.0
    if not len(mesh.faces):
        return FitRow(name, volume.resolution, label, np.inf, np.inf, 0.0, moved, seconds)
    extracted = Surface(mesh.vertices, mesh.faces)
    there, agree = deviation(reference, extracted)
    back, agree_back = deviation(extracted, reference)
    return FitRow(name, volume.resolution, label, there, back, (agree + agree_back) / 2, moved, seconds)


def deviation(source: Surface, target: Surface) -> tuple[float, float]:
    """Mean distance in 1e-3 from points of one surface to another, and the mean unsigned cosine of the normals."""
    points, faces = source.sample(_POINTS, seed=0)
    nearest, target_faces, _ = target.closest(points)
    cosine = (source.normals[faces] * target.normals[target_faces]).sum(1)
    return float(np.linalg.norm(points - nearest, axis=1).mean() * 1e3), float(np.abs(cosine).mean())


def load_normalised(path: Path) -> Trimesh:
    """A mesh file as one mesh, centred and scaled into [-1, 1]^3 by its longest side."""
    import trimesh

    mesh = trimesh.load_mesh(path)
    low, high = mesh.bounds
    mesh.vertices = np.clip((mesh.vertices - (low + high) / 2) * (2 / (high - low).max()), -1.0, 1.0)
    return mesh


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
