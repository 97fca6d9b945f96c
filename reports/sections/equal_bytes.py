"""What each codec makes of the same bytes: mean and largest distance and normals, between rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reports.document.table import Column, Table
from reports.run_data import complete, is_control
from reports.sections.bd_rate import choose_anchor
from reports.sections.between_rates import value_at_bytes

if TYPE_CHECKING:
    from reports.run_data import RunData

METRICS = ("surface_cd", "surface_p95", "surface_max", "surface_nc")


def sizes(data: RunData, dataset: str, count: int = 4) -> list[float]:
    """Up to ``count`` sizes in bytes a shape: points of the codec that others are compared with which they reach."""
    points = data.points[(data.points["dataset"] == dataset) & complete(data.points)]
    anchor = choose_anchor(data, dataset)
    others = [group for codec, group in points.groupby("codec") if codec != anchor and not is_control(str(codec))]
    own = sorted(set(points.loc[points["codec"] == anchor, "bytes_per_shape"].to_list()))
    reached = [size for size in own if any(np.isfinite(value_at_bytes(g, size, METRICS[0])) for g in others)]
    picks = np.unique(np.linspace(0, len(reached) - 1, min(count, len(reached))).round().astype(int))
    return [float(reached[pick]) for pick in picks]


def frame_at_bytes(data: RunData, dataset: str, at: list[float]) -> pd.DataFrame:
    """One line per (size, codec) with each of `METRICS`, for codecs whose rates reach the size."""
    points = data.points[data.points["dataset"] == dataset]
    codecs = [c for c in data.codecs if c in set(points["codec"]) and not is_control(c)]
    lines = []
    for size in at:
        for codec in codecs:
            own = points[points["codec"] == codec]
            values = {metric: value_at_bytes(own, size, metric) for metric in METRICS}
            if np.isfinite(values[METRICS[0]]):
                lines.append({"size": size, "codec": codec, "title": data.title(codec)} | values)
    return pd.DataFrame(lines, columns=["size", "codec", "title", *METRICS])


def equal_bytes_table(data: RunData, dataset: str) -> Table | None:
    """Mean, 95th percentile and largest distance and normal consistency at some sizes; None without two codecs."""
    frame = frame_at_bytes(data, dataset, sizes(data, dataset))
    if frame["codec"].nunique() < 2:
        return None
    columns = (
        Column("size", "Bytes/shape", latex="B/shape"),
        Column("title", "Codec"),
        Column("surface_cd", "Surface", 3, "low", "Surface $\\downarrow$"),
        Column("surface_p95", "p95", 3, "low", "p95 $\\downarrow$"),
        Column("surface_max", "max", 2, "low", "max $\\downarrow$"),
        Column("surface_nc", "NC", 4, "high", "NC $\\uparrow$"),
    )
    caption = f"Mean and largest distance and normals at equal bytes on {dataset}, between rates"
    return Table(frame, columns, caption, group="size", distances=True)
