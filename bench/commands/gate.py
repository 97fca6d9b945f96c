"""``bench gate``: did compression become worse?"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.altered import warn_of_altered_archives
from bench.commands.arguments import percentage

if TYPE_CHECKING:
    from bench.comparison.gate_reference import Baseline

EPILOG = """examples:
  python -m bench run --profile smoke --out runs/smoke
  python -m bench gate runs/smoke --baseline bench/gates/smoke.json --update-baseline    once, then review and commit it
  python -m bench gate runs/smoke --baseline smoke                                       in CI, at each change

Deterministic codecs must give the same bytes and the same meshes. Others are judged by their BD-rate with its paired
95 % interval, by size and error at each rate, and by their worst shape. A shape that failed before is no news; one that
fails now is. Times (CPU seconds) count only on a machine like the baseline's, and only when they more than triple.

In GitHub Actions the table also goes to the job's summary page.

exit codes: 0 nothing worse; 1 worse; 2 wrong usage or input; 3 not measurable (another metric protocol, other shapes, a
codec that is not available, nothing measured); 4 coverage lost (rows of the baseline are missing)
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "gate",
        help="compare a run with a baseline; the exit code says whether compression became worse",
        description="Lists regressions, improvements, new, missing and unmeasurable rows of a run against a baseline.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument(
        "--baseline",
        type=_baseline,
        required=True,
        metavar="FILE",
        help="a baseline, as --update-baseline makes it; or the name of one that ships with the program: smoke",
    )
    parser.add_argument(
        "--update-baseline", action="store_true", help="make FILE from RUN; shows what changes, judges nothing"
    )
    parser.add_argument(
        "--tolerance",
        type=percentage,
        metavar="PERCENT",
        help="what may change in BD-rate and size of codecs that are not deterministic (default: 2)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.comparison.compare import Tolerance, compare, markdown
    from bench.comparison.gate import gate, publish
    from bench.comparison.gate_reference import Baseline
    from bench.results.store import RunFolder, StoreError

    tolerance = Tolerance()
    if args.tolerance is not None:
        tolerance = dataclasses.replace(tolerance, bd_rate=args.tolerance / 100, size=args.tolerance / 100)
    new = Baseline.of(RunFolder(args.folder))
    warn_of_altered_archives("gate", RunFolder(args.folder))
    if args.update_baseline:
        if not new.points:
            raise StoreError(f"{args.folder} holds no finished job: no baseline can be made from it")
        if any(point.unmeasured for point in new.points.values()):
            raise StoreError(f"{args.folder} holds shapes that could not be measured", "do them again: --retry-failed")
        before = _earlier(args.baseline)
        new.write(args.baseline)
        publish(markdown(compare(before, new, tolerance)) if before else f"{args.baseline}: {len(new.points)} points")
        return 0
    verdict = gate(Baseline.read(args.baseline), new, tolerance)
    publish(verdict.markdown())
    return verdict.code


def _baseline(text: str) -> Path:
    """A file; or, by its name alone, one of `bench/gates` where there is no file of that name."""
    shipped = Path(__file__).parents[1] / "gates" / f"{text}.json"
    return shipped if "/" not in text and shipped.is_file() and not Path(text).is_file() else Path(text)


def _earlier(path: Path) -> Baseline | None:
    """The baseline that is to be replaced, where there is one that can be compared with; never another kind of file."""
    from bench.comparison.gate_reference import Baseline, OutdatedBaseline

    try:
        return Baseline.read(path) if path.exists() else None
    except OutdatedBaseline:
        return None
