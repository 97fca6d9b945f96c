"""How errors spread over the shapes of a set: cumulative distributions of each codec at a similar size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.document.style import PAGE, Look, legend_below, log_axis, looks, paper_style, plain
from reports.run_data import is_control
from reports.sections.rate_distortion import F1_005, SURFACE, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reports.run_data import RunData


SIMILAR = 2.0
"""A size is similar to another up to this factor."""


def similar_size(data: RunData, dataset: str, size: float | None = None, within: float = SIMILAR) -> pd.DataFrame:
    """One point per codec: the one nearest ``size`` bytes per shape (default: similar to most codecs, then nearest).

    Codecs without a point within the factor ``within`` are left out; `not_similar` names them.
    """
    points = data.points[(data.points["dataset"] == dataset) & (data.points["bytes_per_shape"] > 0)]
    points = points[~points["codec"].map(is_control).astype(bool) & (points["failed"] < points["shapes"])]
    points = points[points["unmeasured"] == 0]
    if not len(points):
        return points
    logarithms = np.log(points["bytes_per_shape"])
    middle, reach = float(logarithms.median()), np.log(within)

    def distance(target: float) -> tuple[float, ...]:
        nearest = (logarithms - target).abs().groupby(points["codec"]).min()
        near = nearest[nearest <= reach]
        return -len(near), round(float(near.sum()), 9), abs(target - middle)

    target = min(logarithms, key=distance) if size is None else float(np.log(size))
    distances = (logarithms - target).abs()
    near: pd.DataFrame = points.assign(distance=distances)[distances <= reach]
    return near.sort_values("distance", kind="stable").drop_duplicates("codec")


def not_similar(data: RunData, dataset: str) -> str:
    """What a caption adds where codecs are missing: that none of their rates is of similar size; else nothing."""
    chosen = set(similar_size(data, dataset)["codec"])
    run = set(data.points.loc[data.points["dataset"] == dataset, "codec"])
    missing = [data.title(c) for c in data.codecs if c in run and c not in chosen and not is_control(c)]
    return f"; without {', '.join(missing)}: no rate within a factor of {SIMILAR:g}" if missing else ""


def ecdf_figure(data: RunData, dataset: str, metrics: tuple[Quantity, ...] = (SURFACE, F1_005)) -> Figure | None:
    """Share of shapes with at most a value, a curve per codec at a similar size; failed shapes lie beyond the axis."""
    chosen = similar_size(data, dataset)
    if not len(chosen):
        return None
    rates = dict(zip(chosen["codec"], chosen["rate"], strict=True))
    sizes = dict(zip(chosen["codec"], chosen["bytes_per_shape"], strict=True))
    codecs = [codec for codec in data.codecs if codec in rates]
    shapes = data.shapes[data.shapes["dataset"] == dataset]
    shapes = shapes[shapes["rate"] == shapes["codec"].map(rates)]
    with paper_style():
        figure = Figure(figsize=(PAGE, 2.3), layout="constrained")
        for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False).flat, metrics, strict=True):
            _panel(axes, data, shapes, metric)
        handles = [_handle(data, codec) for codec in codecs]
        labels = [f"{data.title(codec)} {rates[codec]}, {plain(round(sizes[codec]))} B" for codec in codecs]
        legend_below(figure, handles, labels)
    return figure


def _panel(axes: Axes, data: RunData, shapes: pd.DataFrame, metric: Quantity) -> None:
    import seaborn as sns

    for codec, found in shapes.groupby("codec"):
        look = looks(data.codecs)[str(codec)]
        # A marker here and there tells curves apart in print without colour.
        every = max(1, len(found) // 4)
        style = {"color": look.colour, "linestyle": _line(look), "marker": look.marker, "markevery": (every, every)}
        sns.ecdfplot(found, x=metric.column, ax=axes, **style)
    fine = shapes.loc[shapes["status"] == "ok", metric.column]
    if metric.log and (fine > 0).any():
        log_axis(axes.xaxis, fine[fine > 0].min() / 1.1, fine.max() * 1.1)
    axes.set(xlabel=metric.label, ylabel="Share of shapes", ylim=(0, 1.02))


def _handle(data: RunData, codec: str) -> Line2D:
    look = looks(data.codecs)[codec]
    return Line2D([], [], color=look.colour, linestyle=_line(look), marker=look.marker)


def _line(look: Look) -> Any:
    return "-" if isinstance(look.dashes, str) else (0, look.dashes)
