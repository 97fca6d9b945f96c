"""Rate-distortion figures: a row of panels per data set, a panel per metric, a curve per codec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from reports.run_data import is_control
from reports.style import PAGE, legend_below, log_axis, looks, paper_style, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reports.run_data import RunData


@dataclass(frozen=True)
class Quantity:
    """What an axis shows: a column of the summary, its label, whether its scale is logarithmic, its floor's column."""

    column: str
    label: str
    log: bool = False
    floor: str | None = None


RATIO = Quantity("ratio", "Compression ratio (source / archive bytes)", log=True)
BYTES = Quantity("bytes_per_shape", "Bytes per shape", log=True)
CD = Quantity("cd", r"CD ($\times 10^{-3}$)", log=True, floor="cd_floor")
NC = Quantity("nc", "NC")
F1_005 = Quantity("f1_005", "F1-0.005", floor="f1_005_floor")
F1_01 = Quantity("f1_01", "F1-0.01", floor="f1_01_floor")
SURFACE = Quantity("surface_cd", r"Surface error ($\times 10^{-3}$)", log=True)
SURFACE_P95 = Quantity("surface_p95", r"Surface error, 95th percentile ($\times 10^{-3}$)", log=True)


def rate_distortion(
    data: RunData,
    rate: Quantity = RATIO,
    metrics: tuple[Quantity, ...] = (CD, F1_005),
    points: pd.DataFrame | None = None,
) -> Figure:
    """Distortion against rate, one panel per (data set, metric); see `draw_panel` for failures and floors."""
    frame = data.points if points is None else points
    datasets = list(dict.fromkeys(frame["dataset"]))
    with paper_style():
        figure = Figure(figsize=(PAGE, 2.1 * max(1, len(datasets)) + 0.35), layout="constrained")
        grid = figure.subplots(max(1, len(datasets)), len(metrics), squeeze=False)
        for axes_row, dataset in zip(grid, datasets, strict=False):
            for axes, metric in zip(axes_row, metrics, strict=True):
                draw_panel(axes, data, frame[frame["dataset"] == dataset], rate, metric)
                axes.set_title(dataset if len(datasets) > 1 else "")
        if datasets:
            legend_below(figure, *grid[0, 0].get_legend_handles_labels())
    return figure


def draw_panel(axes: Axes, data: RunData, points: pd.DataFrame, rate: Quantity, metric: Quantity) -> None:
    """One panel: a curve per codec; a point with failed shapes is a cross, and off the curve where all of them failed.

    What lies outside the limits stands on the edge. The limits come from the points without a failure and, on a
    logarithmic axis, without the controls: neither a penalty nor a perfect value flattens the curves. A value below
    them is written beside its point.
    """
    points = points[points[rate.column].notna() & points[metric.column].notna()].copy()
    x_range = _limits(points[rate.column], True)
    y_range = _value_limits(points, metric)
    points["shown"] = points[metric.column].clip(*y_range)
    _draw_lines(axes, data, points, rate)
    _draw_failures(axes, data, points, rate)
    for point in points[(points[metric.column] < y_range[0]) & (points["failed"] == 0)].to_dict("records"):
        place = (point[rate.column], y_range[0])
        axes.annotate(plain(point[metric.column]), place, (0, 4), textcoords="offset points", ha="center", fontsize=6)
    if metric.floor:
        _draw_floor(axes, points, metric.floor)
    log_axis(axes.xaxis, *x_range)
    if metric.log:
        log_axis(axes.yaxis, *y_range)
    else:
        axes.set_ylim(*y_range)
    axes.set(xlabel=rate.label, ylabel=metric.label)


def _draw_lines(axes: Axes, data: RunData, points: pd.DataFrame, rate: Quantity) -> None:
    import seaborn as sns

    codecs = [codec for codec in data.codecs if codec in set(points["codec"])]
    look = looks(data.codecs)
    titled = points[points["failed"] < points["shapes"]]
    if titled.empty:  # every set failed: crosses are all there is to draw
        return
    titled = titled.assign(title=titled["codec"].map(data.title)).sort_values(rate.column)
    titles = [data.title(codec) for codec in codecs]
    sns.lineplot(
        titled,
        x=rate.column,
        y="shown",
        hue="title",
        style="title",
        hue_order=titles,
        style_order=titles,
        palette={data.title(codec): look[codec].colour for codec in codecs},
        markers={data.title(codec): look[codec].marker for codec in codecs},
        dashes={data.title(codec): look[codec].dashes for codec in codecs},
        estimator=None,
        markeredgewidth=0.3,
        ax=axes,
    )
    for line in axes.lines:
        if len(line.get_xdata()):  # type: ignore[arg-type]
            line.set_clip_on(False)
    legend = axes.get_legend()
    if legend:
        legend.remove()


def _draw_failures(axes: Axes, data: RunData, points: pd.DataFrame, rate: Quantity) -> None:
    look = looks(data.codecs)
    for _, point in points[points["failed"] > 0].iterrows():
        place = (point[rate.column], point["shown"])
        colour = look[str(point["codec"])].colour
        axes.plot(*place, marker="x", markersize=6, markeredgewidth=1.2, color=colour, clip_on=False, zorder=5)
        text = f"{int(point['failed'])} failed"
        axes.annotate(text, place, xytext=(5, -7), textcoords="offset points", fontsize=5.5, color=colour)


def _draw_floor(axes: Axes, points: pd.DataFrame, column: str) -> None:
    """The value that a perfect reconstruction gets from random points: nothing on this line can be ranked."""
    # The floor depends on both surfaces' areas: that of the best reconstruction is the one that matters.
    error = points["surface_cd"].fillna(points["cd"]).to_numpy(float)
    floor = float(points[column].to_numpy(float)[error.argmin()]) if len(error) else float("nan")
    if floor == floor:
        axes.axhline(floor, color="#555555", linewidth=0.8, linestyle=(0, (2, 1.5)), zorder=1)
        place = (0.985, floor)
        side = "bottom" if column == "cd_floor" else "top"
        transform = axes.get_yaxis_transform()
        offset = 1.5 if side == "bottom" else -1.5
        axes.annotate(
            "sampling floor" if column == "cd_floor" else "sampling ceiling",
            place,
            xycoords=transform,
            xytext=(0, offset),
            textcoords="offset points",
            ha="right",
            va=side,
            fontsize=6,
            color="#555555",
        )


def _value_limits(points: pd.DataFrame, metric: Quantity) -> tuple[float, float]:
    fine = points[points["failed"] == 0]
    if metric.log and not fine["codec"].map(is_control).all():
        fine = fine[~fine["codec"].map(is_control).astype(bool)]
    values = (fine if len(fine) else points)[metric.column]
    if metric.floor:
        values = pd.concat([values, points[metric.floor].dropna()])
    return _limits(values, metric.log)


def _limits(values: pd.Series[float], log: bool) -> tuple[float, float]:
    """Limits with a margin: 6 % of the span, on the axis's own scale."""
    values = values[values > 0] if log else values
    if not len(values):
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        margin = max((high / low) ** 0.06, 1.08)
        return low / margin, high * margin
    margin = max(0.06 * (high - low), 0.005)
    return low - margin, high + margin
