"""``python -m necgs compress``: meshes into one coded file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from bench.codec import Context, Rate
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
from necgs.commands.torchrun import Torchrun
from necgs.hybrid.rate import matching
from necgs.set_file import CODECS, MODES, NamedMesh, compressed
from necgs.state_folder import state_folder

EPILOG = """examples:
  python -m necgs compress scans/*.ply -o scans.necgs
  python -m necgs compress folder/ -o fine.necgs --rate f3000
  python -m necgs compress folder/ -o fits.necgs --target-bytes 100000
  python -m necgs compress folder/ -o meshes.necgs --mode mesh --faces 1500
  python -m necgs compress folder/ -o volumes.necgs --mode volume --resolution 128 --set lambda=2e-3
  python -m necgs compress folder/ -o published.necgs --codec necgs-paper --rate w11 --device cuda
  torchrun --nproc-per-node 4 -m necgs compress folder/ -o volumes.necgs --mode volume    # a process for each GPU

modes:
  auto    each shape as mesh or as volume, whichever is the better use of bytes: the smallest file for the quality
  mesh    all as meshes: decimated, fitted; seconds a shape. Shapes of one face list share it: poses, frames, morphs
  volume  all as volumes of one small network that is trained for the set: minutes

Each mode has rates of its own: python -m bench codecs hybrid (auto), meshset (mesh), necgs (volume). docs/hybrid.md,
docs/meshset.md and docs/necgs.md have the settings for --set.
"""

VOLUME_CODECS = ("necgs", "necgs-paper")
ACTS_IN = {
    "faces": ("auto", "mesh"),
    "codec": ("volume",),
    "resolution": ("auto", "volume"),
    "width": ("volume",),
    "seed": ("auto", "volume"),
    "checkpoint": ("auto", "volume"),
    "device": ("auto", "volume"),
    "threads": ("auto", "volume"),
}
"""Option -> the modes in which it has an effect; an option that is not here has one in all."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compress",
        help="compress meshes into one file",
        description="Code a set of meshes as one file: what they share once, and a few bytes for each.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("meshes", type=Path, nargs="+", metavar="MESHES", help="mesh files, or folders of them")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SET.necgs")
    parser.add_argument("--mode", choices=tuple(MODES), help="auto (default), mesh, volume; see below")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--rate", metavar="LABEL", help="a rate of the mode's ladder, e.g. f1000 (auto, mesh) or k96")
    size.add_argument("--target-bytes", type=positive, metavar="N", help="the best quality whose file stays within N")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting of the mode")
    parser.add_argument("--force", action="store_true", help="overwrite the output")
    add_skip_option(parser)
    meshes = parser.add_argument_group("meshes (modes auto and mesh)")
    meshes.add_argument("--faces", type=positive, help="triangles a shape, on average (default: 1000)")
    _add_volume_options(parser.add_argument_group("volumes (mode volume; those with a * also in mode auto)"))
    add_context_options(parser)
    parser.set_defaults(run=run)


def _add_volume_options(group: Any) -> None:
    group.add_argument(
        "--codec",
        choices=VOLUME_CODECS,
        help="necgs (default): this project's, minutes on two cores; necgs-paper: as published, wants a GPU",
    )
    group.add_argument("--resolution", type=positive, help="* grid points per axis, e.g. 64, 96 or 128")
    group.add_argument("--width", type=positive, help="of the decoder's network")
    group.add_argument("--seed", type=natural, help="* same seed, machine and device, same bytes (default: 0)")
    group.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="* keep the training's state here; the same command goes on from it",
    )


def run(args: argparse.Namespace) -> int:
    """Compress. Returns the exit code."""
    codec = codec_name(args)
    settings = settings_of(args)
    rate_of(codec, settings)  # a wrong setting is told before any mesh is read
    if args.target_bytes:
        check_choosable(codec, settings)
    _check_places(args)
    here = Torchrun.of_environment()
    if here.all_processes > 1 and codec not in VOLUME_CODECS:
        raise WrongInput("the processes of torchrun share the training of volumes; add --mode volume")
    meshes = read_meshes(args.meshes, skip_invalid=args.skip_invalid)
    seed = args.seed or 0
    task = (codec, sorted(settings.items()), args.target_bytes, seed, [(mesh.name, mesh.placement) for mesh in meshes])
    with state_folder(args.checkpoint, task, first=here.first) as scratch:
        context = context_of(args, seed, scratch, trains=codec != MODES["mesh"])
        with _processes(here, context.device):
            data = _data(meshes, codec, settings, context, args.target_bytes)
        if not here.first:
            return 0
        write_atomically(args.output, data)
    source = sum(mesh.source_bytes for mesh in meshes)
    each, ratio = len(data) / len(meshes), source / len(data)
    if where := context.notes.get("volumes_lie"):
        print(f"volumes {where}")
    modes = f" ({context.notes['modes']})" if "modes" in context.notes else ""
    print(
        f"{args.output}: {len(data):,} bytes, {each:,.0f} a mesh{modes}, {ratio:.0f} times smaller than the mesh files"
    )
    return 0


def _data(meshes: list[NamedMesh], codec: str, settings: dict[str, Any], context: Context, target: int | None) -> bytes:
    def make(chosen: Mapping[str, Any]) -> bytes:
        return compressed(meshes, rate_of(codec, chosen), context)

    if not target:
        return make(settings)
    if codec in (MODES["auto"], MODES["mesh"]):  # volumes would fill the disk
        context.cache = context.scratch / "cache"
    return within(target, codec, settings, len(meshes), make)


def _processes(here: Torchrun, device: str) -> AbstractContextManager[object]:
    """The processes that torchrun started, joined; nothing where there is one."""
    if here.all_processes == 1:
        return nullcontext()
    from necgs.training.ranks import joined

    return joined(device)


def _check_places(args: argparse.Namespace) -> None:
    """Raise `WrongInput` where the output, or a training's state, could not be written: before any work is done."""
    if args.output.is_dir():
        raise WrongInput(f"{args.output} is a folder; --output names a file")
    if args.output.exists() and not args.force:
        raise WrongInput(f"{args.output} exists; --force overwrites it")
    if not args.output.parent.is_dir():
        raise WrongInput(f"there is no folder {args.output.parent} to write to")
    if args.checkpoint is not None and args.checkpoint.exists() and not args.checkpoint.is_dir():
        raise WrongInput(f"{args.checkpoint} is a file; --checkpoint names a folder")
    try:
        with tempfile.TemporaryFile(dir=args.output.parent):  # says more than the permissions: the disk is read-only
            pass
    except OSError as error:
        raise WrongInput(f"nothing can be written to {args.output.parent}: {error.strerror}") from None


def codec_name(args: argparse.Namespace) -> str:
    """The codec of the mode that was asked for.

    Raises:
        WrongInput: naming an option that has no effect in it.
    """
    mode = args.mode or ("volume" if args.codec else "auto")
    for option, modes in ACTS_IN.items():
        given = args.device not in ("auto", "cpu") if option == "device" else getattr(args, option) is not None
        if given and mode not in modes:
            name = f"--device {args.device}" if option == "device" else f"--{option}"
            belongs = " or ".join(f"--mode {other}" for other in modes)
            raise WrongInput(f"{name} has no effect in mode {mode}: leave it out, or use {belongs}")
    return args.codec or MODES[mode]


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The rate's own settings, then ``--set``, then the options of their own. Raises `WrongInput`."""
    codec = codec_name(args)
    ladder = CODECS[codec].ladder
    if args.rate is not None and args.rate not in ladder:
        raise WrongInput(f"{codec} has no rate {args.rate!r}; it has {', '.join(ladder)}")
    settings = parse_settings(args.set)
    for name in ("faces", "width", "resolution"):
        if getattr(args, name) is not None:
            settings[name] = getattr(args, name)
    faces = settings.get("faces")
    if args.rate:
        settings = {**ladder[args.rate], **settings}
    elif codec == MODES["auto"] and isinstance(faces, int) and faces > 0:
        settings = {**matching(faces), **settings}
    return settings


def rate_of(codec: str, settings: Mapping[str, Any]) -> Rate:
    """The rate point. Raises `WrongInput` naming the setting at fault."""
    try:
        return CODECS[codec].rate_type.of(settings)
    except (TypeError, ValueError) as error:
        raise WrongInput(f"{codec}: {error}") from None
