"""Codecs compared pair by pair on the same shapes: rows -> curves per shape -> BD-rates with confidence intervals.

Confidence comes from a *paired* bootstrap: all codecs are evaluated on the same resampled shapes, so what makes a shape
hard for both of a pair cancels out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench.comparison.bd_rate import DISTANCES, MIN_OVERLAP, BDRate, Curve, Status, compare, quality
from bench.results.rows import Row, SetRow, ShapeRow, metric_of
from bench.results.summary import SATURATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MIN_SHAPES = 6
"""Of fewer shapes a bootstrap draws the same few sets again and again: its interval is far too narrow."""


@dataclass(frozen=True)
class ShapeCurve:
    """A codec's curve, shape by shape; rates in the first axis.

    Args:
        rates: labels (r).
        shared: bytes that all shapes share (r,).
        sizes: marginal bytes (r, n).
        values: metric (r, n); a failed shape counts with its penalty.
        names: shapes (n).
        failed: how many shapes failed (r).
    """

    metric: str
    rates: tuple[str, ...]
    shared: Floats
    sizes: Floats
    values: Floats
    names: tuple[str, ...]
    failed: tuple[int, ...]

    def curve(self, pick: NDArray[np.int64] | None = None) -> Curve:
        """The set's curve: total bytes against the quality of the mean, over the shapes ``pick`` (m,) or all."""
        sizes, values = (self.sizes, self.values) if pick is None else (self.sizes[:, pick], self.values[:, pick])
        return Curve.of(self.shared + sizes.sum(axis=1), quality(self.metric, values.mean(axis=1)))

    def part(self, names: Collection[str]) -> ShapeCurve:
        """The curve of some of the shapes. They bear as large a part of the shared bytes as they are of the shapes."""
        pick = [index for index, name in enumerate(self.names) if name in names]
        return replace(
            self,
            shared=self.shared * len(pick) / len(self.names),
            sizes=self.sizes[:, pick],
            values=self.values[:, pick],
            names=tuple(self.names[index] for index in pick),
        )


def shape_curves(rows: Iterable[Row], dataset: str, metric: str, *, unsaturated: bool = True) -> dict[str, ShapeCurve]:
    """Per codec, its curve on a data set. Seeds are averaged; a rate that failed as a whole, or at which
    a shape could not be measured, has no point.

    Where ``unsaturated``, rates whose mean sampled metric is within 10 % of its floor are left out: what differs there
    is sampling noise.
    """
    sets: dict[tuple[str, str], list[SetRow]] = {}
    shapes: dict[tuple[str, str], list[ShapeRow]] = {}
    for row in rows:
        if row["dataset"] != dataset:
            continue
        if row["kind"] == "set":
            sets.setdefault((row["codec"], row["rate"]), []).append(row)
        else:
            shapes.setdefault((row["codec"], row["rate"]), []).append(row)
    points: dict[str, list[_Point]] = {}
    for (codec, rate), group in sets.items():
        if any(not row["bytes"] or row["status"] != "ok" or row["unmeasured"] for row in group):
            continue
        shared = float(np.mean([row["bytes_shared"] for row in group]))
        point = _point(rate, shared, shapes[codec, rate], metric, unsaturated)
        if point is not None:
            points.setdefault(codec, []).append(point)
    return {codec: _shape_curve(metric, found) for codec, found in points.items()}


