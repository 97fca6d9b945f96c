"""What a set costs: bytes, seconds by phase, memory and cache, as the number of shapes and the resolution grow.

One line for each set and resolution, of one process with one thread. Phases are CPU seconds a shape; ``train`` is that
of the epochs which a set of this size gets. ``peak`` is the largest resident memory of the process, packages included;
meshes are loaded as they are needed. ``cache`` is what volumes take on disk. Each line has a process of its own.

With ``--keep FOLDER`` a table that was stopped goes on: volumes are kept with the seconds they took, training with its
state. Lines of other sets find the volumes that they share; their peaks are then of what is left to do.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec import Context
from bench.codec.atomic_write import write_atomically
from bench.codec.heap import whole_heap

if TYPE_CHECKING:
    from trimesh import Trimesh

_SPENT = "spent.json"
_SECONDS_BETWEEN = 10.0
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


@dataclass(frozen=True)
class _Spent:
    """What a line's processes have used; volumes keep their own seconds."""

    train: float = 0.0
    peak: int = 0

    @classmethod
    def read(cls, path: Path) -> _Spent:
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return cls()


@dataclass
class _CpuContext(Context):
    """Phases in CPU seconds: other work on the machine does not show in them. Notes them in a file as they pass.

    What a stopped process trained after its last checkpoint counts twice.
    """

    before: _Spent = _Spent()
    training_since: float | None = None
    noted: float = field(default_factory=time.monotonic)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        if name != "train":
            with super().phase(name):
                yield
            return
        self._charge(name, self.before.train)
        self.training_since = self._clock()
        with super().phase(name):
            yield
        self.training_since = None
        self._note()

    def progress(self, done: int, total: int, note: str = "") -> None:
        if time.monotonic() - self.noted > _SECONDS_BETWEEN:
            self._note()

    def spent(self) -> _Spent:
        """By this process and those before it."""
        now = 0.0 if self.training_since is None else self._clock() - self.training_since
        return _Spent(self.phases.get("train", self.before.train) + now, max(self.before.peak, _peak()))

    def _note(self) -> None:
        write_atomically(self.scratch / _SPENT, json.dumps(asdict(self.spent())).encode())
        self.noted = time.monotonic()

    def _clock(self) -> float:
        return time.process_time()


def _peak() -> int:
    """Bytes of resident memory, at most so far (not on Windows, which does not tell)."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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


def cost_row(dataset: str, limit: int | None, resolution: int, rate_weight: float, keep: Path | None = None) -> CostRow:
    """Code and decode a set in this process; volumes and training go on from what is in ``keep``."""
    from mesh_datasets.loading import load

    from necgs.codec import NecgsCodec
    from necgs.settings import NecgsRate

    codec, rate = NecgsCodec(), NecgsRate(resolution=resolution, lambda_=rate_weight)
    codec.warm_up()
    meshes = _Normalised(load(dataset, limit=limit).shapes)
    with tempfile.TemporaryDirectory() if keep is None else nullcontext(keep) as folder:
        own = Path(folder) / f"{len(meshes)} of {dataset.replace('/', '_')} at {resolution}, {rate_weight:g}"
        own.mkdir(parents=True, exist_ok=True)
        context = _CpuContext(scratch=own, cache=Path(folder) / "cache", before=_Spent.read(own / _SPENT))
        archive = codec.encode(meshes, rate, context)
        for _ in codec.decode_each(archive, context):
            pass
        spent = context.spent()
        shutil.rmtree(own)
    return CostRow(
        dataset=dataset,
        shapes=len(meshes),
        resolution=resolution,
        epochs=rate.training(len(meshes)).epochs,
        size=archive.nbytes / len(meshes),
        phases=tuple(context.phases.get(phase, 0.0) / len(meshes) for phase in PHASES),
        peak=spent.peak,
        cache=sum({**context.made, **context.found}.values()) / len(meshes),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; prints a line as soon as it is known."""
    options = _parser().parse_args(arguments)
    os.environ.update(whole_heap(os.environ))  # as the harness's workers have it
    print(_HEADER, flush=True)
    for dataset in options.dataset:
        for resolution in options.resolution:
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # a peak of its own for each line
                print(
                    pool.apply(cost_row, (dataset, options.limit, resolution, options.rate_weight, options.keep)),
                    flush=True,
                )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m necgs.studies.cost_table", description=__doc__)
    parser.add_argument(
        "--dataset", nargs="+", default=["sample"], metavar="SET", help="as of `python -m bench run` (default: sample)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many shapes of each")
    parser.add_argument("--resolution", nargs="+", type=int, default=[128], metavar="K", help="default: 128")
    parser.add_argument("--rate-weight", type=float, default=4e-3, metavar="LAMBDA")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="of what a stopped table goes on from")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
