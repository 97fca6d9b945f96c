"""Where the gain of ``meshset`` comes from: the vertex fit, the coder, and what shapes have in common, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.comparison.paired import ShapeCurve, pairwise, shape_curves
from reports.document.table import Column, Table
from reports.sections.bd_rate import FROM_SHAPES, Pairs, category_columns, members_by_category, with_interval

if TYPE_CHECKING:
    from reports.run_data import RunData

STEPS: Mapping[str, str] = {
    "draco-simplify": "",
    "draco-simplify:fit=on": "vertex fit",
    "meshset:groups=off": "own coder, mirrors, faces where they pay",
    "meshset": "shared connectivity, shapes predicted from shapes",
}
"""Codecs, each of which adds to the one before it what is said beside it."""

ALL = "all"


def set_and_fit_table(data: RunData, dataset: str, replicates: int = 400) -> Table | None:
    """BD-rate of surface error of each of `STEPS` against the first and against the one before, by category of shape.

    None where fewer than three of them were run, or not on the same shapes.
    """
    curves = shape_curves(data.rows, dataset, "surface_cd")
    found = [codec for codec in STEPS if codec in curves]
    if len(found) < 3 or found[0] != next(iter(STEPS)):
        return None
    chosen = {codec: curves[codec] for codec in found}
    parts = {ALL: set(chosen[found[0]].names), **members_by_category(data, dataset)}
    pairs = {name: _pairs(chosen, shapes, replicates) for name, shapes in parts.items()}
    if not all(pairs.values()):
        return None
    first = f"{data.title(found[0])} alone"
    lines = [
        {"against": against, "title": data.title(test), "adds": STEPS[test]}
        | {part: with_interval(pairs[part].get((anchors[number], test))) for part in parts}
        for against, anchors in ((first, [found[0]] * len(found)), ("the step before", found))
        for number, test in enumerate(found[1:])
    ]
    columns = (
        Column("against", "Against"),
        Column("title", "Codec"),
        Column("adds", "which adds"),
        *category_columns(parts),
    )
    caption = f"What the fit, the coder and the set bring: BD-rate, surface error, on {dataset} ({FROM_SHAPES})"
    return Table(pd.DataFrame(lines), columns, caption, group="against")


def _pairs(curves: Mapping[str, ShapeCurve], shapes: set[str], replicates: int) -> Pairs:
    try:
        return pairwise({codec: curve.part(shapes) for codec, curve in curves.items()}, replicates=replicates)
    except ValueError:  # the codecs were run on different shapes
        return {}
