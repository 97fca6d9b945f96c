"""What extraction on another grid does to a surface: error, normals, faces and time, as a table.

``python -m necgs.studies.extraction_table MESH... --resolution 64 --extract 32 64 127 128``

Of each mesh the plain volume (TSDF alone) and the directly fitted one (with deformation), not coded. Errors as in
`necgs.studies.fit_table`, both ways averaged; milliseconds are CPU time of the extraction alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from necgs.fit.direct import DirectFit
from necgs.fit.fit_volume import fitted_volume
from necgs.studies.fit_table import load_normalised, surface_errors
from necgs.volume.resampled_extraction import check_extraction, mesh_at
from necgs.volume.tsdf_def import dequantise

if TYPE_CHECKING:
    from trimesh import Trimesh


def extraction_rows(mesh: Trimesh, name: str, coded: int, grids: Sequence[int]) -> Iterator[str]:
    """Lines of the table for one normalised mesh, as soon as they are known."""
    for label, fit, channels in (("plain", None, 1), ("direct", DirectFit(), 4)):
        volume = torch.from_numpy(dequantise(fitted_volume(mesh, coded, fit).dense(channels)))
        for grid in grids:
            start = time.process_time()
            extracted = mesh_at(volume, grid)
            spent = 1e3 * (time.process_time() - start)
            there, back, normals = surface_errors(mesh, extracted)
            error = (there + back) / 2
            faces = len(extracted.faces)
            yield f"{name:24.24} {label:7} {coded:4d} {grid:4d} {error:8.3f} {normals:7.4f} {faces:8,d} {spent:6.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m necgs.studies.extraction_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("meshes", nargs="+", type=Path, metavar="MESH")
    parser.add_argument("--resolution", type=int, default=64, metavar="K")
    parser.add_argument("--extract", nargs="+", type=int, default=[32, 64, 127, 128], metavar="R")
    options = parser.parse_args(arguments)
    try:
        for grid in options.extract:
            check_extraction(options.resolution, grid)
    except ValueError as error:
        parser.error(str(error))
    torch.set_num_threads(1)
    print(f"{'shape':24} {'volume':7} {'K':>4} {'R':>4} {'error':>8} {'NC':>7} {'faces':>8} {'ms':>6}")
    for path in options.meshes:
        for row in extraction_rows(load_normalised(path), path.stem, options.resolution, options.extract):
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
