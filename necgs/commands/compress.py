"""``python -m necgs compress``: meshes into one coded file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from bench.codec import Context
from bench.codec.atomic_write import write_atomically
from necgs.commands.inputs import (
    WrongInput,
    add_context_options,
    add_skip_option,
    context_of,
    natural,
    parse_settings,
    positive,
    read_meshes,
)
from necgs.commands.target_size import check_choosable, within
from necgs.paper_settings import PaperRate
from necgs.set_file import CODECS, NamedMesh, compressed
from necgs.settings import NecgsRate

EPILOG = """examples:
  python -m necgs compress scans/*.ply -o scans.necgs
  python -m necgs compress folder/ -o fine.necgs --rate k128-fine
  python -m necgs compress folder/ -o fits.necgs --target-bytes 100000
  python -m necgs compress folder/ -o own.necgs --resolution 128 --set lambda=2e-3 --set epochs=200
  python -m necgs compress folder/ -o published.necgs --codec necgs-paper --rate w11 --device cuda

One small network is trained for all meshes together, so a set of many similar meshes compresses best.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compress",
        help="compress meshes into one file",
        description="Train a small decoder for a set of meshes; write it, and a few numbers per mesh, into one file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("meshes", type=Path, nargs="+", metavar="MESHES", help="mesh files, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SET.necgs")
    parser.add_argument(
        "--codec",
        choices=tuple(CODECS),
        default=next(iter(CODECS)),
        help="necgs (default): this project's, minutes on two cores; necgs-paper: as published, wants a GPU",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--rate", metavar="LABEL", help="a rate of the codec's ladder: python -m bench codecs NAME")
    size.add_argument("--target-bytes", type=positive, metavar="N", help="the best quality whose file stays within N")
    parser.add_argument("--resolution", type=positive, help="grid points per axis, e.g. 64, 96 or 128")
    parser.add_argument("--width", type=positive, help="of the decoder's network")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting; see docs/necgs.md"
    )
    parser.add_argument(
        "--seed", type=natural, default=0, help="same seed, same machine and device, same bytes (default: 0)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the output")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="keep the training's state here; the same command goes on from it",
    )
    add_skip_option(parser)
    add_context_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compress. Returns the exit code."""
    settings = settings_of(args)
    rate_of(args.codec, settings)  # a wrong setting is told before any mesh is read
    if args.target_bytes:
        check_choosable(args.codec, settings)
    if args.output.exists() and not args.force:
        raise WrongInput(f"{args.output} exists; --force overwrites it")
    if not args.output.parent.is_dir():
        raise WrongInput(f"there is no folder {args.output.parent} to write to")
    meshes = read_meshes(args.meshes, skip_invalid=args.skip_invalid)
    with _scratch(args.checkpoint) as scratch:
        data = _data(meshes, settings, context_of(args, args.seed, scratch), args)
    write_atomically(args.output, data)
    source = sum(mesh.source_bytes for mesh in meshes)
    each, ratio = len(data) / len(meshes), source / len(data)
    print(f"{args.output}: {len(data):,} bytes, {each:,.0f} a mesh, {ratio:.0f} times smaller than the mesh files")
    return 0


def _data(meshes: list[NamedMesh], settings: dict[str, Any], context: Context, args: argparse.Namespace) -> bytes:
    def make(chosen: Mapping[str, Any]) -> bytes:
        return compressed(meshes, rate_of(args.codec, chosen), context)

    if not args.target_bytes:
        return make(settings)
    return within(args.target_bytes, args.codec, settings, len(meshes), make)


def _scratch(checkpoint: Path | None) -> AbstractContextManager[Path]:
    """The folder of the training's state: the user's, or one that goes away."""
    if checkpoint is None:
        return _temporary()
    if checkpoint.exists() and not checkpoint.is_dir():
        raise WrongInput(f"{checkpoint} is a file; --checkpoint names a folder")
    checkpoint.mkdir(parents=True, exist_ok=True)
    return nullcontext(checkpoint)


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="necgs-") as folder:
        yield Path(folder)


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The rate's own settings, then ``--set``, then the options of their own. Raises `WrongInput`."""
    ladder = CODECS[args.codec].ladder
    if args.rate is not None and args.rate not in ladder:
        raise WrongInput(f"{args.codec} has no rate {args.rate!r}; it has {', '.join(ladder)}")
    settings = {**(ladder[args.rate] if args.rate else {}), **parse_settings(args.set)}
    for name in ("width", "resolution"):
        if getattr(args, name) is not None:
            settings[name] = getattr(args, name)
    return settings


def rate_of(codec: str, settings: Mapping[str, Any]) -> NecgsRate | PaperRate:
    """The rate point. Raises `WrongInput` naming the setting at fault."""
    try:
        rate = CODECS[codec].rate_type.of(settings)
    except (TypeError, ValueError) as error:
        raise WrongInput(f"{codec}: {error}") from None
    assert isinstance(rate, NecgsRate | PaperRate)
    return rate
