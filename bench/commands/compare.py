"""``bench compare``: what changed between two runs, without a verdict."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """example:
  python -m bench compare runs/yesterday runs/today

The table is that of bench gate; the exit code is 0 whatever it says, 3 where nothing can be compared (another metric
protocol or other shapes), 2 where a folder is no run.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compare",
        help="what changed between two runs",
        description="Lists what became worse, better, new or lost from RUN_A to RUN_B, with BD-rates.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", type=Path, metavar="RUN_A", help="a run folder")
    parser.add_argument("after", type=Path, metavar="RUN_B", help="a run folder of the same data")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.comparison.compare import Kind, compare, markdown
    from bench.comparison.gate_reference import Baseline
    from bench.results.store import RunFolder

    before, after = (Baseline.of(RunFolder(path)) for path in (args.before, args.after))
    findings = compare(before, after)
    print(markdown(findings, unchanged=True))
    compared = any(finding.kind is not Kind.UNMEASURABLE for finding in findings)
    return 0 if compared else 3
