"""Variants of one codec beside each other: the form of the paper's ablations (curves; tables with size and time)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from reports.curves import CD, F1_005, RATIO, rate_distortion
from reports.style import base_name
from reports.tables import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData


def families(data: RunData) -> dict[str, list[str]]:
    """Codecs that were run in more than one variant: name -> specs."""
    found: dict[str, list[str]] = {}
    for codec in data.codecs:
        found.setdefault(base_name(codec), []).append(codec)
    return {name: specs for name, specs in found.items() if len(specs) > 1}


def ablation_figure(data: RunData, name: str) -> Figure:
    """Rate-distortion curves of the variants of codec ``name`` alone."""
    return rate_distortion(data, RATIO, (CD, F1_005), data.points[data.points["codec"].isin(families(data)[name])])


def variants_table(data: RunData, dataset: str, name: str) -> Table | None:
    """Size, ratio, quality and time of each variant at each rate; the best and second-best of a rate are marked."""
    specs = families(data)[name]
    frame = data.points[(data.points["dataset"] == dataset) & data.points["codec"].isin(specs)]
    if frame["codec"].nunique() < 2:
        return None
    frame = frame.assign(
        title=frame["codec"].map(data.title),
        size=frame["bytes"] / 1e6,
        fit=frame["encode_s"] / 60,
        decode=1e3 * frame["decode_s"] / frame["shapes"],
    )
    order = {rate: number for number, rate in enumerate(dict.fromkeys(frame.sort_values("bytes")["rate"]))}
    frame = frame.sort_values("rate", key=lambda rate: rate.map(order), kind="stable").reset_index(drop=True)
    columns = (
        Column("rate", "Rate"),
        Column("title", "Variant"),
        Column("size", "Size MB", 3),
        Column("ratio", "Ratio", 2, "high"),
        Column("cd", "CD", 3, "low"),
        Column("nc", "NC", 3, "high"),
        Column("f1_005", "F1-0.005", 3, "high"),
        Column("f1_01", "F1-0.01", 3, "high"),
        Column("surface_cd", "Surface", 3, "low"),
        Column("fit", "Encode min", None),
        Column("decode", "Decode ms/shape", None),
        Column("device", "Device"),
    )
    return Table(frame, columns, f"Variants of {name} on {dataset}", group="rate", unranked=frame["failed"] > 0)
