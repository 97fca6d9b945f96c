"""BD-rate tables: every codec against an anchor, and every codec against every other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.comparison.bd_rate import MIN_POINTS, BDRate, Status
from bench.comparison.paired import MIN_SHAPES, pairwise, shape_curves
from bench.results.spec import codec_name
from reports.document.table import Column, Table
from reports.run_data import is_control

if TYPE_CHECKING:
    from reports.run_data import RunData

METRICS = {"surface_cd": "surface error", "cd": "CD", "f1_005": "F1-0.005"}
ANCHORS = ("draco-simplify", "draco")
"""What others are compared with when nothing is asked for: what a practitioner does today."""

FROM_SHAPES = f"95 % interval, from {MIN_SHAPES} shapes on"

_MOST_CATEGORIES = 12

Pairs = Mapping[tuple[str, str], BDRate]


def bd_rates(data: RunData, dataset: str, metric: str, replicates: int = 400) -> Pairs:
    """All pairs (anchor, test) of the data set's codecs. Empty where the codecs were run on different shapes."""
    try:
        return pairwise(shape_curves(data.rows, dataset, metric), replicates=replicates)
    except ValueError:
        return {}


def choose_anchor(data: RunData, dataset: str) -> str:
    """The codec that others are compared with: the first of `ANCHORS` that was run, else the first codec."""
    found = [codec for codec in data.codecs if codec in set(data.points[data.points["dataset"] == dataset]["codec"])]
    named = [codec for name in ANCHORS for codec in found if codec_name(codec) == name]
    return next((name for name in ANCHORS if name in found), (named or found)[0])


def anchor_table(data: RunData, dataset: str, pairs: Mapping[str, Pairs], anchor: str) -> Table | None:
    """Each codec against ``anchor``, by metric: BD-rate with its 95 % interval, or why there is none.

    Pairs with too few rates are not in it: `too_few_rates` names them.
    """
    lines = [
        {"metric": name, "title": data.title(test)} | _facts(result)
        for metric, name in METRICS.items()
        for test in comparable(data, pairs.get(metric, {}))
        if (result := pairs[metric].get((anchor, test))) and result.status is not Status.TOO_FEW_POINTS
    ]
    if not lines:
        return None
    columns = (
        Column("metric", "Metric"),
        Column("title", "Codec"),
        Column("percent", "BD-rate %", 1),
        Column("interval", "95 % interval"),
        Column("akima", "Akima %", 1),
        Column("common", "Common range %"),
        Column("why", "No number because"),
    )
    caption = f"Bytes at equal quality against {data.title(anchor)} on {dataset} (95 % interval, paired over shapes)"
    return Table(pd.DataFrame(lines), columns, caption, group="metric")


def matrix_table(data: RunData, dataset: str, pairs: Pairs, metric: str) -> Table | None:
    """Every codec with enough rates (line) against every other (column): BD-rate in percent, or its status."""
    codecs = comparable(data, pairs)
    if len(codecs) < 3:
        return None
    lines = [
        {"title": data.title(test)} | {anchor: short(pairs.get((anchor, test))) for anchor in codecs} for test in codecs
    ]
    columns = (Column("title", "Codec"), *(Column(codec, f"vs {data.title(codec)}") for codec in codecs))
    return Table(pd.DataFrame(lines), columns, f"BD-rate, {METRICS[metric]}, pairwise on {dataset}")


def comparable(data: RunData, pairs: Pairs) -> list[str]:
    """Codecs that have enough rates to be compared with another; controls never are."""
    found = {codec for pair, result in pairs.items() if result.status is not Status.TOO_FEW_POINTS for codec in pair}
    return [codec for codec in data.codecs if codec in found and not is_control(codec)]


def too_few_rates(data: RunData, dataset: str, pairs: Mapping[str, Pairs]) -> str:
    """A sentence that names the codecs, by metric, that have too few rates for a BD-rate; empty where none has."""
    run = set(data.points.loc[data.points["dataset"] == dataset, "codec"])
    codecs = [codec for codec in data.codecs if codec in run and not is_control(codec)]
    parts = []
    for metric, name in METRICS.items():
        enough = comparable(data, pairs.get(metric, {}))
        lacking = [data.title(codec) for codec in codecs if codec not in enough]
        if lacking:
            parts.append(f"{name}: {', '.join(lacking) if enough else 'every codec'}")
    if not parts or not any(pairs.values()):
        return ""
    needs = f"A BD-rate needs {MIN_POINTS} rates, of sampled metrics {MIN_POINTS} that are not saturated"
    return f"{needs}. Too few on {dataset}, and not in the tables, have by metric: {'; '.join(parts)}."


def bd_rate_by_category_table(data: RunData, dataset: str, anchor: str, replicates: int = 400) -> Table | None:
    """BD-rate of surface error against ``anchor`` by category of shape; None where there is one category."""
    members = members_by_category(data, dataset)
    if not members:
        return None
    curves = shape_curves(data.rows, dataset, "surface_cd")
    lines: dict[str, dict[str, str]] = {}
    enough: set[str] = set()
    for category, names in members.items():
        try:
            pairs = pairwise({c: curve.part(names) for c, curve in curves.items()}, [anchor], replicates=replicates)
        except ValueError:  # the codecs were run on different shapes
            return None
        enough.update(comparable(data, pairs))
        for (_, test), result in pairs.items():
            lines.setdefault(test, {})[category] = with_interval(result)
    frame = pd.DataFrame([{"title": data.title(c)} | lines[c] for c in data.codecs if c in enough and c in lines])
    if not len(frame):
        return None
    columns = (Column("title", "Codec"), *category_columns(members))
    caption = f"BD-rate, surface error, against {data.title(anchor)} by category on {dataset} ({FROM_SHAPES})"
    return Table(frame, columns, caption)


def members_by_category(data: RunData, dataset: str) -> dict[str, set[str]]:
    """Category -> names of its shapes; nothing where there is one category, or too many for a table."""
    shapes = data.shapes[data.shapes["dataset"] == dataset]
    if "category" not in shapes:
        return {}
    members = {str(name): set(group["shape"]) for name, group in shapes.groupby("category", sort=False)}
    return members if 1 < len(members) <= _MOST_CATEGORIES else {}


def _facts(result: BDRate) -> dict[str, Any]:
    nan = float("nan")
    counted = result.percent is not None
    return {
        "percent": result.percent if counted else nan,
        "interval": _interval(result) or (counted and result.detail) or "-",
        "akima": nan if result.akima is None else result.akima,
        "common": 100 * result.overlap if counted else nan,
        "why": "" if counted else result.status.value + (f" ({result.detail})" if result.detail else ""),
    }


def short(result: BDRate | None) -> str:
    """The BD-rate, or its status where it has no number."""
    if result is None:
        return "-"
    return result.status.value if result.percent is None else f"{result.percent:+.1f} %"


def with_interval(result: BDRate | None) -> str:
    """The same with its interval, where it has one."""
    return " ".join(filter(None, (short(result), _interval(result))))


def category_columns(members: Mapping[str, Collection[str]]) -> list[Column]:
    """A column per category, whose heading says of how many shapes it is: few have no interval."""
    return [Column(name, f"{name}, {len(shapes)} shapes") for name, shapes in members.items()]


def _interval(result: BDRate | None) -> str:
    return "[{:+.1f}, {:+.1f}]".format(*result.interval) if result and result.interval else ""
