"""Variants of one codec beside each other: the form of the paper's ablations (curves; tables with size and time)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from bench.results.spec import codec_name
from reports.document.style import apart
from reports.document.table import Column, Table
from reports.run_data import complete
from reports.sections.rate_distortion import CD, F1_005, RATIO, Key, rate_distortion
from reports.sections.rate_points import lost

if TYPE_CHECKING:
    from reports.run_data import RunData

PAPER_NAMES: Mapping[str, Mapping[Any, str]] = {
    "deformation": {True: "TSDF-Def", False: "TSDF"},
    "ssim": {True: "with SSIM", False: "without SSIM"},
    "architecture": {"auto-decoder": "auto-decoder", "auto-encoder": "auto-encoder"},
}
"""What the paper calls a setting's values; of the resolution it writes K = 64."""

TIME_UNITS = ((2.0, "ms", 1e3), (120.0, "s", 1.0), (7200.0, "min", 1 / 60), (float("inf"), "h", 1 / 3600))
"""Up to so many seconds a column is in this unit; factor from seconds."""


def families(data: RunData) -> dict[str, list[str]]:
    """Codecs that were run in more than one variant: name -> specs."""
    found: dict[str, list[str]] = {}
    for codec in data.codecs:
        found.setdefault(codec_name(codec), []).append(codec)
    return {name: specs for name, specs in found.items() if len(specs) > 1}


def variant_names(data: RunData, specs: list[str]) -> dict[str, str]:
    """What tells the variants of a codec apart, in the paper's words where it has some, in a sensible order.

    What differs between their settings is the name. Where that does not tell all of them apart, or a setting changes
    from rate to rate, their specs are.
    """
    settings: dict[str, list[dict[str, Any]]] = {spec: [] for spec in specs}
    for row in data.set_rows:
        if row["codec"] in settings:
            settings[row["codec"]].append(row["settings"])
    found = {spec: {name: {rate.get(name) for rate in settings[spec]} for name in settings[spec][0]} for spec in specs}
    differing = [name for name in found[specs[0]] if len({str(found[spec].get(name)) for spec in specs}) > 1]
    if "fit" in differing and _fit_follows(found):
        differing.remove("fit")
    fixed = all(len(found[spec].get(name, ())) == 1 for spec in specs for name in differing)
    values = {spec: [(name, next(iter(found[spec][name]))) for name in differing] for spec in specs} if fixed else {}
    names = {spec: ", ".join(_worded(*item) for item in items) for spec, items in values.items()}
    if len(set(names.values())) < len(specs):
        return {spec: data.title(spec) for spec in specs}
    return {spec: names[spec] for spec in sorted(specs, key=lambda spec: _order([v for _, v in values[spec]]))}


def _fit_follows(found: Mapping[str, Mapping[str, set[Any]]]) -> bool:
    """Whether the fit differs because the deformation does: rendered where there is one, of necessity none without."""
    allowed = {True: {"rendered"}, False: {"none"}}
    return all(
        values.get("fit") == allowed.get(next(iter(values.get("deformation", {None})))) for values in found.values()
    )


def ablation_figure(data: RunData, name: str) -> Figure:
    """Rate-distortion curves of the variants of codec ``name`` alone, as far apart in look as codecs are."""
    names = variant_names(data, families(data)[name])
    key = Key(apart(list(names)), names)
    return rate_distortion(data, RATIO, (CD, F1_005), data.points[data.points["codec"].isin(names)], key)


def variants_table(data: RunData, dataset: str, name: str) -> Table | None:
    """Size, ratio, quality and time of each variant at each rate; the best and second-best of a rate are marked.

    Encoding time is that of the whole set (fit and training), decoding time that of a shape, as in the paper.
    """
    names = variant_names(data, families(data)[name])
    frame = data.points[(data.points["dataset"] == dataset) & data.points["codec"].isin(names)]
    if frame["codec"].nunique() < 2:
        return None
    size, factor = ("MB", 1e6) if frame["bytes"].max() >= 1e5 else ("kB", 1e3)
    encode, decode = frame["encode_s"], frame["decode_s"] / frame["shapes"]
    (encode_unit, encode_factor), (decode_unit, decode_factor) = _unit(encode), _unit(decode)
    rates = list(dict.fromkeys(frame.sort_values("bytes")["rate"]))
    frame = frame.assign(
        title=frame["codec"].map(names),
        size=frame["bytes"] / factor,
        encode=encode * encode_factor,
        decode=decode * decode_factor,
        place=frame["rate"].map(rates.index) * len(names) + frame["codec"].map(list(names).index),
    )
    frame = frame.sort_values("place", ignore_index=True)
    columns = (
        *((Column("rate", "Rate"),) if len(rates) > 1 else ()),
        Column("title", "Variant"),
        Column("size", f"Size {size}", 3 if size == "MB" else 1),
        Column("ratio", "Ratio", 2, "high", "Ratio $\\uparrow$"),
        Column("cd", "CD", 3, "low", "CD $\\downarrow$"),
        Column("nc", "NC", 3, "high", "NC $\\uparrow$"),
        Column("f1_005", "F1-0.005", 3, "high", "F1-0.005 $\\uparrow$"),
        Column("f1_01", "F1-0.01", 3, "high", "F1-0.01 $\\uparrow$"),
        Column("surface_cd", "Surface", 3, "low", "Surface $\\downarrow$"),
        Column("encode", f"Encode {encode_unit}", None),
        Column("decode", f"Decode {decode_unit}/shape", None),
        *(() if complete(frame).all() else lost(frame)),
        Column("device", "Device"),
    )
    caption = f"Variants of {data.title(next(iter(names)).partition(':')[0])} on {dataset}"
    return Table(frame, columns, caption, group="rate", unranked=~complete(frame), distances=True)


def _worded(setting: str, value: Any) -> str:
    if setting == "resolution":
        return f"K = {value}"
    worded = PAPER_NAMES.get(setting, {}).get(value)
    return worded or f"{setting}={'on' if value is True else 'off' if value is False else value}"


def _order(values: Sequence[Any]) -> list[tuple[bool, float, str]]:
    """Off before on, small before large, words by name."""
    return [(isinstance(v, str), float(v) if isinstance(v, bool | int | float) else 0.0, str(v)) for v in values]


def _unit(seconds: pd.Series[float]) -> tuple[str, float]:
    longest = float(seconds.max())
    return next((unit, factor) for limit, unit, factor in TIME_UNITS if longest < limit or limit == float("inf"))
