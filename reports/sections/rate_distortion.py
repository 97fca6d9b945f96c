"""Rate-distortion figures: a row of panels per data set, a panel per metric, a curve per codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from reports.document.style import PAGE, Look, legend_below, log_axis, looks, paper_style, plain, tick
from reports.run_data import complete, is_control

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reports.run_data import RunData


@dataclass(frozen=True)
class Quantity:
    """What an axis shows.

    Args:
        column: of the summary.
        label: of the axis.
        log: whether its scale is logarithmic.
        floor: column of its floor.
        unit: how one value of it is written.
    """

    column: str
    label: str
    log: bool = False
    floor: str | None = None
    unit: str = "{}"


@dataclass(frozen=True)
class Key:
    """What a legend explains: look and title of each codec, in order."""

    looks: Mapping[str, Look]
    titles: Mapping[str, str]

    @classmethod
    def of(cls, data: RunData) -> Key:
        """That of every figure but those of variants."""
        return cls(looks(data.codecs), {codec: data.title(codec) for codec in data.codecs})


RATIO = Quantity("ratio", "Compression ratio (source / archive bytes)", log=True, unit="{}:1")
BYTES = Quantity("bytes_per_shape", "Bytes per shape", log=True, unit="{} B")
CD = Quantity("cd", r"CD ($\times 10^{-3}$)", log=True, floor="cd_floor")
NC = Quantity("nc", "NC")
F1_005 = Quantity("f1_005", "F1-0.005", floor="f1_005_floor")
F1_01 = Quantity("f1_01", "F1-0.01", floor="f1_01_floor")
SURFACE = Quantity("surface_cd", r"Surface error ($\times 10^{-3}$)", log=True)
SURFACE_P95 = Quantity("surface_p95", r"Surface error, 95th percentile ($\times 10^{-3}$)", log=True)

NO_ERROR = 1e-3
"""An error below a millionth of the cube is rounding."""


def rate_distortion(
    data: RunData,
    rate: Quantity = RATIO,
    metrics: tuple[Quantity, ...] = (CD, F1_005),
    points: pd.DataFrame | None = None,
    key: Key | None = None,
) -> Figure:
    """Distortion against rate, one panel per (data set, metric); see `draw_panel` for failures and floors."""
    frame = data.points if points is None else points
    datasets = list(dict.fromkeys(frame["dataset"]))
    with paper_style():
        figure = Figure(figsize=(PAGE, 2.1 * max(1, len(datasets)) + 0.35), layout="constrained")
        grid = figure.subplots(max(1, len(datasets)), len(metrics), squeeze=False)
        for axes_row, dataset in zip(grid, datasets, strict=False):
            for axes, metric in zip(axes_row, metrics, strict=True):
                draw_panel(axes, frame[frame["dataset"] == dataset], rate, metric, key or Key.of(data))
                axes.set_title(dataset if len(datasets) > 1 else "")
        if datasets:
            legend_below(figure, *grid[0, 0].get_legend_handles_labels())
    return figure


def draw_panel(
    axes: Axes, points: pd.DataFrame, rate: Quantity, metric: Quantity, key: Key, beside: pd.DataFrame | None = None
) -> None:
    """One panel: a curve per codec; a point with failed or unmeasured shapes is a cross, off it where all failed.

    The limits come from the points without a failure that are no controls, from the floor, and from ``beside``, which
    will be drawn over it: neither a penalty nor a perfect value flattens the curves. What lies outside stands on the
    edge; a control there has its value written beside it.
    """
    points = points[points[rate.column].notna() & points[metric.column].notna()].copy()
    x_range = _rate_limits(points, rate, beside)
    y_range = _value_limits(points, metric, beside)
    points["at"], points["shown"] = points[rate.column].clip(*x_range), points[metric.column].clip(*y_range)
    _draw_lines(axes, points, key)
    _draw_failures(axes, points, key)
    for _, point in points[points["codec"].map(is_control).astype(bool) & complete(points)].iterrows():
        _mark_control(axes, point, rate, metric, right=point["at"] ** 2 > x_range[0] * x_range[1])
    if metric.floor:
        _draw_floor(axes, points, metric.floor, left=rate is not RATIO)
    log_axis(axes.xaxis, *x_range)
    if metric.log:
        log_axis(axes.yaxis, *y_range)
    else:
        axes.set_ylim(*y_range)
    axes.set(xlabel=rate.label, ylabel=metric.label)


def _draw_lines(axes: Axes, points: pd.DataFrame, key: Key) -> None:
    import seaborn as sns

    codecs = [codec for codec in key.titles if codec in set(points["codec"])]
    titled = points[points["failed"] < points["shapes"]]
    if titled.empty:  # every set failed: crosses are all there is to draw
        return
    titled = titled.assign(title=titled["codec"].map(key.titles)).sort_values("at")
    titles = [key.titles[codec] for codec in codecs]
    sns.lineplot(
        titled,
        x="at",
        y="shown",
        hue="title",
        style="title",
        hue_order=titles,
        style_order=titles,
        palette={key.titles[codec]: key.looks[codec].colour for codec in codecs},
        markers={key.titles[codec]: key.looks[codec].marker for codec in codecs},
        dashes={key.titles[codec]: key.looks[codec].dashes for codec in codecs},
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


def _mark_control(axes: Axes, point: pd.Series[Any], rate: Quantity, metric: Quantity, *, right: bool) -> None:
    """Write what the edge hides of a perfect reconstruction: its rate, and that it has no error.

    It stands between the perfect value and the frame, where no curve comes, and on the side where there is room.
    """
    texts = []
    if point["at"] != point[rate.column]:
        texts.append(rate.unit.format(tick(point[rate.column])))
    below = point["shown"] > point[metric.column]
    if below:
        texts.append("no error" if point[metric.column] < NO_ERROR else plain(point[metric.column]))
    under = metric.log and not below  # perfect is at the bottom, without a logarithm at the top
    axes.annotate(
        ", ".join(texts),
        (point["at"], point["shown"]),
        (-5 if right else 5, -4 if under else 3 if not below else 1),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top" if under else "bottom",
        fontsize=6,
        color="#555555",
    )


def _draw_failures(axes: Axes, points: pd.DataFrame, key: Key) -> None:
    for _, point in points[~complete(points)].iterrows():
        place = (point["at"], point["shown"])
        colour = key.looks[str(point["codec"])].colour
        axes.plot(*place, marker="x", markersize=6, markeredgewidth=1.2, color=colour, clip_on=False, zorder=5)
        counts = {name: int(point[name]) for name in ("failed", "unmeasured")}
        text = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        axes.annotate(text, place, xytext=(5, -7), textcoords="offset points", fontsize=5.5, color=colour)


def _draw_floor(axes: Axes, points: pd.DataFrame, column: str, *, left: bool) -> None:
    """The value that a perfect reconstruction gets from random points: nothing on this line can be ranked."""
    # The floor depends on both surfaces' areas: that of the best reconstruction is the one that matters.
    error = points["surface_cd"].fillna(points["cd"]).to_numpy(float)
    floor = float(points[column].to_numpy(float)[error.argmin()]) if len(error) else float("nan")
    if floor != floor:
        return
    axes.axhline(floor, color="#555555", linewidth=0.8, linestyle=(0, (2, 1.5)), zorder=1)
    lowest = column == "cd_floor"
    axes.annotate(
        "sampling floor" if lowest else "sampling ceiling",
        (0.015 if left else 0.985, floor),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 1.5 if lowest else -1.5),
        textcoords="offset points",
        ha="left" if left else "right",
        va="bottom" if lowest else "top",
        fontsize=6,
        color="#555555",
    )


def _rate_limits(points: pd.DataFrame, rate: Quantity, beside: pd.DataFrame | None) -> tuple[float, float]:
    compared = points[~points["codec"].map(is_control).astype(bool)]
    return _limits(_with((compared if len(compared) else points)[rate.column], beside, rate), True)


def _value_limits(points: pd.DataFrame, metric: Quantity, beside: pd.DataFrame | None) -> tuple[float, float]:
    fine = points[complete(points)]
    if metric.log and not fine["codec"].map(is_control).all():
        fine = fine[~fine["codec"].map(is_control).astype(bool)]
    values = _with((fine if len(fine) else points)[metric.column], beside, metric)
    if metric.floor:
        values = pd.concat([values, points[metric.floor].dropna()])
    # A control's text stands in the margin.
    return _limits(values, metric.log, 0.1 if points["codec"].map(is_control).any() else 0.06)


def _with(values: pd.Series[float], beside: pd.DataFrame | None, quantity: Quantity) -> pd.Series[float]:
    return values if beside is None else pd.concat([values, beside[quantity.column]])


def _limits(values: pd.Series[float], log: bool, share: float = 0.06) -> tuple[float, float]:
    """Limits with a margin: a share of the span, on the axis's own scale."""
    values = values[values > 0] if log else values
    if not len(values):
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        margin = max((high / low) ** share, 1.08)
        return low / margin, high * margin
    margin = max(share * (high - low), 0.005)
    return low - margin, high + margin
