"""The columns of ``rows.jsonl``: a row per shape and rate, a row per set and rate, and the key of a point.

Rows are written as these types and read back through `read_row`, which fills the columns that an older run did not
write and keeps those that it does not know. Distances are in units of 1e-3 of the normalised cube [-1, 1]^3, times in
seconds, sizes in bytes, memory in MiB.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypedDict, cast

from bench.results.typed import Record, conform

STATUSES = (
    "ok",
    "empty",
    "invalid_mesh",
    "encode_failed",
    "decode_failed",
    "measure_failed",
    "corrupt",
    "timeout",
    "out_of_memory",
    "unavailable",
)
"""Every status that a row may carry.

All but ``ok`` and `UNMEASURED` are the codec's and count with the penalty of `bench.metrics.protocol.penalty`.
"""

UNMEASURED = "measure_failed"
"""The measurement broke: the harness's own fault. Such a shape has no metrics, is in no mean, and fails the run."""


class RowHead(TypedDict):
    """What rows of both kinds begin with."""

    job: str
    """Hash of everything that the result depends on."""
    archive: str
    """Hash of what the coded bytes depend on: the folder's name below ``archives/``."""
    dataset: str
    codec: str
    """The codec's spec, with its settings: see `bench.results.spec.CodecSpec`."""
    rate: str
    """Label of the rate point."""
    seed: int
    status: str
    """One of `STATUSES`. A job that failed as a whole has the failure in its set row and in every shape row."""
    message: str
    """Why, where the status is not ``ok``."""
    protocol: str
    """Identifier of the metric protocol."""
    device: str
    """``cpu`` or ``cuda``."""
    machine: str
    """Fingerprint of the machine; empty where it is the one of the manifest."""


class Metrics(TypedDict, total=False):
    """Columns of `bench.metrics.measure.measure`; penalties where the shape failed, absent where it is unmeasured."""

    cd: float
    nc: float
    f1_005: float
    f1_01: float
    cd_floor: float
    f1_005_floor: float
    f1_01_floor: float
    saturated: float
    """1 where the sampled CD is within 10 % of its floor, else 0."""
    surface_cd: float
    surface_p95: float
    surface_max: float
    surface_nc: float
    surface_f1_005: float
    surface_f1_01: float
    reference_area: float
    """In units of the cube's coordinates squared, as is ``decoded_area``."""
    decoded_area: float
    d1_mse: float
    d1_psnr: float
    """In dB; absent where it is infinite, as is ``d2_psnr``."""
    d2_mse: float
    d2_psnr: float


class ShapeRow(RowHead, Metrics):
    """One shape at one rate."""

    kind: Literal["shape"]
    index: int
    """Place of the shape in its set, from 0."""
    shape: str
    """The shape's name."""
    category: str
    source_bytes: int
    """Size of the source file."""
    bytes: int
    """This shape's own part of the archive."""
    decoded_sha256: str
    """Fingerprint of the decoded mesh; empty where there is none."""
    mode: str
    """How the codec coded this shape, where it chooses for each; else empty."""


class Timing(TypedDict):
    """What one step of a job took."""

    wall_s: float
    """Inside the step, without the start of the interpreter; of the whole process where it died."""
    cpu_s: float | None
    """Of the process, its threads and the programs that it ran; None where it was killed."""
    recalled_s: float
    """Seconds of work that an earlier job had done, beyond ``wall_s``."""
    codec_s: float | None
    """Of decoding: seconds in the codec alone, without reading and writing files; None elsewhere and in older rows."""
    phases: dict[str, float]
    """Named phase -> seconds, recalled ones included."""
    peak_mb: float
    """Highest resident memory of the process and its children."""
    threads: int
    """CPU threads that the step was allowed."""
    limit_s: float
    """Seconds that the step was allowed; 0 in rows of older runs."""


