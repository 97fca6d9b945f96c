"""What a worker process wrote, checked before anything is made of it: a codec ran in there and could write anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from bench.results.typed import Record, WrongType, conform


class WorkerResult(TypedDict, total=False):
    """The result file of a phase; the last columns are those of encoding, decoding and measuring.

    ``lost`` is of several processes that shared a phase: the shapes of those that failed.
    """

    status: str
    message: str
    wall_s: float
    cpu_s: float
    recalled_s: float
    phases: dict[str, float]
    notes: dict[str, str]
    modes: dict[str, str]
    failures: dict[str, list[str]]
    lost: dict[str, list[str]]
    bytes: int
    bytes_shared: int
    bytes_shape: list[int]
    ledger: dict[str, int]
    archive_sha256: str
    codec_s: float
    decoded_vertices: int
    decoded_faces: int
    cache_made: int
    cache_found: int
    shapes: list[dict[str, Any]]


_RECORD = Record(WorkerResult, {})
_NEEDED = {"": ("status", "message", "wall_s"), "encode": ("bytes", "bytes_shared", "bytes_shape", "ledger")}
_TIMES = ("wall_s", "cpu_s", "recalled_s", "codec_s")
_COUNTS = ("decoded_vertices", "decoded_faces", "cache_made", "cache_found")
_TEXTS = ("notes", "modes")


def checked_result(values: object, phase: str, shapes: int | None = None) -> dict[str, Any]:
    """A result of ``phase``, as it was read from JSON.

    Args:
        shapes: how many there must be, where that is known.

    Raises:
        WrongType: a column is missing, or holds what cannot be.
    """
    result = conform(values, _RECORD)
    whole = result.get("status") == "ok"
    for name in (*_NEEDED[""], *(_NEEDED.get(phase, ()) if whole else ())):
        if name not in result:
            raise WrongType(f"there is no {name}")
    sizes = (result.get("bytes_shape", []), result.get("ledger", {}).values())
    _check("times", (result[name] for name in _TIMES if name in result), _is_number)
    _check("phases", result.get("phases", {}).values(), _is_number)
    _check("sizes", (size for some in sizes for size in some), _is_size)
    _check("counts", (result[name] for name in _COUNTS if name in result), _is_size)
    _check("notes", (text for name in _TEXTS for text in result.get(name, {}).values()), _is_text)
    _check("failures", result.get("failures", {}).values(), _is_failure)
    _check("lost", result.get("lost", {}).values(), _is_failure)
    _check("shapes", result.get("shapes", []), _is_measured)
    if whole and shapes is not None:
        for name, wanted in (("bytes_shape", "encode"), ("shapes", "measure")):
            if phase == wanted and len(result.get(name, [])) != shapes:
                raise WrongType(f"{name} is not one for each of {shapes} shapes")
    return result


def _check(what: str, values: Any, fits: Any) -> None:
    for value in values:
        if not fits(value):
            raise WrongType(f"{what}: {value!r:.40} cannot be one of them")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_failure(value: object) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(isinstance(text, str) for text in value)


def _is_measured(value: object) -> bool:
    """Status and message of a shape, and its metrics where it has any."""
    if not isinstance(value, Mapping) or not (_is_text(value.get("status")) and _is_text(value.get("message"))):
        return False
    if value["status"] != "ok":
        return True
    metrics = value.get("metrics")
    numbers = metrics.values() if isinstance(metrics, Mapping) else (None,)
    return _is_text(value.get("decoded_sha256")) and all(
        isinstance(n, int | float) and math.isfinite(n) for n in numbers
    )
