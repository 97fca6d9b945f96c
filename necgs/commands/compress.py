"""``python -m necgs compress``: meshes into one coded file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from bench.codec import Archive, Context, EncodeFailed
from bench.codec.atomic_write import write_atomically
from necgs.coding.container import write_set
from necgs.commands.inputs import (
    NamedMesh,
    WrongInput,
    add_context_options,
    context_of,
    natural,
    parse_settings,
    positive,
    read_meshes,
)
from necgs.commands.target_size import within
from necgs.settings import PRESETS, NecgsRate

EPILOG = """examples:
  python -m necgs compress scans/*.ply -o scans.necgs
  python -m necgs compress folder/ -o small.necgs --width 2
  python -m necgs compress folder/ -o fits.necgs --target-bytes 100000
  python -m necgs compress folder/ -o huffman.necgs --preset paper --set entropy=huffman --device cuda

One small network is trained for all meshes together, so a set of many similar meshes compresses best.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compress",
        help="code meshes into one file",
        description="Train a small decoder for a set of meshes; write it, and a few numbers per mesh, into one file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("meshes", type=Path, nargs="+", metavar="MESHES", help="mesh files, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SET.necgs")
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), default="quick", help="default: quick (minutes on two cores)"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--width", type=positive, help="the decoder's width: the knob between size and quality")
    size.add_argument("--target-bytes", type=positive, metavar="N", help="the best quality whose file stays within N")
    parser.add_argument("--resolution", type=positive, help="grid points per axis: 64, 128 or 256")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting; see docs/necgs.md"
    )
    parser.add_argument("--seed", type=natural, default=0, help="same seed, same machine, same bytes (default: 0)")
    parser.add_argument("--force", action="store_true", help="overwrite the output")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="keep the training's state here; the same command goes on from it",
    )
    add_context_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compress. Returns the exit code."""
    settings = settings_of(args)
    _rate(settings)  # a wrong setting is told before any mesh is read
    if args.output.exists() and not args.force:
        raise WrongInput(f"{args.output} exists; --force overwrites it")
    if not args.output.parent.is_dir():
        raise WrongInput(f"there is no folder {args.output.parent} to write to")
    meshes = read_meshes(args.meshes)
    with _scratch(args.checkpoint) as scratch:
        data = _compressed(meshes, settings, context_of(args, args.seed, scratch), args)
    write_atomically(args.output, data)
    source = sum(mesh.source_bytes for mesh in meshes)
    each, ratio = len(data) / len(meshes), source / len(data)
    print(f"{args.output}: {len(data):,} bytes, {each:,.0f} a mesh, {ratio:.0f} times smaller than the mesh files")
    return 0


def _compressed(meshes: list[NamedMesh], settings: dict[str, Any], context: Context, args: argparse.Namespace) -> bytes:
    if not args.target_bytes:
        return compress(meshes, _rate(settings), context)

    def make(chosen: Mapping[str, Any]) -> bytes:
        return compress(meshes, _rate(chosen), context)

    return within(args.target_bytes, settings, len(meshes), make, args.resolution is not None)


def _scratch(checkpoint: Path | None) -> AbstractContextManager[Path]:
    """The folder of the training's state: the user's, or one that goes away."""
    if checkpoint is None:
        return _temporary()
    checkpoint.mkdir(parents=True, exist_ok=True)
    return nullcontext(checkpoint)


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="necgs-") as folder:
        yield Path(folder)


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """Preset, then ``--set``, then the options of their own."""
    settings = {**PRESETS[args.preset], **parse_settings(args.set)}
    for name in ("width", "resolution"):
        if getattr(args, name) is not None:
            settings[name] = getattr(args, name)
    return settings


def compress(meshes: list[NamedMesh], rate: NecgsRate, context: Context) -> bytes:
    """The coded file of a set.

    Raises:
        EncodeFailed: naming the meshes that could not be coded.
    """
    from necgs.codec import NecgsCodec

    archive = NecgsCodec().encode([mesh.mesh for mesh in meshes], rate, context)
    if context.failures:
        reasons = [f"{meshes[index].name}: {failure.message}" for index, failure in context.failures.items()]
        raise EncodeFailed("these meshes cannot be coded: " + "; ".join(reasons), "leave them out")
    return _file(archive, meshes)


def _file(archive: Archive, meshes: list[NamedMesh]) -> bytes:
    return write_set(archive, [mesh.name for mesh in meshes], [mesh.placement for mesh in meshes])


def _rate(settings: Mapping[str, Any]) -> NecgsRate:
    try:
        return NecgsRate.of(settings)
    except (TypeError, ValueError) as error:
        raise WrongInput(str(error)) from None
