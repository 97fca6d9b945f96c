"""``results.json``: a run's points with units, protocol and versions, so that other people's plots need no scraping."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from bench.results.manifest import Manifest
from reports.run_data import RunData

FORMAT = 1
"""Raised when a key changes its meaning or goes; new keys do not raise it."""

DISTANCE = "1e-3 of the cube [-1, 1]^3"
UNITS = {
    **dict.fromkeys(("cd", "cd_floor", "cd_median", "surface_cd", "surface_cd_median", "surface_cd_worst"), DISTANCE),
    **dict.fromkeys(("surface_p95", "surface_max"), DISTANCE),
    **dict.fromkeys(("bytes", "bytes_shared", "bytes_per_shape", "source_bytes"), "bytes"),
    **dict.fromkeys(("encode_s", "decode_s"), "wall seconds for the set"),
    **dict.fromkeys(("encode_mb", "decode_mb"), "MiB"),
    **dict.fromkeys(("d1_psnr", "d2_psnr"), "dB"),
    "ratio": "source bytes / bytes",
}
"""Unit of each column that has one; the others are scores from 0 to 1, counts or text."""

BETTER = {
    **dict.fromkeys(
        ("cd", "surface_cd", "surface_p95", "surface_max", "bytes_per_shape", "encode_s", "decode_s"), "low"
    ),
    **dict.fromkeys(("ratio", "nc", "f1_005", "f1_01", "surface_nc", "surface_f1_005", "surface_f1_01"), "high"),
    **dict.fromkeys(("d1_psnr", "d2_psnr"), "high"),
}
"""Direction of each metric."""


def results(data: RunData) -> dict[str, Any]:
    """The content of ``results.json`` but for ``shapes``; NaN and infinity become null. Its keys: docs/reports.md."""
    manifest = data.manifest
    return {
        "format": FORMAT,
        "protocol": dict(manifest["protocol"]),
        "created": manifest["created"],
        "git": dict(manifest["git"]),
        "machine": {key: value for key, value in manifest["machine"].items() if key != "fingerprint"},
        "profile": manifest["profile"]["name"],
        "units": UNITS,
        "better": BETTER,
        "datasets": {name: _dataset(manifest, name) for name in data.datasets},
        "codecs": {codec: {**(data.described(codec) or {}), "title": data.title(codec)} for codec in data.codecs},
        "points": [_plain(line) for line in data.summary.to_dict("records")],
    }


def results_text(data: RunData) -> Iterator[str]:
    """`results` and ``shapes``, a line a shape and rate, as pieces of one JSON text: large runs have many."""
    yield json.dumps(results(data), indent=1, allow_nan=False).removesuffix("\n}") + ',\n "shapes": ['
    separator = "\n  "
    for line in _shape_lines(data):
        yield separator + json.dumps(line, allow_nan=False)
        separator = ",\n  "
    yield "\n ]\n}\n"


def _dataset(manifest: Manifest, name: str) -> dict[str, Any]:
    kept = ("name", "category", "source_bytes", "sha256")
    own = [shape for shape in manifest["shapes"] if shape["dataset"] in ("", name)]  # older runs had one set
    shapes = [{key: value for key, value in shape.items() if key in kept} for shape in own]
    entry = manifest["datasets"].get(name)
    about = {"digest": entry["digest"], "provenance": entry["provenance"]} if entry else {}
    return {**about, "shapes": shapes}


CHUNK = 1000
"""Lines that are made at a time."""

SHAPE_COLUMNS = (
    *("dataset", "codec", "rate", "seed", "shape", "status", "bytes"),
    *("cd", "nc", "f1_005", "f1_01", "surface_cd", "surface_p95", "surface_max", "surface_nc"),
)


def _shape_lines(data: RunData) -> Iterator[dict[str, Any]]:
    """One line a shape and rate, with the columns that figures need."""
    frame = data.shapes[[name for name in SHAPE_COLUMNS if name in data.shapes]]
    for first in range(0, len(frame), CHUNK):
        for line in frame.iloc[first : first + CHUNK].to_dict("records"):
            yield _plain(line)


def _plain(line: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }
