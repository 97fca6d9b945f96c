"""Where the time goes: wall seconds and named phases per codec, per set and per shape, with CPU time and peak memory.

A line belongs to one device of one machine: seconds of a CPU and of a GPU, or of two machines, never share one, and are
never ranked against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.results.rows import UNMEASURED, point_key
from bench.results.summary import charged_seconds
from reports.document.table import Column, Table

if TYPE_CHECKING:
    from reports.run_data import RunData

REST = "other"
"""What is left of the wall time after the named phases: starting Python, reading meshes, writing files."""


def timing_frame(data: RunData) -> pd.DataFrame:
    """One line per (point, seed, step, phase), the phase ``total`` included, with seconds per set and per shape."""
    lines: list[dict[str, Any]] = []
    for row in data.set_rows:
        for step, timing in (("encode", row["encode"]), ("decode", row["decode"])):
            if not timing or row["status"] not in ("ok", UNMEASURED) or not row["shapes"]:
                continue
            total, phases = charged_seconds(timing), dict(timing["phases"])
            if phases:
                phases[REST] = max(0.0, total - sum(phases.values()))
            key: dict[str, Any] = {**point_key(row)._asdict(), "device": row["device"], "step": step}
            key["machine"] = row["machine"] or data.manifest["machine"]["fingerprint"]
            key |= {"cpu_s": timing["cpu_s"], "peak_mb": timing["peak_mb"], "threads": timing["threads"]}
            for phase, seconds in {"total": total, **phases}.items():
                lines.append({**key, "phase": phase, "set_s": seconds, "shape_s": seconds / row["shapes"]})
    of_step = ["dataset", "codec", "rate", "seed", "device", "machine", "step", "cpu_s", "peak_mb", "threads"]
    frame = pd.DataFrame(lines, columns=[*of_step, "phase", "set_s", "shape_s"])
    return frame.astype({"cpu_s": float})


def phase_table(data: RunData, dataset: str) -> Table | None:
    """Seconds a set and a shape for each phase of each codec: the median over its rates and seeds, and their range."""
    frame = timing_frame(data)
    frame = frame[frame["dataset"] == dataset]
    if not len(frame):
        return None
    keys = ["machine", "device", "codec", "step", "phase"]
    groups = frame.groupby(keys, sort=False)
    table = groups.agg(
        set_s=("set_s", "median"),
        low=("set_s", "min"),
        high=("set_s", "max"),
        cpu_s=("cpu_s", "median"),
        shape_s=("shape_s", "median"),
        peak_mb=("peak_mb", "max"),
        threads=("threads", "max"),
    ).reset_index()
    table.loc[table["phase"] != "total", ["cpu_s", "peak_mb", "threads"]] = float("nan")
    table = _by_device(data, table)
    columns = (
        *_where(table),
        Column("step", "Step"),
        Column("phase", "Phase"),
        Column("set_s", "Set, median s", None),
        Column("spread", "range s"),
        Column("cpu_s", "CPU s", None),
        Column("shape_s", "Shape, median s", None),
        Column("peak_mb", "Peak MB"),
        Column("threads", "Threads"),
    )
    caption = f"Time and memory on {dataset}: medians over rates and seeds; CPU seconds are those of the set"
    return Table(table, columns, caption, group="device")


VERTEX_BYTES = FACE_BYTES = 12
"""What a decoded vertex and triangle count as: three 32-bit numbers each."""


def decode_speed_table(data: RunData, dataset: str) -> Table | None:
    """Triangles and megabytes of decoded meshes a second, in the codec alone: the median over rates, and their range.

    None where no row has both counts and the codec's own seconds, as those of older runs.
    """
    lines = []
    for row in data.set_rows:
        timing = row["decode"]
        if row["dataset"] != dataset or row["status"] != "ok" or not row["decoded_faces"]:
            continue
        if timing is None or not (seconds := timing["codec_s"]):
            continue
        size = VERTEX_BYTES * row["decoded_vertices"] + FACE_BYTES * row["decoded_faces"]
        machine = row["machine"] or data.manifest["machine"]["fingerprint"]
        line = {"machine": machine, "device": row["device"], "codec": row["codec"], "threads": timing["threads"]}
        lines.append({**line, "mb_s": size / 1e6 / seconds, "triangles_s": row["decoded_faces"] / 1e6 / seconds})
    if not lines:
        return None
    groups = pd.DataFrame(lines).groupby(["machine", "device", "codec"], sort=False)
    table = groups.agg(
        mb_s=("mb_s", "median"),
        low=("mb_s", "min"),
        high=("mb_s", "max"),
        triangles_s=("triangles_s", "median"),
        threads=("threads", "max"),
    ).reset_index()
    table = _by_device(data, table)
    columns = (
        *_where(table),
        Column("mb_s", "MB/s, median", None),
        Column("spread", "range MB/s"),
        Column("triangles_s", "Mtriangles/s, median", None),
        Column("threads", "Threads"),
    )
    caption = (
        f"Decoding speed on {dataset}: decoded meshes (12 bytes a vertex and a triangle) a wall second in the codec, "
        "without files; median over rates and seeds"
    )
    return Table(table, columns, caption, group="device")


def _by_device(data: RunData, table: pd.DataFrame) -> pd.DataFrame:
    """The lines by machine, device and codec, with the codec's title and the range ``low`` to ``high`` as text."""
    ranges = zip(table["low"], table["high"], strict=True)
    table = table.assign(
        title=table["codec"].map(data.title),
        spread=[f"{_short(low)}–{_short(high)}" for low, high in ranges],
        order=table["codec"].map(data.codecs.index),
    )
    return table.sort_values(["machine", "device", "order"], kind="stable", ignore_index=True)


def _where(table: pd.DataFrame) -> tuple[Column, ...]:
    """The columns that say of whom a line is; the machine where there are several."""
    machine = (Column("machine", "Machine"),) if table["machine"].nunique() > 1 else ()
    return (*machine, Column("device", "Device"), Column("title", "Codec"))


def _short(value: float) -> str:
    """Two significant digits of a small number, a large one without decimals."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