def pairwise(
    curves: Mapping[str, ShapeCurve],
    anchors: Sequence[str] | None = None,
    *,
    replicates: int = 500,
    seed: int = 0,
    min_overlap: float = MIN_OVERLAP,
    min_shapes: int = MIN_SHAPES,
) -> dict[tuple[str, str], BDRate]:
    """BD-rates (anchor, test) of every codec against each of ``anchors`` (default: every codec), with intervals.

    All codecs see the same resampled shapes, so what makes a shape hard for both cancels out. ``replicates`` 0 gives
    no intervals; nor do fewer than ``min_shapes`` shapes, which ``detail`` then says, nor does a pair of which more
    than 5 % of the replicates are not ok.

    Raises:
        ValueError: codecs were not run on the same shapes.
    """
    if len({curve.names for curve in curves.values()}) > 1:
        raise ValueError("the codecs were not run on the same shapes: a paired comparison is impossible")
    pairs = [(a, t) for a in (curves if anchors is None else anchors) for t in curves if a in curves and a != t]
    results = {(a, t): _outcome(curves[a], curves[t], min_overlap) for a, t in pairs}
    counted = [pair for pair in pairs if results[pair].status is Status.OK] if replicates else []
    if not counted:
        return results
    count = len(next(iter(curves.values())).names)
    if count < min_shapes:
        detail = f"{count} shape{'s' if count > 1 else ''}: no interval"
        return results | {pair: replace(results[pair], detail=detail) for pair in counted}
    samples: dict[tuple[str, str], list[float]] = {pair: [] for pair in counted}
    rng = np.random.default_rng(seed)
    for _ in range(replicates):
        pick = rng.integers(count, size=count)
        drawn = {codec: curves[codec].curve(pick) for codec in {codec for pair in counted for codec in pair}}
        for pair in counted:
            value = compare(drawn[pair[0]], drawn[pair[1]], 0.0, check=False).percent
            if value is not None:
                samples[pair].append(value)
    for pair, values in samples.items():
        if len(values) >= 0.95 * replicates:
            low, high = (float(x) for x in np.percentile(values, [2.5, 97.5]))
            results[pair] = replace(results[pair], interval=(low, high))
    return results


@dataclass(frozen=True)
class _Point:
    rate: str
    shared: float
    sizes: Floats
    values: Floats
    names: tuple[str, ...]
    failed: int


def _point(rate: str, shared: float, rows: Sequence[ShapeRow], metric: str, unsaturated: bool) -> _Point | None:
    """A point averaged over its seeds; None where it is saturated and such points are to be left out."""
    seeds: dict[int, list[ShapeRow]] = {}
    for row in sorted(rows, key=lambda row: row["index"]):
        seeds.setdefault(row["seed"], []).append(row)
    sizes = np.mean([[row["bytes"] for row in group] for group in seeds.values()], axis=0)
    values = np.mean([[metric_of(row, metric) for row in group] for group in seeds.values()], axis=0)
    floors = np.array([metric_of(row, f"{metric}_floor") for row in rows if row["status"] == "ok"])
    if unsaturated and not np.isnan(floors).all():
        floor, mean = float(np.nanmean(floors)), float(values.mean())
        if mean <= SATURATION * floor if metric in DISTANCES else mean >= floor / SATURATION:
            return None
    names = tuple(row["shape"] for row in next(iter(seeds.values())))
    return _Point(rate, shared, sizes, values, names, sum(row["status"] != "ok" for row in rows))


def _shape_curve(metric: str, points: list[_Point]) -> ShapeCurve:
    if len({point.names for point in points}) > 1:
        raise ValueError("the rates of a codec were not run on the same shapes")
    return ShapeCurve(
        metric,
        tuple(point.rate for point in points),
        np.array([point.shared for point in points]),
        np.stack([point.sizes for point in points]),
        np.stack([point.values for point in points]),
        points[0].names,
        tuple(point.failed for point in points),
    )


def _outcome(anchor: ShapeCurve, test: ShapeCurve, min_overlap: float) -> BDRate:
    for name, curve in (("anchor", anchor), ("test", test)):
        if any(curve.failed):
            failed = {rate: count for rate, count in zip(curve.rates, curve.failed, strict=True) if count}
            detail = ", ".join(f"{count} at {rate}" for rate, count in failed.items())
            return BDRate(Status.FAILED_SHAPES, detail=f"{name}: {detail}")
    return compare(anchor.curve(), test.curve(), min_overlap)
