"""The report of a run: ``report.md`` with its tables and figures, and on request one HTML file that one explores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.codec import UserError
from bench.codec.atomic_write import replacing
from bench.results.meshes import MeshSource
from reports.document import style
from reports.document.html import Page, write_html
from reports.explorer.page import explorer_page
from reports.outline import outline
from reports.results_json import results_text
from reports.run_data import RunData
from reports.writer import Writer

VIEWS = ("every", "similar", "none")
"""Of which rates a page holds meshes: of all; of each codec's rate that makes sizes most alike; of none."""


def write_report(
    run_path: Path,
    *,
    out: Path | None = None,
    formats: Sequence[str] = style.FORMATS,
    html: bool = False,
    paper: bool = False,
    meshes: MeshSource | None = None,
    views: str = "every",
) -> list[Path]:
    """Write the report of a run folder into ``out`` (default: ``report/`` inside it); returns the paths written.

    Args:
        run_path: a run folder; only its manifest and rows are needed (archives for the 3D views of ``html``).
        formats: figure formats out of png, svg, pdf; the first one is shown in ``report.md``.
        html: also write ``report.html``, one file that one explores and that opens offline, and still images of its
            3D views.
        paper: set the published numbers of the paper beside the run's.
        meshes: where the 3D views get their meshes; without it ``html`` has none.
        views: one of `VIEWS`.

    Raises:
        bench.results.store.StoreError: no run folder, or a damaged one.
        bench.codec.UserError: a figure format that cannot be written.
    """
    check_formats(formats)
    data = RunData.load(run_path)
    return report_of(
        data, out or run_path / "report", formats=formats, html=html, paper=paper, meshes=meshes, views=views
    )


def check_formats(formats: Sequence[str]) -> None:
    """Raise `UserError` where figures cannot be written so."""
    unknown = sorted(set(formats) - set(style.FORMATS))
    if unknown or not formats:
        raise UserError(f"figure formats are {', '.join(style.FORMATS)}; not {', '.join(unknown) or 'none'}")


def report_of(
    data: RunData,
    out: Path,
    *,
    formats: Sequence[str] = style.FORMATS,
    html: bool = False,
    paper: bool = False,
    meshes: MeshSource | None = None,
    views: str = "every",
    links: Mapping[str, str] | None = None,
) -> list[Path]:
    """The same for results in memory. ``links``: text -> address, at the top of ``report.html``."""
    writer = Writer(out, formats, embed=html)
    writer.folder.mkdir(parents=True, exist_ok=True)
    source = meshes if html and views != "none" else None
    shown = outline(data, writer, paper=paper, meshes=source, every_rate=views == "every")
    writer.paths.append(writer.folder / "results.json")
    with replacing(writer.paths[-1]) as file:
        file.writelines(piece.encode() for piece in results_text(data))
    paths = writer.finish()
    if not html:
        return paths
    page: Page = explorer_page(data, shown, links or {})
    return [*paths, write_html(writer.folder / "report.html", writer.blocks, page)]
