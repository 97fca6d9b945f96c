"""How many bytes a shape each codec needs for the same surface error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.between_rates import rate_at_error
from reports.run_data import is_control
from reports.style import PAGE, legend_below, log_axis, looks, paper_style, plain
from reports.tables import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData

_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def targets(data: RunData, dataset: str, count: int = 3) -> list[float]:
    """Round surface errors that most codecs reach, the largest first."""
    points = data.points[
        (data.points["dataset"] == dataset) & (data.points["failed"] == 0) & (data.points["surface_cd"] > 0)
    ]
    if not len(points):
        return []
    low, high = points["surface_cd"].min(), points["surface_cd"].max()
    found = [s * 10.0**e for e in range(-6, 4) for s in _ROUND if low <= s * 10.0**e <= high]
    reached = {target: frame_at(data, dataset, [target])["bytes_per_shape"].notna().sum() for target in found}
    enough = max(2, 0.6 * max(reached.values(), default=0))
    best = [target for target in found if reached[target] >= enough]
    if len(best) <= count:
        return best[::-1]
    picked = np.linspace(0, len(best) - 1, count).round().astype(int)
    return [best[number] for number in picked][::-1]


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
    return Table(wide.reset_index(), columns, f"Bytes per shape at equal surface error on {dataset}, between rates")


def equal_quality_figure(data: RunData) -> Figure | None:
    """Bars of bytes per shape, a group per surface error, a panel per data set."""
    import seaborn as sns

    chosen = {dataset: targets(data, dataset) for dataset in data.datasets}
    chosen = {dataset: errors for dataset, errors in chosen.items() if errors}
    if not chosen:
        return None
    look = looks(data.codecs)
    with paper_style():
        figure = Figure(figsize=(PAGE, 1.9 * len(chosen) + 0.35), layout="constrained")
        for axes, (dataset, errors) in zip(
            figure.subplots(len(chosen), 1, squeeze=False).flat, chosen.items(), strict=True
        ):
            frame = frame_at(data, dataset, errors)
            frame["group"] = [f"{error:g}" + r"$\times 10^{-3}$" for error in frame["error"]]
            palette = {data.title(codec): look[codec].colour for codec in data.codecs}
            sns.barplot(
                frame,
                x="group",
                y="bytes_per_shape",
                hue="title",
                palette=palette,
                saturation=1,
                ax=axes,
                legend="full",
            )
            for bars in axes.containers:
                axes.bar_label(bars, fmt=lambda value: plain(round(value)), fontsize=5.5, padding=1)
            sizes = frame["bytes_per_shape"].dropna()
            log_axis(axes.yaxis, sizes.min() / 2, sizes.max() * 2)
            axes.set(xlabel="Surface error", ylabel="Bytes per shape", title=dataset if len(chosen) > 1 else "")
            axes.grid(axis="x", visible=False)
            axes.get_legend().remove()
        legend_below(figure, *figure.axes[0].get_legend_handles_labels())
    return figure
