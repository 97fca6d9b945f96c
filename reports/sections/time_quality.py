"""Time against quality: what a better reconstruction costs to encode and to decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.document.style import PAGE, legend_below, log_axis, looks, paper_style
from reports.run_data import complete, is_control

if TYPE_CHECKING:
    from reports.run_data import RunData


def time_quality_figure(data: RunData, dataset: str) -> Figure | None:
    """Seconds a shape against surface error; filled markers ran on a CPU, hollow ones on a GPU."""
    points = data.points[(data.points["dataset"] == dataset) & (data.points["surface_cd"] > 0) & complete(data.points)]
    points = points[~points["codec"].map(is_control).astype(bool)]
    points = points[(points["encode_s"] > 0) & (points["decode_s"] > 0)]
    if not len(points):
        return None
    look, codecs = looks(data.codecs), [codec for codec in data.codecs if codec in set(points["codec"])]
    error = points["surface_cd"]
    with paper_style():
        figure = Figure(figsize=(PAGE, 2.3), layout="constrained")
        for axes, step in zip(figure.subplots(1, 2), ("encode", "decode"), strict=True):
            seconds = points[f"{step}_s"] / points["shapes"]
            for codec in codecs:
                mine = points["codec"] == codec
                style = look[codec]
                fill = style.colour if _on_cpu(points[mine]["device"].iloc[0]) else "white"
                axes.plot(
                    seconds[mine],
                    error[mine],
                    marker=style.marker,
                    color=style.colour,
                    markerfacecolor=fill,
                    clip_on=False,
                )
            log_axis(axes.xaxis, seconds.min() / 1.5, seconds.max() * 1.5)
            log_axis(axes.yaxis, error.min() / 1.3, error.max() * 1.3)
            axes.set(xlabel=f"{step.capitalize()} time, seconds per shape", ylabel=r"Surface error ($\times 10^{-3}$)")
        handles, labels = [], []
        for codec in codecs:
            device = str(points[points["codec"] == codec]["device"].iloc[0])
            fill = look[codec].colour if _on_cpu(device) else "white"
            handles.append(Line2D([], [], color=look[codec].colour, marker=look[codec].marker, markerfacecolor=fill))
            labels.append(f"{data.title(codec)} ({'CPU' if _on_cpu(device) else 'GPU'})")
        legend_below(figure, handles, labels)
    return figure


def _on_cpu(device: object) -> bool:
    return str(device).startswith("cpu")
