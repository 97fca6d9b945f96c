"""``python -m necgs append``: more meshes into a coded file; what is in it stays as it is."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec import Archive, Context, EncodeFailed, Part
from bench.codec.atomic_write import append_bytes, replacing
from necgs.coding.container import Record, extension
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
    from trimesh import Trimesh

    from necgs.coding.bitstream import SharedPart

EPILOG = """examples:
  python -m necgs append poses.necgs new_pose.obj --known pose_1.obj   pose_1 is in the file: its original
  python -m necgs append volumes.necgs another.obj --steps 500
"""

STEPS, FIT = 300, "direct"
OPTIONS = {"meshes": ("known", "faces"), "volumes": ("steps", "fit")}
"""What a file holds -> the options that act on what is added to it."""
_LOOKED_AT = 16
"""Shapes whose faces are counted, to find how many a new one gets."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "append",
        help="add meshes to a coded file",
        description="Add meshes at the end of a file. The bytes already written stay as they were, so what the set "
        "shares is not made for the new ones: meshes unlike those of the set come out worse, or larger, than if they "
        "had been in it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="SET.necgs")
    parser.add_argument("meshes", type=Path, nargs="+", metavar="MESHES", help="mesh files, or folders of them")
    add_skip_option(parser)
    meshes = parser.add_argument_group("to files of meshes")
    meshes.add_argument(
        "--known",
        type=Path,
        action="append",
        metavar="MESH",
        help="original of a shape that is in the file, under the same name; new meshes with its faces take the bytes "
        "of their vertices alone. One for each list of faces; may be repeated",
    )
    meshes.add_argument("--faces", type=positive, help="triangles of any other mesh (default: as many as the set has)")
    volumes = parser.add_argument_group("to files of volumes")
    volumes.add_argument("--steps", type=positive, help=f"optimiser steps (default: {STEPS})")
    volumes.add_argument("--fit", choices=FITS, help=f"how volumes are fitted (default: {FIT})")
    add_context_options(parser)
    add_memory_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Append. Returns the exit code."""
    with args.file.open("rb") as file:
        coded = OpenSet.of(file, context_of(args, trains=False))
        as_meshes = coded.meshes is not None
        _check_options(args, as_meshes, coded.volumes is not None)
        context = context_of(args, trains=not as_meshes)
        if as_meshes:
            parts = {entry.name: coded.file.shape(entry) for entry in coded.file.entries}
            originals = _originals(args.known or (), parts)
            meshes = read_meshes(args.meshes, coded.file.names, args.skip_invalid)
            records = append_meshes(coded, parts, originals, meshes, args.faces, context)
        else:
            assert coded.volumes is not None
            if not coded.file.index:  # a damaged file must not be grown; a large one is not read as a whole
                for entry in coded.file.entries:
                    coded.file.shape(entry)
            meshes = read_meshes(args.meshes, coded.file.names, args.skip_invalid)
            records = append(coded.volumes, meshes, args.steps or STEPS, args.fit or FIT, context)
        more = extension(coded.file, records)
    if coded.file.index:
        append_bytes(args.file, more)
    else:
        _replace(args.file.resolve(), args.file.read_bytes() + more)
    if where := context.notes.get("volumes_lie"):
        print(f"volumes {where}")
    print(f"{args.file}: {len(meshes)} added, {len(more):,} bytes, {args.file.stat().st_size:,} in all")
    return 0


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of a file in one step; who may read it stays as it was."""
    with replacing(path, durable=True) as file:
        shutil.copymode(path, file.name)
        file.write(data)


def append(shared: SharedPart, meshes: list[NamedMesh], steps: int, fit: str, context: Context) -> list[Record]:
    """The records of new volumes. Raises ``InvalidMesh``."""
    from necgs.coding.bitstream import encode_shape
    from necgs.stages import shape_volume
    from necgs.training.latent_descent import AppendSettings
    from necgs.training.new_shapes import fit_latents

    context.limit_torch()
    spec = shared.decoder.spec
    volumes = [shape_volume(mesh.mesh, spec.resolution, spec.channels, fit, context) for mesh in meshes]
    fitted = fit_latents(shared, volumes, AppendSettings(steps), context.device, context.progress, context.notes)
    parts = [encode_shape(shared, codes, states) for codes, states in fitted]
    return [Record(mesh.name, part.data, mesh.placement) for mesh, part in zip(meshes, parts, strict=True)]


def append_meshes(
    coded: OpenSet,
    parts: dict[str, Record],
    originals: dict[str, Trimesh],
    meshes: list[NamedMesh],
    faces: int | None,
    context: Context,
) -> list[Record]:
    """The records of new meshes.

    Args:
        coded: the file.
        parts: its shapes by name.
        originals: of some of them, normalised as they were.
        meshes: the new ones.
        faces: of a mesh that joins no group; None: the mean of the file.
        context: threads, progress.

    Raises:
        EncodeFailed: naming the meshes that could not be coded.
    """
    from necgs.mesh.append import append as appended
    from necgs.mesh.rate import MeshSetRate

    own = {name: coded.mesh_part(record.part) for name, record in parts.items() if coded.mode(record.part) == "mesh"}
    numbers = {name: number for number, name in enumerate(own)}
    if faces is None:
        some = list(own)[:: max(1, len(own) // _LOOKED_AT)]
        counts = [len(coded.decoded(parts[name], context).faces) for name in some]
        faces = max(1, round(sum(counts) / len(counts))) if counts else MeshSetRate().faces
    known = {numbers[name]: mesh for name, mesh in originals.items() if name in numbers}
    archive = Archive(tuple(Part(data) for data in own.values()), Part(coded.mesh_shared()))
    longer = appended(archive, known, [mesh.mesh for mesh in meshes], MeshSetRate(faces=faces), context)
    if context.failures:
        reasons = [f"{meshes[index].name}: {failure.message}" for index, failure in context.failures.items()]
        raise EncodeFailed("these meshes cannot be coded: " + "; ".join(reasons), "leave them out")
    added = [coded.marked(part.data) for part in longer.shapes[len(own) :]]
    return [Record(mesh.name, data, mesh.placement) for mesh, data in zip(meshes, added, strict=True)]


def _check_options(args: argparse.Namespace, meshes: bool, volumes: bool) -> None:
    """Raise `WrongInput` for an option that does not act on what is added to a file that holds this."""
    if meshes and volumes:
        holds = "meshes and volumes, and new shapes join as meshes"
    else:
        holds = "meshes, no volumes" if meshes else "volumes, no meshes"
    for option in OPTIONS["volumes" if meshes else "meshes"]:
        if getattr(args, option) is not None:
            raise WrongInput(f"--{option} has no effect: {args.file} holds {holds}; leave it out")


def _originals(paths: Sequence[Path], parts: dict[str, Record]) -> dict[str, Trimesh]:
    """Meshes that the file has, by their names in it, normalised as the file says that they were."""
    from mesh_datasets.errors import DatasetError
    from mesh_datasets.mesh_files.reading import read_mesh

    found: dict[str, Trimesh] = {}
    for path in paths:
        record = parts.get(path.stem)
        if record is None:
            raise WrongInput(
                f"--known {path}: the file holds no shape {path.stem}; it holds {', '.join(parts) or 'none'}"
            )
        try:
            mesh = read_mesh(path)
        except (DatasetError, ValueError, OSError) as error:
            raise WrongInput(f"--known {path}: {error}") from None
        found[path.stem] = mesh if record.placement is None else record.placement.apply(mesh)
    return found
