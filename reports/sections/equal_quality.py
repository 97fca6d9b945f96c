"""How many bytes a shape each codec needs for the same surface error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from reports.document.style import PAGE, legend_below, log_axis, looks, paper_style
from reports.document.table import Column, Table
from reports.run_data import complete, is_control
from reports.sections.between_rates import rate_at_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reports.run_data import RunData

_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def targets(data: RunData, dataset: str, count: int = 3) -> list[float]:
    """Up to ``count`` round surface errors, the largest first: such that most codecs reach one, and many the same."""
    points = data.points[(data.points["dataset"] == dataset) & complete(data.points)]
    errors = points["surface_cd"].to_numpy(float)
    errors = errors[errors > 0]
    if not len(errors):
        return []
    low, high = float(errors.min()), float(errors.max())
    found = [s * 10.0**e for e in range(-6, 4) for s in _ROUND if low <= s * 10.0**e <= high]
    frame = frame_at(data, dataset, found).dropna(subset=["bytes_per_shape"])
    reached = {error: set(frame.loc[frame["error"] == error, "codec"]) for error in found}
    reaching = {error: codecs for error, codecs in reached.items() if len(codecs) > 1}
    picked: list[float] = []
    while len(picked) < count and reaching:
        shown = [codec for error in picked for codec in reached[error]]
        gain = {error: sum(1 / (1 + shown.count(codec)) ** 2 for codec in codecs) for error, codecs in reaching.items()}
        best = max(gain, key=lambda error: (gain[error], -error))
        picked.append(best)
        # Errors that lie close together say the same.
        reaching = {error: codecs for error, codecs in reaching.items() if not 0.5 < error / best < 2}
    return sorted(picked, reverse=True)


def frame_at(data: RunData, dataset: str, errors: list[float]) -> pd.DataFrame:
    """One line per (error, codec): bytes per shape between rates; NaN where the rates do not reach it."""
    points = data.points[data.points["dataset"] == dataset]
    codecs = [c for c in data.codecs if c in set(points["codec"]) and not is_control(c)]
    lines = [
        {"error": error, "codec": c, "bytes_per_shape": rate_at_error(points[points["codec"] == c], error)}
        for error in errors
        for c in codecs
    ]
    frame = pd.DataFrame(lines, columns=["error", "codec", "bytes_per_shape"])
    return frame.assign(title=frame["codec"].map(data.title))


def equal_quality_table(data: RunData, dataset: str) -> Table | None:
    """Bytes a shape by codec (line) at each error (column); the best and second-best codec of each are marked."""
    errors = targets(data, dataset)
    frame = frame_at(data, dataset, errors)
    if not errors or frame["codec"].nunique() < 2:
        return None
    order = list(dict.fromkeys(frame["title"]))
    wide = frame.pivot_table(index="title", columns="error", values="bytes_per_shape", dropna=False).reindex(order)
    wide.columns = [f"at_{error:g}" for error in wide.columns]
    columns = (
        Column("title", "Codec"),
        *(Column(f"at_{error:g}", f"at error {error:g}", 0, "low", f"at {error:g} $\\downarrow$") for error in errors),
    )
    caption = f"Bytes per shape at equal surface error on {dataset}, between rates"
    return Table(wide.reset_index(), columns, caption, distances=True)


def equal_quality_figure(data: RunData) -> Figure | None:
    """Bytes per shape of each codec at a few surface errors, a panel per data set: a point, and its value.

    Points and not bars: bytes are shown on a logarithmic axis, on which a bar has no length.
    """
    chosen = {dataset: targets(data, dataset) for dataset in data.datasets}
    chosen = {dataset: errors for dataset, errors in chosen.items() if errors}
    if not chosen:
        return None
    with paper_style():
        figure = Figure(figsize=(PAGE, 1.9 * len(chosen) + 0.35), layout="constrained")
        grid = figure.subplots(len(chosen), 1, squeeze=False).flat
        for axes, (dataset, errors) in zip(grid, chosen.items(), strict=True):
            _panel(axes, data, frame_at(data, dataset, errors), errors)
            axes.set_title(dataset if len(chosen) > 1 else "")
        handles = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        legend_below(figure, list(handles.values()), list(handles))
    return figure


def _panel(axes: Axes, data: RunData, frame: pd.DataFrame, errors: list[float]) -> None:
    look = looks(data.codecs)
    reaching = set(frame.dropna(subset=["bytes_per_shape"])["codec"])
    codecs = [codec for codec in data.codecs if codec in reaching]
    for number, codec in enumerate(codecs):
        mine = frame[frame["codec"] == codec].dropna(subset=["bytes_per_shape"])
        shift = 0.8 * ((number + 0.5) / len(codecs) - 0.5)
        places = [errors.index(error) + shift for error in mine["error"]]
        axes.plot(
            places, mine["bytes_per_shape"], linestyle="", marker=look[codec].marker, markersize=5,
            color=look[codec].colour, label=data.title(codec),
        )  # fmt: skip
        for place, size in zip(places, mine["bytes_per_shape"], strict=True):
            axes.annotate(f"{size:,.0f}", (place, size), (0, 4), textcoords="offset points", ha="center", fontsize=6)
    for border in range(1, len(errors)):
        axes.axvline(border - 0.5, color="#bbbbbb", linewidth=0.6)
    sizes = frame["bytes_per_shape"].dropna()
    log_axis(axes.yaxis, sizes.min() / 1.4, sizes.max() * 1.7)
    axes.set_xticks(range(len(errors)), [f"{error:g}" for error in errors])
    axes.set(xlabel=r"Surface error ($\times 10^{-3}$)", ylabel="Bytes per shape", xlim=(-0.5, len(errors) - 0.5))
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)
