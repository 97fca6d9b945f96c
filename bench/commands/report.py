"""``bench report``: tables and figures of a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.commands.altered import warn_of_altered_archives

EPILOG = """examples:
  python -m bench report runs/sample-quick
  python -m bench report runs/sample-quick --html             one file with 3D views, opens offline
  python -m bench report runs/mixed-paper --paper             the paper's own numbers beside yours
  python -m bench report runs/sample-quick --formats pdf --out paper/figures

Nothing is coded or measured again: the run folder's manifest and rows are enough.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "report",
        help="tables and figures of a finished run",
        description="Writes report.md, figures (PNG, SVG, PDF) and tables (Markdown, LaTeX, CSV) from a run folder.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: RUN/report)")
    parser.add_argument(
        "--formats", default="png,svg,pdf", help="figure formats, comma separated (default: %(default)s)"
    )
    parser.add_argument("--html", action="store_true", help="also write report.html, one file with 3D views")
    parser.add_argument("--paper", action="store_true", help="set the published numbers beside the run's")
    meshes = parser.add_argument_group("reference meshes of the 3D views")
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
    from bench.commands.publish import publish
    from bench.results.store import RunFolder

    formats = [name.strip() for name in args.formats.split(",") if name.strip()]
    paths = publish(
        RunFolder(args.folder),
        cache=args.cache,
        data_root=args.data_root,
        codecs=args.codec,
        out=args.out,
        formats=formats,
        html=args.html,
        paper=args.paper,
    )
    warn_of_altered_archives("report", RunFolder(args.folder))
    print("\n".join(str(path) for path in paths if path.suffix in (".md", ".html") and path.parent.name != "tables"))
    return 0
