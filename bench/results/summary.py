"""Rows -> one line per (dataset, codec, rate, seed): the aggregate that tables, figures and gates read.

Means run over all shapes of the set that were measured, failed ones with the penalty that their rows carry; only floors
and point metrics, which a failed shape does not have, run over the others. Shapes that the harness could not measure
are in no mean; ``unmeasured`` counts them. Distances are in units of 1e-3 of the cube
[-1, 1]^3, ratios are source-file bytes / archive bytes, times are wall seconds for the whole set, work that was taken
from the cache included.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec.atomic_write import write_atomically
from bench.results.csv_cells import without_formulas
from bench.results.rows import UNMEASURED, PointKey, Row, SetRow, ShapeRow, Timing, point_key, set_rows, shape_rows

if TYPE_CHECKING:
    import pandas as pd

    from bench.results.store import RunFolder

POINT = list(PointKey._fields)
"""What makes a point of a rate-distortion curve."""

METRICS = [
    "cd",
    "nc",
    "f1_005",
    "f1_01",
    "saturated",
    "surface_cd",
    "surface_p95",
    "surface_max",
    "surface_nc",
    "surface_f1_005",
    "surface_f1_01",
]
"""Per-shape metrics whose mean over the set, failed shapes included, is a column of the summary."""

MEASURED = ["cd_floor", "f1_005_floor", "f1_01_floor", "d1_psnr", "d2_psnr"]
"""Per-shape values that a failed shape does not have: their mean runs over the others."""

SATURATION = 1.1
"""A sampled CD up to this multiple of its floor says nothing about the codec; nor does F1 above floor / this."""

COLUMNS = [
    "dataset",
    "codec",
    "rate",
    "shapes",
    "failed",
    "bytes",
    "bytes_shared",
    "bytes_per_shape",
    "ratio",
    "cd",
    "nc",
    "f1_005",
    "f1_01",
    "cd_floor",
    "f1_005_floor",
    "surface_cd",
    "surface_p95",
    "surface_max",
    "surface_nc",
    "encode_s",
    "decode_s",
    "device",
    "status",
    "seed",
    "surface_f1_005",
    "surface_f1_01",
    "f1_01_floor",
    "saturated",
    "cd_median",
    "surface_cd_median",
    "surface_cd_worst",
    "worst_shape",
    "d1_psnr",
    "d2_psnr",
    "source_bytes",
    "encode_mb",
    "decode_mb",
    "codec_version",
    "protocol",
    "unmeasured",
]
"""Columns of ``summary.csv``, in order; the first 22 are promised to other programs.

``saturated`` is the share of shapes whose sampled CD is within 10 % of its floor; ``*_median`` and ``*_worst`` run
over shapes; ``encode_mb`` and ``decode_mb`` are peaks of resident memory.
"""


def shape_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows of shapes that were measured or failed, one line per (point, shape), every metric column present.

    A metric that a row does not have is NaN.
    """
    import pandas as pd

    kept = [row for row in shape_rows(rows) if row["status"] != UNMEASURED]
    frame = pd.DataFrame(kept) if kept else pd.DataFrame(columns=list(ShapeRow.__annotations__))
    for name in [*METRICS, *MEASURED]:
        if name not in frame:
            frame[name] = float("nan")
        frame[name] = frame[name].astype(float)
    return frame


def summarise(rows: Iterable[Row]) -> pd.DataFrame:
    """One line per (dataset, codec, rate, seed) with the columns `COLUMNS`, ordered by data set, codec and bytes."""
    import pandas as pd

    rows = list(rows)
    sets = set_rows(rows)
    if not sets:
        return pd.DataFrame(columns=COLUMNS)
    shapes: dict[Any, pd.DataFrame] = {}
    frame = shape_frame(rows)
    if len(frame):
        shapes = dict(iter(frame.groupby(POINT, sort=False)))
    lines = [_line(row, shapes.get(point_key(row))) for row in sets]
    frame = pd.DataFrame(lines, columns=COLUMNS)
    return frame.sort_values(["dataset", "codec", "bytes", "seed"], kind="stable", ignore_index=True)


def over_seeds(summary: pd.DataFrame) -> pd.DataFrame:
    """Average the lines that differ in their seed alone; ``seeds`` counts them. Of failures the largest count stays."""
    key = ["dataset", "codec", "rate"]
    worst = ["failed", "unmeasured"]
    numbers = [name for name in summary.select_dtypes("number").columns if name not in ("seed", *worst)]
    rest = [name for name in summary.columns if name not in (*numbers, *key, *worst, "seed")]
    groups = summary.groupby(key, sort=False)
    merged = groups[numbers].mean().join(groups[rest].first()).join(groups[worst].max())
    merged["seeds"] = groups.size()
    columns = [name for name in summary.columns if name != "seed"]
    merged = merged.reset_index()[[*columns, "seeds"]]
    return merged.sort_values(["dataset", "codec", "bytes"], kind="stable", ignore_index=True)


def charged_seconds(timing: Timing) -> float:
    """Seconds that a step takes with an empty cache: what its clock saw, and what earlier jobs did for it."""
    return timing["wall_s"] + timing["recalled_s"]


