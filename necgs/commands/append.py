"""``python -m necgs append``: more meshes into a coded file whose decoder stays as it is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec import Context
from bench.codec.atomic_write import write_atomically
from necgs.codec import NecgsCodec
from necgs.coding.container import Record, SetFile, extend_set
from necgs.commands.inputs import (
    WrongInput,
    add_context_options,
    add_memory_option,
    add_skip_option,
    context_of,
    positive,
    read_meshes,
)
from necgs.set_file import NamedMesh, OpenSet
from necgs.settings import FITS

if TYPE_CHECKING:
    from necgs.coding.bitstream import SharedPart


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "append",
        help="add meshes to a coded file",
        description="Fit latents for new meshes with the decoder of a file of volumes (compress --mode volume) and add "
        "them at its end. The bytes already written stay as they were. Meshes unlike those of the set come out worse "
        "than if they had been in it.",
    )
    parser.add_argument("file", type=Path, metavar="SET.necgs")
    parser.add_argument("meshes", type=Path, nargs="+", metavar="MESHES", help="mesh files, or folders of them")
    parser.add_argument("--steps", type=positive, default=300, help="optimiser steps (default: 300)")
    parser.add_argument("--fit", choices=FITS, default="direct", help="how deformations are found (default: direct)")
    add_skip_option(parser)
    add_context_options(parser)
    add_memory_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Append. Returns the exit code."""
    from io import BytesIO

    data = args.file.read_bytes()
    coded = SetFile(BytesIO(data))
    for entry in coded.entries:  # a damaged file must not be grown
        coded.shape(entry)
    shared = OpenSet.of(BytesIO(data), context_of(args, trains=False)).shared
    if coded.codec != NecgsCodec.info.name:
        remedy = "compress all meshes again, or use --mode volume"
        raise WrongInput(f"{args.file} holds meshes; append does not add to mesh files yet: {remedy}")
    meshes = read_meshes(args.meshes, coded.names, args.skip_invalid)
    context = context_of(args)
    records = append(shared, meshes, args.steps, args.fit, context)
    longer = extend_set(data, coded.names, records)
    write_atomically(args.file, longer)
    print(f"{args.file}: {len(meshes)} added, {len(longer) - len(data):,} bytes, {len(longer):,} in all")
    return 0


def append(shared: SharedPart, meshes: list[NamedMesh], steps: int, fit: str, context: Context) -> list[Record]:
    """The records of new shapes. Raises ``InvalidMesh``."""
    from necgs.coding.bitstream import encode_shape
    from necgs.stages import shape_volume
    from necgs.training.new_shapes import AppendSettings, fit_latents

    context.limit_torch()
    spec = shared.decoder.spec
    volumes = [shape_volume(mesh.mesh, spec.resolution, spec.channels, fit, context) for mesh in meshes]
    fitted = fit_latents(shared, volumes, AppendSettings(steps), context.device, context.progress)
    parts = [encode_shape(shared, codes, states) for codes, states in fitted]
    return [Record(mesh.name, part.data, mesh.placement) for mesh, part in zip(meshes, parts, strict=True)]
