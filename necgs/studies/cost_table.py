"""What a set costs: bytes, seconds by phase, memory and cache, as the number of shapes and the resolution grow.

One line for each set and resolution, of one process with one thread. Phases are CPU seconds a shape; ``train`` is that
of the epochs which a set of this size gets. ``peak`` is the largest resident memory of the process, packages included;
meshes are loaded as they are needed. ``cache`` is what volumes take on disk. Nothing is recalled: each line has a
process and a cache of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec import Context
from bench.codec.heap import whole_heap

if TYPE_CHECKING:
    from trimesh import Trimesh

PHASES = ("tsdf", "fit", "train", "entropy", "network", "extraction")

_HEADER = (
    f"{'set':>16} {'shapes':>6} {'K':>4} {'epochs':>6} {'B/shape':>9} "
    + " ".join(f"{phase:>10}" for phase in PHASES)
    + f" {'peak MB':>8} {'cache MB/shape':>14}"
)


@dataclass(frozen=True)
class CostRow:
    """One line of the table.

    Args:
        dataset: as asked for.
        shapes: how many.
        resolution: K.
        epochs: of the training.
        size: bytes a shape, the shared part included.
        phases: CPU seconds a shape of each of `PHASES`.
        peak: bytes of resident memory, at most.
        cache: bytes a shape.
    """

    dataset: str
    shapes: int
    resolution: int
    epochs: int
    size: float
    phases: tuple[float, ...]
    peak: int
    cache: float

    def __str__(self) -> str:
        phases = " ".join(f"{seconds:10.3f}" for seconds in self.phases)
        return (
            f"{self.dataset:>16} {self.shapes:6d} {self.resolution:4d} {self.epochs:6d} {self.size:9.1f} {phases} "
            f"{self.peak / 1e6:8.0f} {self.cache / 1e6:14.2f}"
        )


class _CpuContext(Context):
    """Phases in CPU seconds: other work on the machine does not show in them."""

    def _clock(self) -> float:
        return time.process_time()


class _Normalised(Sequence["Trimesh"]):
    """The meshes of a data set's shapes, each loaded when it is asked for."""

    def __init__(self, shapes: Sequence[Any]) -> None:
        self._shapes = shapes

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, index: Any) -> Any:
        from mesh_datasets.normalization import normalize

        shape = self._shapes[index]
        return normalize(shape.load(), shape.name)[0]


def cost_row(dataset: str, limit: int | None, resolution: int, rate_weight: float) -> CostRow:
    """Code and decode a set in this process (not on Windows, which does not tell the peak)."""
    import resource

    from mesh_datasets.loading import load

    from necgs.codec import NecgsCodec
    from necgs.settings import NecgsRate

    codec, rate = NecgsCodec(), NecgsRate(resolution=resolution, lambda_=rate_weight)
    codec.warm_up()
    meshes = _Normalised(load(dataset, limit=limit).shapes)
    with tempfile.TemporaryDirectory() as folder:
        context = _CpuContext(scratch=Path(folder), cache=Path(folder) / "cache")
        archive = codec.encode(meshes, rate, context)
        for _ in codec.decode_each(archive, context):
            pass
        cached = sum(path.stat().st_size for path in (Path(folder) / "cache").rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return CostRow(
        dataset=dataset,
        shapes=len(meshes),
        resolution=resolution,
        epochs=rate.training(len(meshes)).epochs,
        size=archive.nbytes / len(meshes),
        phases=tuple(context.phases.get(phase, 0.0) / len(meshes) for phase in PHASES),
        peak=peak,
        cache=cached / len(meshes),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; prints a line as soon as it is known."""
    options = _parser().parse_args(arguments)
    os.environ.update(whole_heap(os.environ))  # as the harness's workers have it
    print(_HEADER, flush=True)
    for dataset in options.dataset:
        for resolution in options.resolution:
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # a peak of its own for each line
                print(pool.apply(cost_row, (dataset, options.limit, resolution, options.rate_weight)), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m necgs.studies.cost_table", description=__doc__)
    parser.add_argument(
        "--dataset", nargs="+", default=["sample"], metavar="SET", help="as of `python -m bench run` (default: sample)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many shapes of each")
    parser.add_argument("--resolution", nargs="+", type=int, default=[128], metavar="K", help="default: 128")
    parser.add_argument("--rate-weight", type=float, default=4e-3, metavar="LAMBDA")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
