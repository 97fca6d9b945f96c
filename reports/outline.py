"""What stands in a report, section by section."""

from __future__ import annotations

from collections.abc import Callable

from bench.results.meshes import MeshesUnavailable, MeshSource
from reports.document.document import Bullets, Heading, Text
from reports.document.slug import slug
from reports.paper import ablations as paper_ablations
from reports.paper import published as paper_numbers
from reports.paper.necgs_quality import necgs_quality_table
from reports.run_data import RunData
from reports.sections import (
    amortisation,
    bd_rate,
    categories,
    data_sets,
    decoded_points,
    equal_bytes,
    equal_quality,
    ledger,
    modes,
    per_shape,
    rate_distortion,
    rate_points,
    set_and_fit,
    time_quality,
    timing,
    variants,
)
from reports.sections.provenance import failures, provenance, what_was_run
from reports.views.stills import stills_figure
from reports.views.views import View, make_views, similar_rates
from reports.writer import Writer

VIEWS = "Shapes in three dimensions"

UNITS = """\
Distances are in units of 1e-3 of the normalised cube [-1, 1]^3. CD, NC and F1 compare random samples; *surface*
compares the samples of each mesh with the triangles of the other. `≈` marks a sampled value within 10 % of what a
perfect reconstruction would get: it ranks nothing, the surface columns do. Failed shapes count with a penalty (half the
cube's diagonal as distance, 0 as NC and F1), unmeasured ones in no mean: points with either are ranked nowhere. `•`
marks points that no other codec beats in bytes and surface error.
Times are wall seconds for the whole set; work that another rate had done already counts for each that needs it."""


BD_RATE = """\
Mean difference of archive size at equal quality, over the quality that both reach; negative is smaller. CD and F1
use only rates that are not saturated. Curves that are too short, do not rise, cross, share too little quality or hold
failed shapes get their status instead of a number; *dominates* means better and smaller throughout. By category, what
all shapes share counts in proportion to their number."""


def outline(
    data: RunData, writer: Writer, *, paper: bool = False, meshes: MeshSource | None = None, every_rate: bool = True
) -> list[View]:
    """Write every section of a run's report; returns the 3D views, where there are ``meshes``."""
    writer.add(*what_was_run(data))
    writer.table(data_sets.datasets_table(data), "data")
    views: list[View] = []
    if not len(data.points):
        writer.add(Text("No job of this run has finished yet."))
    else:
        for section in SECTIONS:
            section(data, writer)
        if paper:
            _paper(data, writer)
        if meshes is not None:
            views = _views(data, writer, meshes, every_rate)
    writer.add(*provenance(data))
    return views


def _results(data: RunData, writer: Writer) -> None:
    writer.add(Heading("Rate and distortion"))
    writer.figure(
        rate_distortion.rate_distortion(data),
        "rd_ratio",
        "CD and F1-0.005 against compression ratio; a cross marks failed or unmeasured shapes",
    )
    for dataset in data.datasets:
        writer.table(rate_points.comparable_table(data, dataset), f"comparable_{slug(dataset)}")
        writer.table(rate_points.points_table(data, dataset), f"points_{slug(dataset)}")
    writer.add(Text(UNITS))
    writer.figure(
        rate_distortion.rate_distortion(data, rate_distortion.BYTES, (rate_distortion.CD, rate_distortion.F1_005)),
        "rd_bytes",
        "The same against bytes per shape",
    )
    writer.figure(
        rate_distortion.rate_distortion(data, rate_distortion.BYTES, (rate_distortion.CD, rate_distortion.SURFACE)),
        "rd_surface",
        "The sampled CD ends at its floor; the surface error goes on ranking below it",
    )


def _equal_quality(data: RunData, writer: Writer) -> None:
    figure = equal_quality.equal_quality_figure(data)
    if figure is None:
        return
    writer.add(Heading("Rate at equal quality, quality at equal rate"))
    writer.figure(figure, "equal_quality", "Bytes a shape at equal surface error; no point: outside the codec's rates")
    for dataset in data.datasets:
        writer.table(equal_quality.equal_quality_table(data, dataset), f"equal_quality_{slug(dataset)}")
        writer.table(equal_bytes.equal_bytes_table(data, dataset), f"equal_bytes_{slug(dataset)}")


def _shapes(data: RunData, writer: Writer) -> None:
    writer.add(Heading("Shape by shape"))
    for dataset in data.datasets:
        caption = f"Spread over the shapes of {dataset}, each codec at the rate that makes sizes most alike"
        caption += per_shape.not_similar(data, dataset)
        writer.figure(per_shape.ecdf_figure(data, dataset), f"per_shape_{slug(dataset)}", caption)
        writer.table(rate_points.spread_table(data, dataset), f"spread_{slug(dataset)}")
        writer.table(categories.category_table(data, dataset), f"categories_{slug(dataset)}")
        writer.table(modes.modes_table(data, dataset), f"modes_{slug(dataset)}")
        writer.table(decoded_points.decoded_points_table(data, dataset), f"decoded_points_{slug(dataset)}")


