"""``bench merge``: several run folders become one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """examples, a run split over two machines:
  first machine:   python -m bench run --profile paper --dataset mixed --shard 1/2 --out runs/part1
  second machine:  python -m bench run --profile paper --dataset mixed --shard 2/2 --out runs/part2
  then, anywhere:  python -m bench merge runs/part1 runs/part2 -o runs/whole

Runs under other metric protocols, on other shapes or of other versions of a codec are refused.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "merge",
        help="several run folders become one",
        description="Merges run folders into a new one, with its summary and report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="RUN", help="run folders; of a point in several the first counts"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="RUN", help="the new run folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.commands.publish import publish
    from bench.results.merge import merge
    from bench.results.store import RunFolder
    from bench.results.summary import console_table

    out = RunFolder(args.out)
    count = merge([RunFolder(path) for path in args.folders], out)
    publish(out)
    print(console_table(out))
    print(f"\n{out.path}: {count} jobs of {len(args.folders)} runs; report: {out.path / 'report' / 'report.md'}")
    return 0
