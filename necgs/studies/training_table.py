"""How long to train the block-sparse decoder: bytes and surface error against steps, shapes a step and size of the set.

One line per training: its settings, optimiser steps, process CPU seconds of the training, bytes a shape and of the
shared part as they would be written, and the mean surface error of some decoded shapes, evenly spaced over the set
(``surface_cd`` of `bench.metrics`, in 1e-3 of [-1, 1]^3). Volumes are computed once and kept in the cache.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mesh_datasets.loading import load
from mesh_datasets.normalization import normalize

from bench.cache import default_cache
from bench.codec import Context
from necgs.coding.bitstream import decode_shared, encode_set
from necgs.settings import NecgsRate
from necgs.stages import decode_mesh, shape_volume
from necgs.studies.fit_table import surface_errors
from necgs.training.train import train

if TYPE_CHECKING:
    from trimesh import Trimesh

    from bench.codec import Archive


@dataclass(frozen=True)
class TrainingRow:
    """One line of the table."""

    shapes: int
    batch: int
    epochs: int
    steps: int
    seconds: float
    bytes_per_shape: float
    shared: int
    error: float

    def __str__(self) -> str:
        return (
            f"{self.shapes:6d} {self.batch:5d} {self.epochs:6d} {self.steps:6d} {self.seconds:8.1f} "
            f"{self.bytes_per_shape:9.1f} {self.shared:7d} {self.error:8.4f}"
        )


_HEADER = (
    f"{'shapes':>6} {'batch':>5} {'epochs':>6} {'steps':>6} {'cpu s':>8} {'B/shape':>9} {'shared':>7} {'error':>8}"
)


def training_row(meshes: Sequence[Trimesh], volumes: np.ndarray, rate: NecgsRate, measured: int) -> TrainingRow:
    """Train on volumes int16 (n, channels, K, K, K), code the set, decode and measure some of its meshes."""
    context = Context(scratch=Path())
    start = time.process_time()
    trained = train(volumes, rate.spec(), rate.training())  # as many passes as asked for
    seconds = time.process_time() - start
    archive = encode_set(trained, rate.entropy)
    size = len(archive.shared.data) + sum(len(part.data) for part in archive.shapes)
    return TrainingRow(
        shapes=len(meshes),
        batch=rate.batch,
        epochs=rate.training().epochs,
        steps=rate.training().epochs * -(-len(meshes) // rate.batch),
        seconds=seconds,
        bytes_per_shape=size / len(meshes),
        shared=len(archive.shared.data),
        error=_error(meshes, archive, measured, context),
    )


def _error(meshes: Sequence[Trimesh], archive: Archive, measured: int, context: Context) -> float:
    """Mean surface error of ``measured`` shapes of the set."""
    shared = decode_shared(archive.shared.data, None)
    chosen = np.unique(np.linspace(0, len(meshes) - 1, measured).astype(int))
    decoded = [decode_mesh(shared, archive.shapes[index].data, context) for index in chosen]
    pairs = zip(chosen, decoded, strict=True)
    return float(np.mean([np.mean(surface_errors(meshes[index], mesh)[:2]) for index, mesh in pairs]))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; prints a line as soon as it is known."""
    options = _parser().parse_args(arguments)
    context = Context(scratch=Path(), cache=default_cache())
    rate = NecgsRate(resolution=options.resolution, lambda_=options.rate_weight)
    meshes = [normalize(shape.load(), shape.name)[0] for shape in load(options.dataset, limit=options.limit).shapes]
    volumes = np.empty((len(meshes), rate.channels, *[rate.resolution] * 3), np.int16)
    for index, mesh in enumerate(meshes):
        volumes[index] = shape_volume(mesh, rate.resolution, rate.channels, rate.fit, context).dense(rate.channels)
    print(_HEADER, flush=True)
    for setting in options.train:
        print(training_row(meshes, volumes, setting.applied(rate), options.measured), flush=True)
    return 0


@dataclass(frozen=True)
class Setting:
    """Shapes a step, passes over the set, and a factor of the learning rates."""

    batch: int
    epochs: int
    factor: float = 1.0

    @classmethod
    def of(cls, text: str) -> Setting:
        """From ``4x100`` or ``4x100x0.5``. Raises ``ArgumentTypeError``."""
        try:
            batch, epochs, *factor = text.split("x")
            return cls(int(batch), int(epochs), *map(float, factor))
        except (TypeError, ValueError):
            raise argparse.ArgumentTypeError(f"{text!r} is not BATCHxEPOCHS or BATCHxEPOCHSxFACTOR") from None

    def applied(self, rate: NecgsRate) -> NecgsRate:
        """The rate point with this training."""
        rates = {name: getattr(rate, name) * self.factor for name in ("learning_rate", "latent_learning_rate")}
        return dataclasses.replace(rate, batch=self.batch, epochs=self.epochs, **rates)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m necgs.studies.training_table", description=__doc__)
    parser.add_argument("--dataset", default="sample", help="as of `python -m bench run` (default: sample)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many shapes")
    parser.add_argument("--resolution", type=int, default=64, metavar="K")
    parser.add_argument("--rate-weight", type=float, default=4e-3, metavar="LAMBDA")
    parser.add_argument("--measured", type=int, default=12, metavar="N", help="shapes that are decoded and measured")
    parser.add_argument(
        "--train",
        nargs="+",
        type=Setting.of,
        default=[Setting(4, 100)],
        metavar="BATCHxEPOCHS",
        help="trainings; 4x100x0.5 halves the learning rates (default: 4x100)",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
