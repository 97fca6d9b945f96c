"""``bench check-codec``: the conformance kit on one codec."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bench.codec.devices import device, usable_gpus


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "check-codec",
        help="run the conformance kit on a codec",
        description="Checks that a codec keeps the contract: order, determinism, ledger, refusal of damaged archives, "
        "odd meshes, deadline. NAME is a registered name or the module:Class of a codec under development.",
    )
    parser.add_argument("name", metavar="NAME", help="codec; NAME:KEY=VALUE changes settings")
    parser.add_argument("--rate", help="rate label of the codec's ladder (default: its smallest)")
    parser.add_argument("--device", type=device, default="cpu", metavar="DEVICE", help="cpu (default), cuda, cuda:1")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.codec import Unavailable
    from bench.conformance import check
    from bench.registry import get
    from bench.results.spec import CodecSpec

    usable_gpus(args.device)
    spec = CodecSpec.parse(args.name)
    state = get(spec.name).availability()
    if not state.ok:
        raise Unavailable(f"{args.name} is not available. {state}")
    verdicts = []
    for verdict in check(spec, rate=args.rate, device=args.device):
        verdicts.append(verdict)
        if not args.json:
            detail = f": {verdict.detail}" if verdict.detail else ""
            print(f"{'ok  ' if verdict.ok else 'FAIL'}  {verdict.name}{detail}", flush=True)
    if args.json:
        print(json.dumps([vars(verdict) for verdict in verdicts], indent=2))
    return 0 if all(verdict.ok for verdict in verdicts) else 1
