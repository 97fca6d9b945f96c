"""What the commands take from their users: mesh files, settings, a device; and the errors for what cannot be used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_datasets.mesh_files.names import MESH_SUFFIXES, is_mesh_file, printable

from bench.codec import Context, UserError, parse_value
from bench.codec.devices import device_or_auto, why_none
from bench.codec.errors import DamagedReference
from necgs.coding.container import FORBIDDEN
from necgs.coding.shape_index import MAX_NAME_BYTES
from necgs.commands.progress import Progress
from necgs.commands.torchrun import Torchrun
from necgs.set_file import NamedMesh

if TYPE_CHECKING:
    from trimesh import Trimesh


class WrongInput(UserError):
    """What the user asked for cannot be done as asked: exit code 2."""


def add_context_options(parser: argparse.ArgumentParser) -> None:
    """Options that every command which computes has."""
    parser.add_argument(
        "--device",
        type=device_or_auto,
        default="auto",
        metavar="DEVICE",
        help="auto (default: CUDA where there is one), cpu, cuda, cuda:1",
    )
    parser.add_argument("--threads", type=positive, default=None, help="CPU threads; default: one per core")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def gigabytes(text: str) -> int:
    """An argument in GB, as bytes."""
    with suppress(ValueError):
        if 0 < (value := float(text)) < 1e6:  # neither nan nor inf
            return int(value * 2**30)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and below a million, without a unit: 4 or 0.5")


def add_memory_option(parser: argparse.ArgumentParser) -> None:
    """``--max-memory``: for commands that decode."""
    parser.add_argument(
        "--max-memory",
        type=gigabytes,
        metavar="GB",
        help="memory that decoding may ask for (default: 0.5, and 32 KiB for each byte of the file)",
    )


def add_skip_option(parser: argparse.ArgumentParser) -> None:
    """The option of every command that reads meshes."""
    parser.add_argument(
        "--skip-invalid", action="store_true", help="leave meshes out that cannot be used, and name them"
    )


def positive(text: str) -> int:
    """An argument that is a whole number from 1 on."""
    with suppress(ValueError):
        if (value := int(text)) >= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")


def natural(text: str) -> int:
    """An argument that is a whole number from 0 on."""
    with suppress(ValueError):
        if (value := int(text)) >= 0:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")


def context_of(args: argparse.Namespace, seed: int = 0, scratch: Path = Path(), *, trains: bool = True) -> Context:
    """The context that the options ask for; only training writes into ``scratch``.

    Args:
        args: the command line.
        seed: of the training.
        scratch: an own folder.
        trains: whether a network is trained or evaluated: else no GPU is looked for.

    Raises:
        WrongInput: CUDA was asked for and is not there.
    """
    here = Torchrun.of_environment()
    device = _device(args.device, here.rank) if trains else "cpu"
    threads = args.threads or max(1, (os.cpu_count() or 1) // here.processes)
    progress = Progress(quiet=args.quiet or not here.first)
    return Context(
        device, seed, scratch, threads=threads, report=progress, max_memory=getattr(args, "max_memory", None)
    )


def _device(wanted: str, rank: int | None = None) -> str:
    import torch

    device = wanted
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and rank is not None:  # a GPU for each of torchrun's processes
        device = f"cuda:{rank}"
    if device != "cpu" and not torch.cuda.is_available():
        raise WrongInput(f"device {device}: {why_none()}; use --device cpu")
    if device.startswith("cuda:") and int(device[5:]) >= torch.cuda.device_count():
        raise WrongInput(f"there is no {device} here, only {torch.cuda.device_count()} CUDA devices, from cuda:0 on")
    return device


KEPT = 1 << 29
"""Bytes of meshes that are kept in memory; what comes beyond is read again whenever it is wanted."""


def read_meshes(paths: Sequence[Path], taken: Iterable[str] = (), skip_invalid: bool = False) -> list[NamedMesh]:
    """Read and normalise the meshes of files and folders; names are file names without suffix, made unique.

    Meshes beyond `KEPT` bytes are read again whenever they are wanted.

    Args:
        paths: mesh files, and folders whose mesh files are taken in the order of their names.
        taken: names that are in use already.
        skip_invalid: leave files out that cannot be used, and print why.

    Raises:
        WrongInput: naming every file that cannot be used and why; no file is left.
    """
    from mesh_datasets.errors import DatasetError
    from mesh_datasets.mesh_files.reading import read_mesh

    names, meshes, faults, room = {name.casefold() for name in taken}, [], [], KEPT
    for path in _files(paths):
        try:
            name, found = unique_name(_plain(path.stem), names), path.stat()
            mesh = read_mesh(path)
            size = mesh.vertices.nbytes + mesh.faces.nbytes
            again = None if size <= room else partial(_read_again, path, found.st_mtime_ns)
            meshes.append(NamedMesh.of(name, mesh, found.st_size, again))
            room -= 0 if again else size
            names.add(name.casefold())
        except (DatasetError, ValueError, OSError) as error:
            faults.append(f"{printable(path)}: {error}".replace(f"{printable(path)}: " * 2, f"{printable(path)}: "))
    if faults and not skip_invalid:
        remedy = "leave such meshes out with --skip-invalid"
        raise WrongInput(f"these meshes cannot be used; nothing was done ({remedy}):\n  " + "\n  ".join(faults))
    for fault in faults:
        print(f"necgs: left out: {fault}", file=sys.stderr)
    if not meshes:
        raise WrongInput("no mesh is left that can be used")
    return meshes


def _read_again(path: Path, modified: int) -> Trimesh:
    from mesh_datasets.mesh_files.reading import read_mesh

    try:
        if path.stat().st_mtime_ns == modified:
            return read_mesh(path)
    except OSError:
        pass
    raise DamagedReference(f"{printable(path)} was changed or taken away while it was in use; nothing was written")


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` settings with plain values. Raises `WrongInput`."""
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise WrongInput(f"--set takes KEY=VALUE, not {pair!r}")
        settings[key.strip()] = parse_value(text.strip())
    return settings


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if is_mesh_file(p.name) and not p.is_dir())
            if not inside:
                raise WrongInput(f"folder {path} holds no mesh files ({', '.join(sorted(MESH_SUFFIXES))})")
            files += inside
        else:
            files.append(path)
    return files


def _plain(stem: str) -> str:
    """A file name's stem with everything that a shape's name must not hold made ``_``."""
    return "".join("_" if c in FORBIDDEN or not c.isprintable() else c for c in stem).lstrip(".") or "mesh"


def unique_name(name: str, taken: set[str], longest: int = MAX_NAME_BYTES) -> str:
    """``name``, with a number where ``taken`` holds it: the names in use, casefolded. Cut where it is too long.

    Files whose names differ in case only would overwrite each other on Windows and macOS.
    """
    candidate, number = _cut(name, longest), 1
    while candidate.casefold() in taken:
        number += 1
        candidate = _cut(name, longest - len(f"_{number}")) + f"_{number}"
    return candidate


def _cut(name: str, longest: int) -> str:
    """The first characters of ``name`` that take at most ``longest`` bytes."""
    return name.encode()[:longest].decode(errors="ignore")
