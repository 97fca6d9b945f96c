"""``python -m necgs decompress``: a coded file back into meshes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bench.codec import CorruptArchive, DecodeFailed
from bench.codec.atomic_write import write_atomically
from bench.codec.did_you_mean import known_names
from necgs.coding.container import SetFile
from necgs.coding.shape_index import MAX_NAME_BYTES, Entry
from necgs.commands.inputs import (
    WrongInput,
    add_context_options,
    add_memory_option,
    context_of,
    positive,
    unique_name,
)
from necgs.commands.mesh_bytes import FORMATS, mesh_bytes, rounding_warning
from necgs.set_file import OpenSet


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "decompress",
        help="write the meshes of a coded file",
        description="Decode all shapes of a file, or some of them; a shape is decoded without the bytes of the others.",
    )
    parser.add_argument("file", type=Path, metavar="SET.necgs")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder; made if missing")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this shape only; may be repeated")
    parser.add_argument("--format", choices=FORMATS, default="ply", help="default: ply (binary, float64)")
    parser.add_argument(
        "--resolution",
        type=positive,
        metavar="R",
        help="of volumes: extract the surface on R^3 points instead of the coded K^3: K/2 to 4K, at most 512; 2K-1 is "
        "the best of the finer ones",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    add_context_options(parser)
    add_memory_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decode and write. Returns the exit code."""
    empty: list[str] = []
    damaged: list[str] = []
    with args.file.open("rb") as file:
        coded = OpenSet.of(file, context_of(args, trains=False))
        wanted = _wanted(coded.file, args.only)
        _check_resolution(args.resolution, coded)
        targets = _targets(args.output, coded.file.entries, wanted, args.format, args.force)
        context = context_of(args, trains=coded.volumes is not None)
        for done, (entry, target) in enumerate(zip(wanted, targets, strict=True), start=1):
            try:
                mesh = coded.decoded(coded.file.shape(entry), context, args.resolution)
            except (CorruptArchive, DecodeFailed) as error:  # the others do not need its bytes
                damaged.append(entry.name)
                print(f"necgs: {entry.name}: {error}", file=sys.stderr)
            else:
                empty += [entry.name] * (not len(mesh.faces))
                if warning := rounding_warning(mesh, args.format):
                    print(f"necgs: {target.name}: {warning}", file=sys.stderr)
                write_atomically(target, mesh_bytes(mesh, args.format))
            context.progress(done, len(wanted), "decoding")
    written = len(wanted) - len(damaged)
    print(f"{written} {'mesh' if written == 1 else 'meshes'} written to {args.output}")
    if damaged:
        raise DecodeFailed(f"{len(damaged)} of {len(wanted)} shapes could not be decoded: {', '.join(damaged)}")
    if empty:
        raise DecodeFailed(f"no surface was decoded for {', '.join(empty)}", "compress again with more epochs or width")
    return 0


def _check_resolution(wanted: int | None, coded: OpenSet) -> None:
    from necgs.volume.resampled_extraction import check_extraction

    if wanted is None:
        return
    if coded.volumes is None:
        raise WrongInput("--resolution has no effect: the file holds meshes, no volumes; leave it out")
    try:
        check_extraction(coded.volumes.decoder.spec.resolution, wanted)
    except ValueError as error:
        raise WrongInput(str(error)) from None


def _wanted(coded: SetFile, only: list[str]) -> list[Entry]:
    by_name = {entry.name: entry for entry in coded.entries}
    if missing := [name for name in only if name not in by_name]:
        raise WrongInput(
            f"the file holds no shape {', '.join(missing)}; {known_names(missing[0], by_name.keys(), 'it holds')}"
        )
    return [by_name[name] for name in dict.fromkeys(only)] if only else coded.entries


def _targets(folder: Path, entries: list[Entry], wanted: list[Entry], file_type: str, force: bool) -> list[Path]:
    """Where each shape goes: always directly in ``folder``, for names are checked to be plain file names.

    Names that differ in case only get numbers, for many file systems take them for one; the longest are cut, for a file
    name has no more bytes than a shape's name alone may have.
    """
    if folder.exists() and not folder.is_dir():
        raise WrongInput(f"{folder} is a file; --output names a folder")
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    names: dict[str, str] = {}
    for entry in entries:  # of all, so that a shape's name does not depend on which are wanted
        names[entry.name] = unique_name(entry.name, taken, MAX_NAME_BYTES - len(f".{file_type}"))
        taken.add(names[entry.name].casefold())
    targets = [folder / f"{names[entry.name]}.{file_type}" for entry in wanted]
    assert all(target.parent == folder for target in targets)
    if (there := [target for target in targets if target.exists()]) and not force:
        raise WrongInput(f"{there[0]} exists ({len(there)} in all); --force overwrites")
    return targets
