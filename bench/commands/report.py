"""``bench report``: tables, figures and pages of finished runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bench.commands.altered import warn_of_altered_archives

EPILOG = """examples:
  python -m bench report runs/sample-quick
  python -m bench report runs/sample-quick --html             one file to explore, opens offline
  python -m bench report runs/cpu runs/gpu --html             runs of the same shapes on one page
  python -m bench report runs/* --site public                 a site for any web server: a page per data set
  python -m bench report contributed/run --check              does a run folder hold together?
  python -m bench report runs/mixed-paper --paper             the paper's own numbers beside yours
  python -m bench report runs/sample-quick --formats pdf --out paper/figures

Nothing is coded or measured again: the run folder's manifest and rows are enough.

exit codes: 0 done; 1 --check: something is wrong; 2 a folder is no run; 3 runs that cannot be compared;
4 --check: something is missing
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "report",
        help="tables, figures and pages of finished runs",
        description="Writes report.md, figures (PNG, SVG, PDF) and tables (Markdown, LaTeX, CSV) from run folders.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="RUN", help="run folders; several: of the same shapes")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: report inside RUN; of several, beside RUN)"
    )
    parser.add_argument(
        "--formats", default="png,svg,pdf", help="figure formats, comma separated (default: %(default)s)"
    )
    parser.add_argument("--html", action="store_true", help="also write report.html, one file to explore")
    parser.add_argument("--paper", action="store_true", help="set the published numbers beside the run's")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--site", type=Path, metavar="DIR", help="write a static site of all runs into DIR instead")
    other.add_argument("--check", action="store_true", help="only check that the run folders hold together")
    meshes = parser.add_argument_group("the meshes of the 3D views")
    meshes.add_argument(
        "--views",
        choices=("every", "similar", "none"),
        default="every",
        help="of which rates: every one, of each codec the one of similar size, none; decoding takes its time",
    )
    meshes.add_argument(
        "--cache", type=Path, metavar="DIR", help="the cache that bench run used, if not the default one"
    )
    meshes.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets lie")
    meshes.add_argument(
        "--codec",
        action="append",
        default=[],
        metavar="MODULE:CLASS",
        help="import this codec under development for the views; without it only registered ones are",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.results.store import RunFolder

    _refuse_what_does_nothing(args)
    if args.check:
        return check_all(args.folders)
    paths = written(args)
    for folder in args.folders:
        warn_of_altered_archives("report", RunFolder(folder))
    print("\n".join(str(path) for path in paths if path.suffix in (".md", ".html") and path.parent.name != "tables"))
    return 0


def _refuse_what_does_nothing(args: argparse.Namespace) -> None:
    """Raise `bench.codec.UserError` for options that ``--site`` and ``--check`` leave no use for."""
    from bench.codec import UserError

    other = "--site" if args.site else "--check" if args.check else ""
    idle = [f"--{name}" for name in ("out", "html", "paper") if getattr(args, name)]
    if other and idle:
        raise UserError(f"{other} leaves no use for {', '.join(idle)}", "leave the one or the other out")


def written(args: argparse.Namespace) -> list[Path]:
    """Write what was asked for; returns the paths."""
    from bench.commands.publish import MeshPlaces, publish, publish_site, publish_together
    from bench.results.store import RunFolder

    formats = [name.strip() for name in args.formats.split(",") if name.strip()]
    places = MeshPlaces(args.cache, args.data_root, args.codec)
    options = {"formats": formats, "html": args.html, "paper": args.paper, "views": args.views}
    if args.site:
        return publish_site(args.folders, args.site, places, formats, args.views)
    if len(args.folders) > 1:
        first, *others = args.folders
        beside = "-".join(path.resolve().name for path in others)[:80]
        out = args.out or first.parent / f"{first.resolve().name}-with-{beside}"
        return publish_together(args.folders, out, places, **options)
    return publish(RunFolder(args.folders[0]), places=places, out=args.out, **options)


def check_all(folders: list[Path]) -> int:
    """Print what speaks against each run folder; returns the exit code."""
    from bench.results.check import check, exit_code
    from bench.results.store import RunFolder

    found = []
    for folder in folders:
        complaints = check(RunFolder(folder))
        found += complaints
        for complaint in complaints:
            print(f"{folder}: {complaint.kind.value}: {complaint.text}", file=sys.stderr)
        if not complaints:
            print(f"{folder}: complete and consistent")
    return exit_code(found)
