"""``bench metrics``: every metric for two mesh files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.commands.arguments import natural, positive


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "metrics",
        help="print all metrics for two mesh files",
        description="Compares two mesh files. The reference is normalised into [-1, 1]^3, the other mesh goes through "
        "the same transform. Distances are in units of 1e-3 of that cube.",
    )
    parser.add_argument("reference", type=Path, metavar="REF", help="the original mesh")
    parser.add_argument("reconstruction", type=Path, metavar="REC", help="the mesh that came back")
    parser.add_argument("--samples", type=positive, default=100_000, help="points a mesh (default: 100000)")
    parser.add_argument("--seed", type=natural, default=0, help="of the sampling (default: 0)")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.metrics.files import measure_files
    from bench.metrics.protocol import Protocol

    protocol = Protocol(samples=args.samples, seed=args.seed)
    compared = measure_files(args.reference, args.reconstruction, protocol)
    if compared.hint:
        print(f"bench metrics: {compared.hint}", file=sys.stderr)
    if args.json:
        print(json.dumps({"protocol": str(compared.protocol), **compared.values}, indent=2))
        return 0
    print(f"protocol {compared.protocol}; distances in 1e-3 of the cube [-1, 1]^3")
    for key, value in compared.values.items():
        print(f"{key:<18} {value:.6g}")
    return 0
