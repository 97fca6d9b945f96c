"""The paper's ablations (TSDF against TSDF-Def, resolution) beside a run's variants of NeCGS as published."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reports.document.table import Column, Table
from reports.sections.variants import families, variant_names

if TYPE_CHECKING:
    from reports.run_data import RunData

CODEC = "necgs-paper"


def published_ablations() -> pd.DataFrame:
    """The printed lines: variant, dataset, size_mb, ratio, cd, nc, f1_005, f1_01, encode_h, decode_ms."""
    with (files("reports.paper") / "ablations.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, comment="#")


def ablations_table(data: RunData, dataset: str) -> Table | None:
    """Each published variant that was run, and under it the run's at the rate of the nearest ratio."""
    specs = families(data).get(CODEC)
    if not specs:
        return None
    names = {name: spec for spec, name in variant_names(data, specs).items()}
    lines: list[dict[Any, Any]] = []
    for paper in published_ablations().to_dict("records"):
        points = data.points[
            (data.points["dataset"] == dataset) & (data.points["codec"] == names.get(paper["variant"]))
        ]
        points = points[points["ratio"].notna()].reset_index(drop=True)
        if len(points):
            lines += [{**paper, "source": f"paper, {paper['dataset']}", "device": "RTX 3090"}]
            nearest = points.iloc[int(np.abs(np.log(points["ratio"] / paper["ratio"])).argmin())]
            lines += [_ours(nearest, str(paper["variant"]), dataset)]
    columns = (
        Column("variant", "Variant"),
        Column("source", "Values of"),
        Column("size_mb", "Size MB", 3),
        Column("ratio", "Ratio", 2, latex="Ratio $\\uparrow$"),
        Column("cd", "CD", 3, latex="CD $\\downarrow$"),
        Column("nc", "NC", 3, latex="NC $\\uparrow$"),
        Column("f1_005", "F1-0.005", 3, latex="F1-0.005 $\\uparrow$"),
        Column("f1_01", "F1-0.01", 3, latex="F1-0.01 $\\uparrow$"),
        Column("encode_h", "Encode h", None),
        Column("decode_ms", "Decode ms/shape", None),
        Column("device", "Device"),
    )
    caption = f"The paper's ablations and this run's on {dataset}: each set has its own ratios and its own floor of CD"
    return Table(pd.DataFrame(lines), columns, caption, group="variant", distances=True) if lines else None


def _ours(point: pd.Series[float], variant: str, dataset: str) -> dict[Any, Any]:
    same = {name: point[name] for name in ("ratio", "cd", "nc", "f1_005", "f1_01", "device")}
    return same | {
        "variant": variant,
        "source": f"this run, {dataset} {point['rate']}",
        "size_mb": point["bytes"] / 1e6,
        "encode_h": point["encode_s"] / 3600,
        "decode_ms": 1e3 * point["decode_s"] / point["shapes"],
    }