class SetRow(RowHead):
    """One set at one rate: sizes, ledger, settings, times."""

    kind: Literal["set"]
    shapes: int
    failed: int
    """Shapes that the codec failed on."""
    unmeasured: int
    """Shapes that the harness could not measure (status `UNMEASURED`)."""
    source_bytes: int
    bytes: int
    """Size of the archive on disk."""
    bytes_shared: int
    """Size of the part that all shapes share."""
    ledger: dict[str, int]
    """Component -> bytes; sums to ``bytes``."""
    settings: dict[str, Any]
    """Resolved settings of the rate point."""
    codec_version: str
    archive_sha256: str
    workers: int
    """Jobs that ran at a time."""
    notes: dict[str, str]
    """Facts that the codec noted about this job."""
    encode: Timing | None
    """None where the job did not come so far, as with the next two."""
    decode: Timing | None
    decoded_vertices: int
    """Of all shapes together, as is ``decoded_faces``; 0 in rows of older runs."""
    decoded_faces: int
    cache_made: int
    """Bytes of the cache entries that encoding wrote; 0 in rows of older runs, as with ``cache_found``."""
    cache_found: int
    """Bytes of the cache entries that earlier jobs had left for it."""
    measure: Timing | None


Row = ShapeRow | SetRow


class PointKey(NamedTuple):
    """What makes a point of a rate-distortion curve."""

    dataset: str
    codec: str
    rate: str
    seed: int


@dataclass(frozen=True)
class JobRows:
    """The rows of one finished job."""

    shapes: Sequence[ShapeRow]
    whole: SetRow

    @property
    def rows(self) -> tuple[Row, ...]:
        """Shape rows first, the set row last: the order in the file."""
        return (*self.shapes, self.whole)


def point_key(row: RowHead) -> PointKey:
    """The point that a row of either kind belongs to."""
    return PointKey(row["dataset"], row["codec"], row["rate"], row["seed"])


def is_clean(row: SetRow) -> bool:
    """Whether every shape of a job was coded, decoded and measured."""
    return row["status"] == "ok" and not row["failed"] and not row["unmeasured"]


def metric_of(row: ShapeRow, name: str) -> float:
    """A metric by its column; NaN where the row does not have it."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else math.nan


def set_rows(rows: Iterable[Row]) -> list[SetRow]:
    """The set rows among ``rows``."""
    return [row for row in rows if row["kind"] == "set"]


def shape_rows(rows: Iterable[Row]) -> list[ShapeRow]:
    """The shape rows among ``rows``."""
    return [row for row in rows if row["kind"] == "shape"]


_HEAD = {"job": "", "archive": "", "message": "", "protocol": "", "device": "cpu", "machine": ""}
_TIMING = Record(
    Timing,
    {
        **{"cpu_s": None, "recalled_s": 0.0, "codec_s": None, "phases": {}},
        **{"peak_mb": 0.0, "threads": 1, "limit_s": 0.0},
    },
)
_SHAPE_ROW = Record(
    ShapeRow, {**_HEAD, "shape": "", "category": "", "source_bytes": 0, "bytes": 0, "decoded_sha256": "", "mode": ""}
)
_SET_ROW = Record(
    SetRow,
    {
        **_HEAD,
        **dict.fromkeys(("failed", "unmeasured", "source_bytes", "bytes", "bytes_shared"), 0),
        **dict.fromkeys(("decoded_vertices", "decoded_faces", "cache_made", "cache_found"), 0),
        **{"ledger": {}, "settings": {}, "codec_version": "", "archive_sha256": "", "workers": 1, "notes": {}},
        **dict.fromkeys(("encode", "decode", "measure")),
    },
    {"encode": _TIMING, "decode": _TIMING, "measure": _TIMING},
)


def read_row(values: object) -> Row:
    """A row as it was read from JSON, with types checked and absent columns filled.

    Raises:
        bench.results.typed.WrongType: naming the column at fault.
    """
    kind = values.get("kind") if isinstance(values, Mapping) else None
    return cast("Row", conform(values, _SET_ROW if kind == "set" else _SHAPE_ROW))