def _bytes(data: RunData, writer: Writer) -> None:
    figure = ledger.ledger_figure(data)
    if figure is None:
        return
    writer.add(Heading("What the bytes are for"))
    writer.figure(figure, "ledger", "Share of each component; bytes a shape above the bar")
    for dataset in data.datasets:
        writer.table(ledger.ledger_table(data, dataset), f"ledger_{slug(dataset)}")
    for dataset in data.datasets:
        caption = (
            f"Bytes a shape against set size on {dataset}: filled markers are measured (small ones by bench "
            "set-sizes), the curve assumes that the shared part and the error stay as they are; a hollow marker is the "
            "break-even size"
        )
        writer.figure(amortisation.amortisation_figure(data, dataset), f"amortisation_{slug(dataset)}", caption)
        writer.table(amortisation.break_even_table(data, dataset), f"break_even_{slug(dataset)}")
        writer.table(amortisation.measured_sizes_table(data, dataset), f"set_sizes_{slug(dataset)}")


def _variants(data: RunData, writer: Writer) -> None:
    for name in variants.families(data):
        writer.add(Heading(f"Variants of {name}"))
        writer.figure(variants.ablation_figure(data, name), f"variants_{slug(name)}", f"Variants of {name}")
        for dataset in data.datasets:
            writer.table(variants.variants_table(data, dataset, name), f"variants_{slug(name)}_{slug(dataset)}")


def _paper(data: RunData, writer: Writer) -> None:
    writer.add(Heading("Beside the paper"), Text(f"Published values: {paper_numbers.SOURCE}."))
    writer.figure(paper_numbers.overlay_figure(data), "rd_paper", "This run (solid) and the published points (dotted)")
    for dataset in data.datasets:
        writer.table(paper_numbers.beside_table(data, dataset), f"paper_{slug(dataset)}")
        writer.table(necgs_quality_table(data, dataset), f"paper_necgs_{slug(dataset)}")
        writer.table(paper_ablations.ablations_table(data, dataset), f"paper_ablations_{slug(dataset)}")
    writer.add(Text(paper_numbers.INTRODUCTION), Bullets(paper_numbers.DIFFERENCES))


def _bd_rates(data: RunData, writer: Writer) -> None:
    parts, lacking = [], []
    for dataset in data.datasets:
        pairs = {metric: bd_rate.bd_rates(data, dataset, metric) for metric in bd_rate.METRICS}
        lacking.append(bd_rate.too_few_rates(data, dataset, pairs))
        anchor = bd_rate.choose_anchor(data, dataset)
        parts.append((bd_rate.anchor_table(data, dataset, pairs, anchor), f"bd_rate_{slug(dataset)}"))
        matrix = bd_rate.matrix_table(data, dataset, pairs["surface_cd"], "surface_cd")
        parts.append((matrix, f"bd_rate_pairs_{slug(dataset)}"))
        parts.append((bd_rate.bd_rate_by_category_table(data, dataset, anchor), f"bd_rate_categories_{slug(dataset)}"))
        parts.append((set_and_fit.set_and_fit_table(data, dataset), f"set_and_fit_{slug(dataset)}"))
    if any(lacking) or any(table is not None for table, _ in parts):
        writer.add(Heading("BD-rate"), Text(BD_RATE), *(Text(sentence) for sentence in lacking if sentence))
    for table, name in parts:
        writer.table(table, name)


def _failures(data: RunData, writer: Writer) -> None:
    writer.add(*failures(data))


def _timing(data: RunData, writer: Writer) -> None:
    writer.add(Heading("Time and memory"))
    for dataset in data.datasets:
        caption = f"Seconds a shape against surface error on {dataset}; hollow markers ran on a GPU"
        writer.figure(time_quality.time_quality_figure(data, dataset), f"time_quality_{slug(dataset)}", caption)
        writer.table(timing.phase_table(data, dataset), f"timing_{slug(dataset)}")
        writer.table(timing.decode_speed_table(data, dataset), f"decode_speed_{slug(dataset)}")
    machines = {row["machine"] for row in data.set_rows if row["machine"]}
    if len(machines) > 1:
        text = "a line of the tables belongs to one of them; compare times within one only"
        writer.add(Text(f"The jobs ran on {len(machines)} different machines: {text}."))
    workers = {row["workers"] for row in data.set_rows} - {1}
    if workers:
        counts = ", ".join(str(count) for count in sorted(workers))
        writer.add(Text(f"Jobs ran {counts} at a time: their times include what they took from each other."))


def _views(data: RunData, writer: Writer, meshes: MeshSource, every_rate: bool) -> list[View]:
    """The 3D views and their still images; where a mesh cannot be had, the report says why."""
    found: list[View] = []
    writer.add(Heading(VIEWS))
    for dataset in data.datasets:
        try:
            chosen = make_views(data, dataset, meshes, every_rate)
        except MeshesUnavailable as error:
            writer.add(Text(f"No views of {dataset}: {error}."))
            continue
        caption = (
            f"{dataset}: the worst, the median and the best shape, each codec at the rate that makes sizes most "
            "alike; below, the distance of each visible point to the original"
        )
        printed = [view.only(similar_rates(data, dataset)) for view in chosen if view.role in PRINTED]
        writer.figure(stills_figure(printed), f"views_{slug(dataset)}", caption)
        found += chosen
    return found


PRINTED = ("worst", "median", "best")
"""Roles of the shapes in the still images."""

Section = Callable[[RunData, Writer], None]
SECTIONS: tuple[Section, ...] = (
    _results,
    _equal_quality,
    _bd_rates,
    _shapes,
    _bytes,
    _variants,
    _failures,
    _timing,
)