def write_summary(run: RunFolder) -> Path:
    """Write ``summary.csv`` of a run from its rows; returns its path."""
    write_atomically(run.summary_path, without_formulas(summarise(run.rows())).to_csv(index=False, float_format="%.6g"))
    return run.summary_path


CONSOLE = {
    "codec": ("codec", "s"),
    "rate": ("rate", "s"),
    "bytes_per_shape": ("B/shape", ",.0f"),
    "ratio": ("ratio", ".1f"),
    "cd": ("CD", ".2f"),
    "f1_005": ("F1-0.005", ".3f"),
    "surface_cd": ("surface", ".3f"),
    "failed": ("failed", ".0f"),
    "encode_s": ("enc s", ".1f"),
    "decode_s": ("dec s", ".1f"),
    "nc": ("NC", ".3f"),
    "surface_max": ("max", ".1f"),
    "bytes": ("bytes", ",.0f"),
    "encode_mb": ("enc MB", ".0f"),
}
"""Columns of the terminal's table: title and format."""

CONSOLE_WIDTH = 100
"""Where the output is no terminal."""

DISPENSABLE = ("encode_mb", "bytes", "surface_max", "nc", "ratio", "f1_005", "decode_s", "encode_s", "cd", "failed")
"""Columns that a table goes without, the first one first, until it is narrow enough."""


def console_table(run: RunFolder, width: int | None = None) -> str:
    """The summary as a person reads it in a terminal: a table per data set, with as many columns as ``width`` takes."""
    tables = []
    for dataset, points in over_seeds(summarise(run.rows())).groupby("dataset", sort=False):
        columns, records = list(CONSOLE), points.to_dict("records")
        text = _console_lines(records, columns)
        for name in DISPENSABLE:
            if max(map(len, text.splitlines())) <= (width or CONSOLE_WIDTH):
                break
            columns.remove(name)
            text = _console_lines(records, columns)
        tables.append(f"{dataset} ({points['shapes'].iloc[0]:.0f} shapes; distances in 1e-3)\n\n{text}")
    return "\n\n".join(tables)


def _console_lines(points: Sequence[Mapping[Hashable, Any]], columns: list[str]) -> str:
    """The table; of a job that failed as a whole the word for it instead of the penalties that it is charged."""
    from tabulate import tabulate

    lines = []
    for line in points:
        cells = {name: _cell(line[name], CONSOLE[name][1]) for name in columns}
        if line["status"] != "ok" or line["failed"] >= line["shapes"] > 0:
            kept = ("codec", "rate", "failed")
            cells = {name: cell if name in kept else "" for name, cell in cells.items()} | {columns[2]: "failed"}
        lines.append(list(cells.values()))
    align = ["left", "left", *["right"] * (len(columns) - 2)]
    titles = [CONSOLE[name][0] for name in columns]
    text: str = tabulate(lines, titles, colalign=align, disable_numparse=True)
    return text


def _cell(value: Any, form: str) -> str:
    return "-" if value != value else f"{value:{form}}"


def _line(row: SetRow, shapes: pd.DataFrame | None) -> dict[str, Any]:
    """One line of the summary from a set row and its shape rows (None where the set has none that count).

    Bytes a shape and ratio are those of the shapes that have bytes: a shape that was not coded makes no set smaller.
    """
    nan = float("nan")
    lost = None if shapes is None else shapes[(shapes["status"] != "ok") & (shapes["bytes"] == 0)]
    coded = row["shapes"] - (0 if lost is None else len(lost))
    source = row["source_bytes"] - (0 if lost is None else int(lost["source_bytes"].sum()))
    size = nan if row["bytes"] == 0 and row["status"] != "ok" else float(row["bytes"])
    line = {
        "dataset": row["dataset"],
        "codec": row["codec"],
        "rate": row["rate"],
        "seed": row["seed"],
        "status": row["status"],
        "shapes": row["shapes"],
        "failed": row["failed"],
        "unmeasured": row["unmeasured"],
        "bytes": size,
        "bytes_shared": float(row["bytes_shared"]),
        "bytes_per_shape": size / coded if coded else nan,
        "source_bytes": float(row["source_bytes"]),
        "ratio": source / size if size > 0 else nan,
        "device": row["device"],
        "codec_version": row["codec_version"],
        "protocol": row["protocol"],
    }
    for phase, timing in (("encode", row["encode"]), ("decode", row["decode"])):
        line[f"{phase}_s"] = charged_seconds(timing) if timing else nan
        line[f"{phase}_mb"] = timing["peak_mb"] if timing else nan
    return line | ({} if shapes is None else _metrics(shapes))


def _metrics(shapes: pd.DataFrame) -> dict[str, Any]:
    # A metric that is missing for one shape must not shrink the set that the mean is taken over.
    line: dict[str, Any] = {name: shapes[name].mean(skipna=False) for name in METRICS}
    decoded = shapes[shapes["status"] == "ok"]
    line |= {name: decoded[name].mean() for name in MEASURED}
    worst = shapes["surface_cd"].fillna(shapes["cd"])
    line |= {
        "cd_median": shapes["cd"].median(),
        "surface_cd_median": shapes["surface_cd"].median(),
        "surface_cd_worst": shapes["surface_cd"].max(),
        "worst_shape": shapes["shape"].iloc[int(worst.argmax())] if worst.notna().any() else None,
    }
    return line
