"""A static site of runs: an index, a page per data set, the rows to download. Any web server will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.codec.atomic_write import write_atomically
from bench.comparison.bd_rate import BDRate
from bench.comparison.paired import pairwise, shape_curves
from bench.results.csv_cells import without_formulas
from bench.results.identity import data_digest
from bench.results.meshes import MeshSource
from reports.document.slug import slug
from reports.document.table import Column, Table
from reports.explorer.page import page_style
from reports.report import report_of
from reports.run_data import RunData, complete
from reports.sections.bd_rate import choose_anchor, short
from reports.several import Beside, MeshesBeside, beside, only

LINKS = {
    "All data sets": "../index.html",
    "Points (CSV)": "points.csv",
    "Shapes (CSV)": "shapes.csv",
    "Everything (JSON)": "results.json",
}
"""At the top of each data set's page."""


@dataclass(frozen=True)
class Group:
    """The runs of one data set's shapes.

    Args:
        folder: of its page.
        paths: the run folders.
        together: the runs as one.
    """

    name: str
    folder: str
    paths: tuple[Path, ...]
    together: Beside


def write_site(
    runs: Sequence[RunData],
    out: Path,
    source: Callable[[Path], MeshSource],
    formats: Sequence[str] = ("svg", "pdf"),
    views: str = "every",
) -> list[Path]:
    """Write the site into ``out``; returns the paths of its pages, the index first.

    Args:
        source: run folder -> where the 3D views get its meshes.
        views: one of `reports.report.VIEWS`.

    Raises:
        reports.several.NotComparable: runs of the same shapes under different metric protocols.
    """
    groups = grouped(runs)
    pages = []
    for group in groups:
        folder, data = out / group.folder, group.together.data
        meshes = MeshesBeside([source(path) for path in group.paths], group.together.origin)
        report = report_of(data, folder, formats=formats, html=True, meshes=meshes, views=views, links=LINKS)[-1]
        pages.append(report.replace(folder / "index.html"))
        _write_rows(data, folder)
    index = out / "index.html"
    write_atomically(index, _index(groups))
    return [index, *pages]


def grouped(runs: Sequence[RunData]) -> list[Group]:
    """The runs by data set and content of its shapes: other shapes under one name get a page of their own."""
    found: dict[tuple[str, str], list[RunData]] = {}
    for run in runs:
        for name in run.datasets:
            found.setdefault((name, data_digest(run.manifest, name)), []).append(only(run, name))
    names = [name for name, _ in found]
    return [
        Group(
            name,
            slug(name) + (f"-{digest[:8]}" if names.count(name) > 1 else ""),
            tuple(run.path for run in own),
            beside(own),
        )
        for (name, digest), own in found.items()
    ]


def _write_rows(data: RunData, folder: Path) -> None:
    for name, frame in (("points", data.summary), ("shapes", data.shapes)):
        write_atomically(folder / f"{name}.csv", without_formulas(frame).to_csv(index=False, float_format="%.6g"))


def _index(groups: Sequence[Group]) -> str:
    from jinja2 import Environment

    environment = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("reports.document") / "site.html.j2").read_text(encoding="utf-8"))
    sets = [
        {
            "name": escape(group.name),
            "folder": escape(group.folder),
            "shapes": int(group.together.data.points["shapes"].max()),
            "runs": max(1, len(group.together.data.runs)),
            "standing": standing(group.together.data, group.name).html(),
        }
        for group in groups
    ]
    return template.render(style=page_style(), sets=sets)


def standing(data: RunData, dataset: str) -> Table:
    """Codecs by BD-rate of surface error against the usual one, fewest bytes first; those without a number last."""
    import pandas as pd

    anchor = choose_anchor(data, dataset)
    try:
        pairs = pairwise(shape_curves(data.rows, dataset, "surface_cd"), [anchor], replicates=0)
    except ValueError:
        pairs = {}
    lines = [_line(data, dataset, codec, anchor, pairs.get((anchor, codec))) for codec in data.codecs]
    frame = pd.DataFrame(lines).sort_values("percent", na_position="last", kind="stable", ignore_index=True)
    columns = (
        Column("title", "Codec"),
        Column("percent", "BD-rate %", 1),
        Column("bytes", "Bytes per shape"),
        Column("error", "Surface error"),
        Column("rates", "Rates"),
        Column("why", "Note"),
    )
    return Table(frame, columns, f"BD-rate of surface error against {data.title(anchor)}")


def _line(data: RunData, dataset: str, codec: str, anchor: str, result: BDRate | None) -> dict[str, Any]:
    points = data.points[(data.points["dataset"] == dataset) & (data.points["codec"] == codec)]
    fine = points[complete(points)]
    sizes, errors = fine["bytes_per_shape"], fine["surface_cd"]
    counted = result is not None and result.percent is not None
    percent = result.percent if result is not None and counted else float("nan")
    return {
        "title": data.title(codec),
        "percent": 0.0 if codec == anchor else percent,
        "why": "the others are compared with it" if codec == anchor else "" if counted else short(result),
        "bytes": f"{sizes.min():,.0f} to {sizes.max():,.0f}" if len(fine) else "-",
        "error": f"{errors.max():.3g} to {errors.min():.3g}" if len(fine) else "-",
        "rates": len(points),
    }
