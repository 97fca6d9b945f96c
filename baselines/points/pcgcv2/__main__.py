"""``python -m baselines.points.pcgcv2 train``: make a checkpoint of one's own.

Exit codes: 0 done; 2 wrong usage or input; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.codec.devices import device, usable_gpus


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run. Returns the exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    args = _parser().parse_args(arguments)
    from mesh_datasets import DatasetError

    from bench.codec import UserError

    try:
        return _train(args)
    except (DatasetError, UserError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m baselines.points.pcgcv2", description="PCGCv2 checkpoints.")
    command = parser.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "train", help="train a checkpoint on the meshes of a data set"
    )
    command.add_argument("--dataset", default="sample", help="as for the benchmark: sample, folder:PATH, ...")
    command.add_argument("--data-root", type=Path, help="where the data set lies")
    command.add_argument("--limit", type=int, help="take this many meshes only")
    command.add_argument("--rate", type=int, choices=range(1, 8), default=4, help="sets alpha and the file's name")
    command.add_argument("--alpha", type=float, help="weight of the distortion, instead of the rate's")
    command.add_argument("--epochs", type=int, default=50)
    command.add_argument("--batch", type=int, default=8, help="clouds a step")
    command.add_argument("--bits", type=int, default=7, help="voxel depth of the training clouds")
    command.add_argument("--device", type=device, default="cpu", help="cpu, cuda or cuda:1")
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--out", type=Path, required=True, help="folder for r<rate>.pth")
    return parser


def _train(args: argparse.Namespace) -> int:
    import torch
    from mesh_datasets import load

    from baselines.points.pcgcv2.train import ALPHAS, FULL_SCALE, Measured, TrainSettings, save, train

    usable_gpus(args.device)
    settings = TrainSettings(
        alpha=args.alpha or ALPHAS[args.rate],
        epochs=args.epochs,
        batch=args.batch,
        bits=args.bits,
        device=args.device,
        seed=args.seed,
    )
    torch.set_num_threads(args.threads)
    shapes = load(args.dataset, data_root=args.data_root, limit=args.limit)
    meshes = [shape.load() for shape in shapes]
    print(f"{len(meshes)} meshes; {FULL_SCALE}")

    def report(epoch: int, training: Measured, held: Measured | None) -> None:
        for name, value in (("train", training), ("held out", held)):
            if value is not None:
                parts = f"loss {value.loss:.4f}, {value.bits_per_point:.4f} bits a point"
                print(f"epoch {epoch + 1}/{settings.epochs} {name}: {parts}, cross-entropy {value.cross_entropy:.4f}")

    path = args.out / f"r{args.rate}.pth"
    save(train(meshes, settings, report), path)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
