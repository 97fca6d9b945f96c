"""The data behind the page's plots and tables: points by category, so that a browser can add up any choice of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.results.rows import UNMEASURED, SetRow, ShapeRow, set_rows, shape_rows
from bench.results.summary import charged_seconds
from reports.document.style import looks
from reports.explorer.colours import DARK, LIGHT, readable
from reports.explorer.measures import FLOORS, MEASURES, METRICS
from reports.run_data import is_control
from reports.sections.per_shape import similar_size

if TYPE_CHECKING:
    from reports.run_data import RunData

MOST_SHAPE_ROWS = 20_000
"""Beyond it the page shows no values of single shapes: it would no longer open quickly."""

SHAPE_VALUES = ("surface_cd", "cd", "f1_005", "nc")
"""What the table of a point's shapes shows beside the bytes."""


def embedded(values: Any) -> str:
    """JSON in which nothing ends a script element or begins a comment, whatever a name holds."""
    return json.dumps(values, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def content(data: RunData) -> dict[str, Any]:
    """What the page's scripts read: looks of the codecs, quantities, and the points of each data set."""
    drawn = looks(data.codecs)
    codecs = [
        {
            "id": codec,
            "title": data.title(codec),
            "control": is_control(codec),
            "marker": drawn[codec].marker,
            "dashes": list(drawn[codec].dashes),
            "fill": drawn[codec].colour,
            "light": readable(drawn[codec].colour, LIGHT),
            "dark": readable(drawn[codec].colour, DARK, 4.5),
        }
        for codec in data.codecs
    ]
    return {
        "codecs": codecs,
        "measures": [asdict(measure) for measure in MEASURES],
        "values": list(SHAPE_VALUES),
        "datasets": [_dataset(data, name) for name in data.datasets],
    }


def _dataset(data: RunData, name: str) -> dict[str, Any]:
    rows = [row for row in data.rows if row["dataset"] == name]
    shapes = shape_rows(rows)
    category = {row["shape"]: row["category"] for row in shapes}
    categories = sorted(set(category.values()))
    place = {shape: number for number, shape in enumerate(category)}
    by_point: dict[tuple[str, str], tuple[list[SetRow], list[ShapeRow]]] = {}
    for row in set_rows(rows):
        by_point.setdefault((row["codec"], row["rate"]), ([], []))[0].append(row)
    for shape in shapes:
        by_point[shape["codec"], shape["rate"]][1].append(shape)
    similar = similar_size(data, name, within=math.inf)
    number = {codec: k for k, codec in enumerate(data.codecs)}
    singly = len(data.rows) <= MOST_SHAPE_ROWS
    points = []
    for (codec, rate), (sets, own) in by_point.items():
        point = {"codec": number[codec], "rate": rate, **_whole(sets, own), **_by_category(own, categories)}
        points.append(point | ({"shapes": _singly(own, place)} if singly else {}))
    return {
        "name": name,
        "categories": categories,
        "shapes": [[shape, categories.index(category[shape])] for shape in place],
        "points": sorted(points, key=lambda point: (point["codec"], point["bytes"] or math.inf)),
        "similar": {str(line["codec"]): str(line["rate"]) for line in similar.to_dict("records")},
    }


def _whole(sets: Sequence[SetRow], shapes: Sequence[ShapeRow]) -> dict[str, Any]:
    """What belongs to the set as a whole; over seeds it adds up, as the shapes do."""
    lost = any(row["bytes"] == 0 and row["status"] != "ok" for row in sets)
    total = sum(row["bytes"] for row in sets)
    count = sum(row["shapes"] for row in sets)
    seconds = {
        phase: _mean(
            [charged_seconds(timing) if (timing := row[phase]) else math.nan for row in sets], count / len(sets)
        )
        for phase in ("encode", "decode")
    }
    return {
        "bytes": None if lost else total,
        "shared": None if lost else total - sum(row["bytes"] for row in shapes),
        "count": count,
        "seeds": len(sets),
        "device": sets[0]["device"],
        "status": next((row["status"] for row in sets if row["status"] != "ok"), "ok"),
        "encode_s": seconds["encode"],
        "decode_s": seconds["decode"],
    }


def _mean(seconds: Sequence[float], shapes: float) -> float | None:
    """Seconds a shape."""
    return _short(sum(seconds) / len(seconds) / shapes) if shapes else None


def _by_category(rows: Sequence[ShapeRow], categories: Sequence[str]) -> dict[str, Any]:
    """For each category: [shapes, measured, failed, bytes, source bytes, coded], the metrics and their floors.

    A shape that failed and has no bytes is not coded; its source bytes do not count.
    """
    groups = [[row for row in rows if row["category"] == category] for category in categories]
    measured = [[row for row in group if row["status"] != UNMEASURED] for group in groups]
    fine = [[row for row in group if row["status"] == "ok"] for group in groups]
    coded = [[row for row in group if row["bytes"] or row["status"] in ("ok", UNMEASURED)] for group in groups]
    return {
        "groups": [
            [len(group), len(own), len(own) - len(good), _sum(group, "bytes"), _sum(some, "source_bytes"), len(some)]
            for group, own, good, some in zip(groups, measured, fine, coded, strict=True)
        ],
        "metrics": {name: [_spread(_values(own, name)) for own in measured] for name in METRICS},
        "floors": {name: [_spread(_values(good, name))[:1] for good in fine] for name in FLOORS},
    }


def _sum(rows: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)


def _values(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """The rows' values; none where one of them has none: a mean must not run over fewer shapes than it says."""
    values = [row.get(name, math.nan) for row in rows]
    return values if all(math.isfinite(value) for value in values) else []


def _spread(values: Sequence[float]) -> list[float | None]:
    """Mean, sum of squared deviations from it, least and largest value; empty where there are none."""
    if not values:
        return []
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return [_short(mean), _short(squares), _short(min(values)), _short(max(values))]


def _singly(rows: Sequence[ShapeRow], place: Mapping[str, int]) -> list[list[Any]]:
    """Of each shape under the first seed: its place, its own bytes, its values, and its status unless that is ok."""
    seed = min((row["seed"] for row in rows), default=0)
    lines = []
    for row in rows:
        if row["seed"] == seed:
            values: Mapping[str, Any] = row
            numbers = [_short(values.get(name, math.nan)) for name in SHAPE_VALUES]
            status = [] if row["status"] == "ok" else [row["status"]]
            lines.append([place[row["shape"]], row["bytes"], *numbers, *status])
    return lines


def _short(value: float) -> float | None:
    """Six significant digits; None for what is no number."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
