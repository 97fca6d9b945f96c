"""Rows in the columns of MPEG's ``mmetric compare --mode pcc --outputCsv``, for scripts that read those."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from bench.results.csv_cells import FORMULA
from bench.results.rows import PointKey, Row, SetRow, ShapeRow, point_key, set_rows, shape_rows

COLUMNS = (
    *("p_inputModelA", "p_inputModelB", "p_inputMapA", "p_inputMapB", "p_singlePass", "p_hausdorff", "p_color"),
    *("p_resolution", "p_neighborsProc", "p_dropDuplicates", "p_averageNormals", "frame", "resolution"),
    *("c2c_psnr", "haus_c2c_psnr", "c2p_psnr", "hausc2p_psnr"),
    *("color_psnr[0]", "color_psnr[1]", "color_psnr[2]", "haus_rgb_psnr[0]", "haus_rgb_psnr[1]", "haus_rgb_psnr[2]"),
)
"""As mmetric names and orders them. What this harness does not measure stays empty."""

OWN = (
    "codec",
    "rate",
    "seed",
    "status",
    "bytes",
    "bytes_set",
    "shapes",
    "source_bytes",
    "cd",
    "surface_cd",
    "f1_005",
    "nc",
)
"""After them, what a curve needs, in the names of ``rows.jsonl``; ``bytes_set`` is the size of the whole archive."""


def mpeg_csv(rows: Iterable[Row]) -> str:
    """A line per shape and rate, separated by semicolons as mmetric's are.

    ``c2c_psnr`` and ``c2p_psnr`` are the point-to-point and point-to-plane PSNR of codecs of points (larger direction,
    peak 2^bits - 1, which is ``resolution``), "inf" for no error; of other codecs they are empty. ``frame`` is the
    shape's place in its set.
    """
    rows = list(rows)
    sets = {point_key(row): row for row in set_rows(rows)}
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *OWN], delimiter=";", lineterminator="\n", restval="")
    writer.writeheader()
    for row in shape_rows(rows):
        key: PointKey = point_key(row)
        writer.writerow({name: _cell(value) for name, value in _line(row, sets[key]).items()})
    return text.getvalue()


def _line(row: ShapeRow, whole: SetRow) -> dict[str, Any]:
    values: Mapping[str, Any] = row
    resolution = peak(row.get("d1_mse", math.nan), row.get("d1_psnr", math.nan))
    exact = row.get("d1_mse") == 0
    return {
        "p_inputModelA": f"{row['dataset']}/{row['shape']}",
        "p_inputModelB": f"{row['codec']}/{row['rate']}/{row['shape']}",
        **{"p_singlePass": 0, "p_hausdorff": 0, "p_color": 0, "p_resolution": resolution},
        "frame": row["index"],
        "resolution": resolution,
        "c2c_psnr": "inf" if exact else values.get("d1_psnr"),
        "c2p_psnr": "inf" if exact else values.get("d2_psnr"),
        "bytes_set": whole["bytes"],
        "shapes": whole["shapes"],
        **{name: values.get(name) for name in OWN if name not in ("bytes_set", "shapes")},
    }


def peak(mse: float, psnr: float) -> float | None:
    """The peak behind a PSNR = 10 log10(3 peak^2 / mse); None where one of them is missing."""
    if not (mse > 0 and math.isfinite(psnr)):
        return None
    return round(math.sqrt(mse * 10 ** (psnr / 10) / 3), 3)


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
