"""``python -m necgs info``: what a coded file holds, and what its bytes are for."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec import Context, CorruptArchive
from necgs.codec import NecgsCodec
from necgs.commands.inputs import add_memory_option
from necgs.hybrid_codec import Hybrid
from necgs.mesh_codec import MeshSet
from necgs.set_file import OpenSet

if TYPE_CHECKING:
    from necgs.coding.bitstream import SharedPart
    from necgs.mesh.stream import Shared


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "info",
        help="names, settings and the ledger of a coded file",
        description="Print what a coded file holds. All checksums are checked; no mesh is decoded.",
    )
    parser.add_argument("file", type=Path, metavar="SET.necgs")
    parser.add_argument("--json", action="store_true", help="for programs")
    add_memory_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print. Returns the exit code."""
    facts = describe(args.file, args.max_memory)
    if args.json:
        print(json.dumps(facts, indent=1))
        return 1 if facts["damaged"] else 0
    size = f"{facts['bytes']:,} bytes, {len(facts['shapes'])} shapes, format {facts['format']}"
    print(f"{args.file}: {facts['codec']}, {size}")
    for part in ("meshes", "decoder"):
        for key, value in facts.get(part, {}).items():
            print(f"  {key:<16} {value}")
    print("bytes")
    for name, count in facts["ledger"].items():
        print(f"  {name:<16} {count:>12,}  {100 * count / facts['bytes']:5.1f} %")
    print("shapes")
    for name, count in facts["shapes"].items():
        print(f"  {count:>8,} bytes  {facts['modes'].get(name, 'damaged'):<6}  {name}")
    for message in facts["damaged"].values():
        print(f"necgs: {message}", file=sys.stderr)
    return 1 if facts["damaged"] else 0


def describe(path: Path, max_memory: int | None = None) -> dict[str, Any]:
    """Facts about a file: plain values. Of a damaged shape the message, and its length in the file.

    Raises ``CorruptArchive`` where not even that can be told, and ``OSError``.
    """
    with path.open("rb") as file:
        coded = OpenSet.of(file, Context(scratch=Path(), max_memory=max_memory))
        shapes, modes, damaged = {}, {}, {}
        for entry in coded.file.entries:  # one part at a time: of many shapes they would fill the memory
            try:
                part = coded.file.shape(entry).part
                shapes[entry.name], modes[entry.name] = len(part), coded.mode(part)
            except CorruptArchive as error:
                shapes[entry.name], damaged[entry.name] = entry.length, str(error)
        ledger = _shared_ledger(coded)
    size = path.stat().st_size
    ledger["shapes"] = sum(shapes.values())
    meshes, volumes = coded.meshes, coded.volumes
    return {
        "codec": _title(coded),
        "bytes": size,
        "format": _format(coded),
        **({} if meshes is None else {"meshes": _meshes(meshes)}),
        **({} if volumes is None else {"decoder": _decoder(volumes)}),
        "ledger": {**ledger, "file": size - sum(ledger.values())},
        "shapes": shapes,
        "modes": modes,
        "damaged": damaged,
    }


def _title(coded: OpenSet) -> str:
    from necgs.decoder.spec import DENSE
    from necgs.paper_codec import NecgsPaperCodec

    published = isinstance(coded.codec, NecgsCodec) and coded.shared.decoder.spec.variant == DENSE
    return (NecgsPaperCodec if published else coded.codec).info.title


def _format(coded: OpenSet) -> int:
    """The version of the codec's bitstream."""
    from necgs.hybrid import parts
    from necgs.mesh import stream

    if isinstance(coded.codec, NecgsCodec):
        return int(coded.shared.version)
    return {MeshSet: stream.VERSION, Hybrid: parts.VERSION}[type(coded.codec)]


def _shared_ledger(coded: OpenSet) -> dict[str, int]:
    """What the bytes of the shared part are for: of volumes by component, of meshes by what has its own length."""
    ledger = dict(coded.volumes.ledger) if coded.volumes is not None else {}
    if coded.meshes is not None:
        ledger["groups"] = sum(group.nbytes for group in coded.meshes.groups)
        ledger["other shared"] = len(coded.file.shared()) - sum(ledger.values())
    return ledger


def _meshes(shared: Shared) -> dict[str, Any]:
    sizes = [f"{len(group.faces)} faces, {len(group.shapes)} shapes to predict from" for group in shared.groups]
    return {"groups": len(sizes), **{f"group {number}": size for number, size in enumerate(sizes, start=1)}}


def _decoder(shared: SharedPart) -> dict[str, Any]:
    spec = shared.decoder.spec
    return {
        "variant": spec.variant,
        "resolution": spec.resolution,
        "volume": "TSDF and deformation" if spec.channels == 4 else "TSDF",
        "latents": f"{spec.latent_grid}^3 x {spec.latent_channels}",
        "widths": "-".join(map(str, spec.widths)),
        "parameters": spec.parameter_count,
        "entropy": shared.coder,
    }
