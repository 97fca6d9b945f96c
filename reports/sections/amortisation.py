"""When a set codec pays: what it shares is spread over the set, so its bytes a shape fall with the set's size.

bytes(n) = shared + marginal * n, with both as measured on this run's set. Compared with a codec that shares nothing, at
equal surface error, the break-even set size is shared / (bytes a shape of the other - marginal). That the error stays
what it is as the set grows, with the same shared part, is an assumption, not a measurement; where ``bench set-sizes``
has measured sets of other sizes for the run, they stand beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.results.set_sizes import SetSize, read
from reports.document.style import COLUMN, legend_below, log_axis, looks, paper_style, plain
from reports.document.table import Column, Table
from reports.run_data import complete
from reports.sections.between_rates import rate_at_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from reports.run_data import RunData


def break_even(data: RunData, dataset: str) -> pd.DataFrame:
    """One line per point of a set codec and per-shape codec: bytes of both at equal surface error, break-even size.

    ``sets`` is NaN where the other codec does not reach that error, infinite where it is smaller at any set size.
    """
    points = data.points[(data.points["dataset"] == dataset) & complete(data.points)]
    sharing = points[points["bytes_shared"] > 0]
    others = [codec for codec, group in points.groupby("codec") if not (group["bytes_shared"] > 0).any()]
    lines = []
    for point in sharing.to_dict("records"):
        marginal = (point["bytes"] - point["bytes_shared"]) / point["shapes"]
        for other in others:
            size = rate_at_error(points[points["codec"] == other], point["surface_cd"])
            gain = size - marginal
            sets = point["bytes_shared"] / gain if gain > 0 else float("inf") if gain <= 0 else float("nan")
            lines.append(
                {"codec": point["codec"], "rate": point["rate"], "dataset": dataset, "other": other}
                | {"surface_cd": point["surface_cd"]}
                | {"shared": point["bytes_shared"], "marginal": marginal, "other_size": size, "sets": sets}
                | {"shapes": point["shapes"]}
            )
    columns = ["codec", "rate", "dataset", "other", "surface_cd", "shared", "marginal", "other_size", "sets", "shapes"]
    return pd.DataFrame(lines, columns=columns)


def break_even_table(data: RunData, dataset: str) -> Table | None:
    """Break-even set sizes; None where no codec shares anything or none can be compared."""
    frame = break_even(data, dataset).dropna(subset=["sets"]).reset_index(drop=True)
    if not len(frame):
        return None
    frame["title"], frame["other_title"] = frame["codec"].map(data.title), frame["other"].map(data.title)
    frame["text"] = ["never" if np.isinf(size) else f"{np.ceil(size):,.0f}" for size in frame["sets"]]
    columns = (
        Column("title", "Set codec"),
        Column("rate", "Rate"),
        Column("shared", "Shared bytes"),
        Column("marginal", "per shape", 1),
        Column("other_title", "Against"),
        Column("surface_cd", "at surface error", 3),
        Column("other_size", "its bytes/shape"),
        Column("text", "Break-even, shapes"),
    )
    return Table(frame, columns, f"From which set size on a set codec is smaller, on {dataset}", distances=True)


def measured_sizes_table(data: RunData, dataset: str) -> Table | None:
    """Measured sets of several sizes, and what shared + marginal * n of the largest says; None without any."""
    found = [size for size in read(data.path) if size.dataset == dataset]
    if not found:
        return None
    lines = []
    for size in sorted(found, key=lambda size: [*data.codecs, size.codec].index(size.codec)):
        largest = [other for other in found if (other.codec, other.rate) == (size.codec, size.rate)][-1]
        lines.append(
            {"title": data.title(size.codec), "rate": size.rate, "shapes": size.shapes, "shared": size.bytes_shared}
            | {"marginal": size.marginal, "bytes": size.bytes / size.shapes, "surface_cd": size.surface_cd}
            | {"said": largest.bytes_shared / size.shapes + largest.marginal}
            | {"encode": size.encode_s / size.shapes, "decode": 1e3 * size.decode_s / size.shapes}
        )
    columns = (
        Column("title", "Set codec"),
        Column("rate", "Rate"),
        Column("shapes", "Shapes"),
        Column("shared", "Shared bytes"),
        Column("marginal", "per shape", 1),
        Column("bytes", "Bytes/shape", 1),
        Column("said", "as the largest set says", 1),
        Column("surface_cd", "Surface error", 3),
        Column("encode", "Encode CPU s/shape", None),
        Column("decode", "Decode CPU ms/shape", None),
    )
    caption = f"Parts of {dataset} of several sizes, each coded by itself"
    return Table(pd.DataFrame(lines), columns, caption, distances=True)


def amortisation_figure(data: RunData, dataset: str) -> Figure | None:
    """Bytes a shape against set size for each set codec's middle rate, and its rivals at equal error."""
    frame = break_even(data, dataset)
    frame = frame[frame["other_size"].notna()]
    codecs = [codec for codec in data.codecs if codec in set(frame["codec"])]
    if not codecs:
        return None
    columns, rows = min(2, len(codecs)), -(-len(codecs) // 2)
    with paper_style():
        figure = Figure(figsize=(COLUMN * columns, 2.2 * rows + 0.4), layout="constrained")
        for number, codec in enumerate(codecs, 1):
            mine = frame[frame["codec"] == codec]
            rates = list(dict.fromkeys(mine.sort_values("shared")["rate"]))
            _panel(figure.add_subplot(rows, columns, number), data, mine[mine["rate"] == rates[len(rates) // 2]])
        handles = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        titles = [title for title in map(data.title, data.codecs) if title in handles]
        legend_below(figure, [handles[title] for title in titles], titles)
    return figure


def _is_of(size: SetSize, point: pd.Series[Any]) -> bool:
    """Whether a set was coded with the codec and rate of a line of `break_even`, from the same data."""
    return (size.codec, size.rate, size.dataset) == (point["codec"], point["rate"], point["dataset"])


def _panel(axes: Axes, data: RunData, frame: pd.DataFrame) -> None:
    """One set codec at one rate: its curve, and a line per rival."""
    first = frame.iloc[0]
    finite = frame["sets"][np.isfinite(frame["sets"])]
    top = 10 ** np.ceil(np.log10(max(1000.0, 3 * finite.max() if len(finite) else 0.0)))
    sizes = np.geomspace(1, top, 200)
    own = first["shared"] / sizes + first["marginal"]
    _draw_own(axes, data, first, sizes, own)
    _draw_rivals(axes, data, frame)
    low, high = min(own.min(), frame["other_size"].min()), max(own.max(), frame["other_size"].max())
    log_axis(axes.xaxis, 1, top)
    log_axis(axes.yaxis, low / 1.4, high * 1.4)
    axes.set(xlabel="Shapes in the set, $n$", ylabel="Bytes per shape")
    error = rf"surface error ${first['surface_cd']:.3g}\times 10^{{-3}}$"
    axes.set_title(f"{data.title(str(first['codec']))} {first['rate']}, {error}", fontsize=7)


def _draw_own(
    axes: Axes, data: RunData, point: pd.Series[Any], sizes: NDArray[np.float64], own: NDArray[np.float64]
) -> None:
    """The curve of a set codec, and the set sizes that were measured."""
    codec = str(point["codec"])
    look = looks(data.codecs)[codec]
    axes.plot(sizes, own, color=look.colour, label=data.title(codec))
    measured = point["shared"] / point["shapes"] + point["marginal"]
    axes.plot(point["shapes"], measured, marker=look.marker, markersize=5, color=look.colour)
    others = [size for size in read(data.path) if _is_of(size, point)]
    if others:
        places, values = [size.shapes for size in others], [size.bytes / size.shapes for size in others]
        axes.plot(places, values, linestyle="", marker=look.marker, markersize=3, color=look.colour)


def _draw_rivals(axes: Axes, data: RunData, frame: pd.DataFrame) -> None:
    """A line per rival and the break-even size; of the rival that is beaten last, its number."""
    look = looks(data.codecs)
    crossed = frame[np.isfinite(frame["sets"]) & (frame["sets"] >= 1)]
    for line in frame.to_dict("records"):
        colour = look[line["other"]].colour
        axes.axhline(line["other_size"], color=colour, linewidth=0.9, linestyle="--", label=data.title(line["other"]))
    hollow: dict[str, Any] = {"linestyle": "", "marker": "o", "markerfacecolor": "white", "zorder": 4}
    for line in crossed.to_dict("records"):
        axes.plot(line["sets"], line["other_size"], color=look[line["other"]].colour, **hollow)
    if len(crossed):
        last = crossed.loc[crossed["sets"].idxmax()]
        text = f"$n$ = {plain(float(np.ceil(last['sets'])))}"
        colour = look[last["other"]].colour
        place = (last["sets"], last["other_size"])
        axes.annotate(text, place, (5, 4), textcoords="offset points", fontsize=6.5, color=colour)
