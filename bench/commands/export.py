"""``bench export``: a run's numbers in the form that other programs read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

FORMATS = {
    "mpeg-csv": "the columns of MPEG's mmetric (compare, mode pcc), a line per shape and rate",
    "csv": "the points: the columns of summary.csv",
    "json": "everything with units and directions: results.json of the report",
}

EPILOG = (
    """formats:
"""
    + "".join(f"  {name:10} {text}\n" for name, text in FORMATS.items())
    + """
example:
  python -m bench export runs/sample-quick --format mpeg-csv --out points.csv
"""
)


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "export",
        help="a run's numbers for other programs",
        description="Prints or writes the results of a run folder in another form. The rows are enough.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--format", choices=list(FORMATS), required=True, help="see below")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write (default: standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.codec import UserError
    from bench.codec.atomic_write import write_atomically
    from bench.results.store import RunFolder

    text = exported(RunFolder(args.folder), args.format)
    if args.out is None:
        print(text, end="")
        return 0
    try:
        write_atomically(args.out, text)
    except OSError as error:
        raise UserError(f"--out: {args.out} cannot be written: {error.strerror or error}") from None
    print(args.out)
    return 0


def exported(run: Any, form: str) -> str:
    """The text of a run folder in one of `FORMATS`. Raises `bench.results.store.StoreError`."""
    from bench.results.csv_cells import without_formulas
    from bench.results.mpeg_csv import mpeg_csv
    from bench.results.summary import summarise

    run.read_manifest()
    if form == "mpeg-csv":
        return mpeg_csv(run.rows())
    if form == "csv":
        return without_formulas(summarise(run.rows())).to_csv(index=False, float_format="%.6g")
    from reports.results_json import results_text
    from reports.run_data import RunData

    return "".join(results_text(RunData.load(run.path)))
