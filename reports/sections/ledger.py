"""What the bytes are for: the ledger of every archive as stacked bars and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from reports.document.style import PAGE, legend_below, paper_style, plain
from reports.document.table import Column, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reports.run_data import RunData

_COLOURS = {
    "weights": "#4477AA",
    "latents": "#EE6677",
    "tables": "#CCBB44",
    "header": "#888888",
    "payload": "#BBCCDD",
    "geometry": "#66CCEE",
    "mask": "#228833",
}
_SPARE = ("#AA3377", "#DDAA33", "#004488", "#997700", "#6699CC", "#EE99AA", "#994455", "#000000")
_LETTER = 0.052
"""Inches that a letter of a codec's title takes."""


def ledger_frame(data: RunData, dataset: str) -> pd.DataFrame:
    """One line per (codec, rate, component) with ``bytes`` and ``share`` of the archive, in the order of the bars."""
    lines = [
        {"codec": row["codec"], "rate": row["rate"], "component": name, "bytes": count, "total": row["bytes"]}
        | {"shapes": row["shapes"]}
        for row in data.set_rows
        if row["dataset"] == dataset and row["ledger"] and row["bytes"]
        for name, count in row["ledger"].items()
    ]
    frame = pd.DataFrame(lines, columns=["codec", "rate", "component", "bytes", "total", "shapes"])
    frame = frame.groupby(["codec", "rate", "component"], sort=False, as_index=False).mean()
    frame["share"] = frame["bytes"] / frame["total"]
    frame["order"] = frame["codec"].map({codec: number for number, codec in enumerate(data.codecs)})
    return frame.sort_values(["order", "total"], kind="stable", ignore_index=True)


def ledger_figure(data: RunData) -> Figure | None:
    """Share of each component in every archive, bytes per shape above; None where all archives have one part."""
    frames = {dataset: ledger_frame(data, dataset) for dataset in data.datasets}
    names = list(dict.fromkeys(name for frame in frames.values() for name in frame["component"]))
    if len(names) < 2:
        return None
    colours = _colours(names)
    with paper_style():
        figure = Figure(figsize=(PAGE, 2.3 * len(frames) + 0.4), layout="constrained")
        grid = figure.subplots(len(frames), 1, squeeze=False)[:, 0]
        for axes, (dataset, frame) in zip(grid, frames.items(), strict=True):
            _bars(axes, data, frame, colours)
            axes.set_ylabel(f"{dataset}\nShare of the archive" if len(frames) > 1 else "Share of the archive")
        handles = {
            label: handle for axes in grid for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        legend_below(figure, list(handles.values()), list(handles))
    return figure


def ledger_table(data: RunData, dataset: str) -> Table | None:
    """Bytes of each component per shape; a component that an archive does not have is a dash."""
    frame = ledger_frame(data, dataset)
    if frame["component"].nunique() < 2:
        return None
    frame["per_shape"] = frame["bytes"] / frame["shapes"]
    names = list(dict.fromkeys(frame["component"]))
    wide = frame.pivot_table(index=["order", "total", "codec", "rate"], columns="component", values="per_shape")
    wide = wide.reset_index().rename_axis(columns=None)
    wide["title"] = wide["codec"].map(data.title)
    columns = (Column("title", "Codec"), Column("rate", "Rate"), *(Column(name, name, 1) for name in names))
    return Table(wide, columns, f"Bytes a shape by component on {dataset}")


def _colours(names: list[str]) -> dict[str, str]:
    spare = iter(_SPARE * (1 + len(names) // len(_SPARE)))
    return {name: _COLOURS.get(name) or next(spare) for name in names}


def _bars(axes: Axes, data: RunData, frame: pd.DataFrame, colours: dict[str, str]) -> None:
    places: dict[tuple[str, str], float] = {}
    spans: dict[str, list[float]] = {}
    for codec, rate in dict.fromkeys(zip(frame["codec"], frame["rate"], strict=True)):
        places[codec, rate] = len(places) + 0.8 * len(spans.keys() | {codec})
        spans.setdefault(codec, []).append(places[codec, rate])
    base = dict.fromkeys(places, 0.0)
    for name, colour in colours.items():
        part = frame[frame["component"] == name]
        keys = list(zip(part["codec"], part["rate"], strict=True))
        bottoms, shares = [base[key] for key in keys], part["share"].tolist()
        axes.bar([places[key] for key in keys], shares, 0.85, bottoms, color=colour, label=name, linewidth=0)
        base |= {key: bottom + share for key, bottom, share in zip(keys, bottoms, shares, strict=True)}
    crowded = len(places) > 16
    turned = 90 if crowded else 0
    for key, place in places.items():
        group = frame[(frame["codec"] == key[0]) & (frame["rate"] == key[1])]
        size = plain(round(float((group["total"] / group["shapes"]).iloc[0])))
        axes.annotate(
            size, (place, 1.0), (0, 2), textcoords="offset points", ha="center", fontsize=5.5, rotation=turned
        )
    axes.set_xticks(list(places.values()), [rate for _, rate in places], fontsize=6, rotation=turned)
    low, high = min(places.values()) - 0.8, max(places.values()) + 0.8
    axes.set(xlim=(low, high), ylim=(0, 1.27 if crowded else 1.12))
    _name_codecs(axes, {data.title(codec): at for codec, at in spans.items()}, (PAGE - 0.7) / (high - low))
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.grid(axis="x", visible=False)
    axes.tick_params(axis="x", length=0)


def _name_codecs(axes: Axes, spans: dict[str, list[float]], inches: float) -> None:
    """Each codec's title above its bars: level where all have room there, else slanted. A bar takes so many inches."""
    level = all(_LETTER * len(title) < (len(at) + 0.6) * inches for title, at in spans.items())
    for title, at in spans.items():
        axes.annotate(
            title,
            (sum(at) / len(at), 1.0),
            (0, 3),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="center" if level else "left",
            va="bottom",
            rotation=0 if level else 30,
            rotation_mode="anchor",
            fontsize=6.5,
        )
