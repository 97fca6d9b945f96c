"""``python -m necgs info``: what a coded file holds, and what its bytes are for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from necgs.coding.container import SetFile


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "info",
        help="names, settings and the ledger of a coded file",
        description="Print what a coded file holds. All checksums are checked; no mesh is decoded.",
    )
    parser.add_argument("file", type=Path, metavar="SET.necgs")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print. Returns the exit code."""
    facts = describe(args.file)
    if args.json:
        print(json.dumps(facts, indent=1))
        return 0
    size = f"{facts['bytes']:,} bytes, {len(facts['shapes'])} shapes, format {facts['format']}"
    print(f"{args.file}: {facts['codec']}, {size}")
    for key, value in facts["decoder"].items():
        print(f"  {key:<16} {value}")
    print("bytes")
    for name, count in facts["ledger"].items():
        print(f"  {name:<16} {count:>12,}  {100 * count / facts['bytes']:5.1f} %")
    print("shapes")
    for name, count in facts["shapes"].items():
        print(f"  {count:>8,} bytes  {name}")
    return 0


def describe(path: Path) -> dict[str, Any]:
    """Facts about a file: plain values. Raises ``CorruptArchive`` and ``OSError``."""
    from necgs.codec import NecgsCodec
    from necgs.coding.bitstream import VERSION, decode_shared
    from necgs.decoder.spec import DENSE
    from necgs.paper_codec import NecgsPaperCodec

    with path.open("rb") as file:
        coded = SetFile(file)
        shared = decode_shared(coded.shared())
        shapes = {entry.name: len(coded.shape(entry).part) for entry in coded.entries}
    size = path.stat().st_size
    ledger = {**shared.ledger, "shapes": sum(shapes.values())}
    spec = shared.decoder.spec
    return {
        "codec": (NecgsPaperCodec if spec.variant == DENSE else NecgsCodec).info.title,
        "bytes": size,
        "format": VERSION,
        "decoder": {
            "variant": spec.variant,
            "resolution": spec.resolution,
            "volume": "TSDF and deformation" if spec.channels == 4 else "TSDF",
            "latents": f"{spec.latent_grid}^3 x {spec.latent_channels}",
            "widths": "-".join(map(str, spec.widths)),
            "parameters": spec.parameter_count,
            "entropy": shared.coder,
        },
        "ledger": {**ledger, "file": size - sum(ledger.values())},
        "shapes": shapes,
    }
