"""Run as one of two processes by ``test_ranks.py``: trains, and leaves what came of it. Arguments: folder."""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import torch

from bench.codec import Context
from necgs.codec import NecgsCodec
from necgs.training import checkpoint
from necgs.training.ranks import Ranks, StoppedElsewhere, joined
from necgs.training.train import train
from tests.necgs.training.test_ranks import RATE, STOP, TRAININGS, meshes, volumes_for


def stopped(folder: Path, ranks: Ranks) -> str:
    """How a training ends here that the second process is told to stop."""

    def progress(done: int, total: int, note: str) -> None:
        if ranks.rank == 1 and done == STOP:
            raise TimeoutError

    spec, settings = TRAININGS["blocks"]
    try:
        train(volumes_for(spec), spec, settings, checkpoint=folder / "of-two", progress=progress)
    except (TimeoutError, StoppedElsewhere) as error:
        return type(error).__name__
    return "went on"


def main(folder: Path) -> None:
    """Train everything; write ``RANK.pickle``."""
    torch.set_num_threads(1)
    checkpoint.SECONDS_BETWEEN = -1.0
    found = {}
    with joined("cpu") as ranks:
        for name, (spec, settings) in TRAININGS.items():
            found[name] = train(volumes_for(spec), spec, settings)
        found["stopped"] = stopped(folder, ranks)
        spec, settings = TRAININGS["blocks"]
        found["continued"] = train(volumes_for(spec), spec, settings, checkpoint=folder / "of-one")
        with tempfile.TemporaryDirectory() as scratch:
            found["archive"] = NecgsCodec().encode(meshes(), RATE, Context(scratch=Path(scratch)))
        found["gathered"] = ranks.gather([ranks.rank, "x"])
        (folder / f"{ranks.rank}.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
