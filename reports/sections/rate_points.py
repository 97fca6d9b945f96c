"""The rate points as tables: every point, spread over the shapes, codecs side by side at similar size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from reports.document.table import Column, Table
from reports.run_data import complete, is_control

if TYPE_CHECKING:
    from reports.run_data import RunData

QUALITY = (
    Column("bytes_per_shape", "Bytes/shape", latex="B/shape"),
    Column("ratio", "Ratio", 1, latex="Ratio $\\uparrow$"),
    Column("cd", "CD", 2, latex="CD $\\downarrow$"),
    Column("nc", "NC", 3, latex="NC $\\uparrow$"),
    Column("f1_005", "F1-0.005", 3, latex="F1-0.005 $\\uparrow$"),
    Column("f1_01", "F1-0.01", 3, latex="F1-0.01 $\\uparrow$"),
    Column("surface_cd", "Surface", 3, latex="Surface $\\downarrow$"),
    Column("surface_p95", "p95", 3, latex="p95 $\\downarrow$"),
    Column("surface_max", "max", 2, latex="max $\\downarrow$"),
)
TIMES = (
    Column("encode_s", "Encode s", None, latex="Enc.\\,s"),
    Column("decode_s", "Decode s", None, latex="Dec.\\,s"),
    Column("device", "Device"),
)
_BETTER = dict.fromkeys(["nc", "f1_005", "f1_01"], "high") | dict.fromkeys(
    ["cd", "surface_cd", "surface_p95", "surface_max"], "low"
)
_FAILED = Column("failed", "Failed", latex="Fail")
_UNMEASURED = Column("unmeasured", "Unmeasured", latex="Unm.")
_NAME = (Column("title", "Codec"), Column("rate", "Rate"))


def points_table(data: RunData, dataset: str) -> Table:
    """Every rate-distortion point of a data set. A dot: no other codec is better in both bytes and surface error."""
    frame = _titled(data, dataset)
    frame["front"] = front(frame).map({True: "•", False: ""})
    seeds = (Column("seeds", "Seeds"),) if (frame["seeds"] > 1).any() else ()
    columns = (*_NAME, *seeds, Column("front", "Front", latex="$\\bullet$"), *QUALITY, *lost(frame), *TIMES)
    return Table(frame, columns, f"Every rate point on {dataset}", distances=True)


def spread_table(data: RunData, dataset: str) -> Table:
    """Where the bytes and the errors lie: shared and marginal bytes, floors, median and worst shape."""
    frame = _titled(data, dataset)
    frame["marginal"] = (frame["bytes"] - frame["bytes_shared"]) / frame["shapes"]
    columns = (
        *_NAME,
        Column("bytes", "Bytes"),
        Column("bytes_shared", "shared"),
        Column("marginal", "per shape", 1, latex="/shape"),
        Column("cd", "CD mean", 2, latex="CD"),
        Column("cd_median", "median", 2),
        Column("cd_floor", "floor", 2),
        Column("f1_005", "F1-0.005", 3),
        Column("f1_005_floor", "ceiling", 3, latex="ceil."),
        Column("surface_cd", "Surface mean", 3, latex="Surface"),
        Column("surface_cd_median", "median", 3),
        Column("surface_cd_worst", "worst", 3),
        Column("worst_shape", "worst shape"),
    )
    return Table(frame, columns, f"Bytes and spread over shapes on {dataset}", distances=True)


def comparable_table(data: RunData, dataset: str, within: float = 1.2) -> Table | None:
    """Codecs side by side at similar size: for low, middle and high rate, each codec's nearest point.

    The three sizes are the 10th percentile of all points' sizes, the 90th, and the middle of both on a logarithmic
    scale; a codec without a point within the factor ``within`` of a size is left out there. Best and second-best
    quality is marked at each size; bytes and ratio are not, as they are what was to be alike.
    """
    import numpy as np

    frame = _titled(data, dataset)
    frame = frame[~frame["codec"].map(is_control).astype(bool) & (frame["bytes_per_shape"] > 0)]
    if frame["codec"].nunique() < 2:
        return None
    low, high = np.log(frame["bytes_per_shape"]).quantile([0.1, 0.9])
    picked = []
    for target in np.exp(np.linspace(low, high, 3)):
        distance = (np.log(frame["bytes_per_shape"]) - np.log(target)).abs()
        near = frame[distance <= np.log(within)].assign(distance=distance, size=f"about {_size(target)}")
        picked.append(near.sort_values("distance").drop_duplicates("codec").sort_values("bytes_per_shape"))
    chosen = pd.concat(picked, ignore_index=True)
    counts = chosen.groupby("size")["codec"].transform("size")
    chosen = chosen[counts > 1].reset_index(drop=True)
    if not len(chosen):
        return None
    quality = tuple(replace(column, better=_BETTER.get(column.name, "")) for column in QUALITY)
    columns = (Column("size", "Bytes a shape"), *_NAME, *quality, *lost(chosen))
    caption = f"Codecs at similar size on {dataset}, within a factor of {within:g} of it"
    return Table(chosen, columns, caption, group="size", unranked=~complete(chosen), distances=True)


def front(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which points no point of another codec beats in both bytes and surface error (CD where that is missing).

    Points with failed or unmeasured shapes take no part, nor do controls.
    """
    error = frame["surface_cd"].fillna(frame["cd"])
    compared = complete(frame) & ~frame["codec"].map(is_control).astype(bool)
    size, codec = frame["bytes"].where(compared), frame["codec"]
    best = [
        bool(size[i] == size[i])
        and not (
            (size <= size[i]) & (error <= error[i]) & (codec != codec[i]) & ((size < size[i]) | (error < error[i]))
        ).any()
        for i in frame.index
    ]
    return pd.Series(best, index=frame.index, dtype=bool)


def lost(frame: pd.DataFrame) -> tuple[Column, ...]:
    """The columns that count failed and, where there are any, unmeasured shapes."""
    return (_FAILED, _UNMEASURED) if frame["unmeasured"].any() else (_FAILED,)


def _titled(data: RunData, dataset: str) -> pd.DataFrame:
    frame = data.points[data.points["dataset"] == dataset].reset_index(drop=True)
    order = {codec: number for number, codec in enumerate(data.codecs)}
    frame = frame.sort_values("codec", key=lambda codec: codec.map(order), kind="stable", ignore_index=True)
    return frame.assign(title=frame["codec"].map(data.title))


def _size(count: float) -> str:
    return f"{count / 1000:.2g} kB" if count >= 1000 else f"{count:.0f} B"
