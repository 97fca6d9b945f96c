"""Bjontegaard delta rate between codecs, as a typed outcome with a confidence interval.

The mean difference of log10(archive bytes) at equal quality, over the quality that both codecs reach, in percent:
-30 means 30 % fewer bytes. Quality is -10 log10(distance) or -10 log10(1 - F1), on which curves are nearly straight;
curves are interpolated by PCHIP, with Akima beside it as a check (a large gap between the two says that the points are
too few). A number is given only where it means something; everything else has its `Status`. Confidence intervals come
from `bench.comparison.paired.pairwise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MIN_POINTS = 4
MIN_OVERLAP = 0.5
"""Least share of the shorter quality range that both curves must reach."""

CROSSING = 0.05
"""Curves cross where each needs at least this share more bytes than the other somewhere; less is noise."""

DISTANCES = ("cd", "surface_cd", "surface_p95", "surface_max")
F1_SCORES = ("f1_005", "f1_01", "surface_f1_005", "surface_f1_01")


class Status(str, Enum):
    """Whether a BD-rate could be computed, and if not, why."""

    OK = "ok"
    TOO_FEW_POINTS = "too few points"
    NON_MONOTONE = "non-monotone"
    INSUFFICIENT_OVERLAP = "insufficient overlap"
    CROSSING = "crossing"
    DOMINATES = "dominates"
    DOMINATED = "dominated"
    FAILED_SHAPES = "failed shapes"


@dataclass(frozen=True)
class BDRate:
    """A BD-rate of a codec against an anchor.

    Args:
        status: anything but ``OK`` comes without a number; ``DOMINATES``: no common quality, but better and smaller
            throughout; ``DOMINATED``: the reverse; ``FAILED_SHAPES``: a penalty is no point of a curve.
        percent: change of rate at equal quality; negative is better than the anchor.
        akima: the same with Akima's interpolation.
        overlap: share of the shorter quality range that both reach.
        interval: 95 % confidence interval of ``percent``.
        detail: what is wrong, or why there is no interval, for people.
    """

    status: Status
    percent: float | None = None
    akima: float | None = None
    overlap: float = 0.0
    interval: tuple[float, float] | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.status is Status.OK):
            raise ValueError(f"a BD-rate has a number exactly when it is ok: {self.status.value}, {self.percent}")

    def __str__(self) -> str:
        if self.percent is None:
            return self.status.value
        interval = f" [{self.interval[0]:+.1f}, {self.interval[1]:+.1f}]" if self.interval else ""
        return f"{self.percent:+.2f} %{interval}"


def quality(metric: str, values: ArrayLike) -> Floats:
    """Map a metric onto the axis of BD-rates: -10 log10 of a distance or of 1 - F1. A perfect value maps to infinity.

    Raises:
        ValueError: a metric that has no such axis.
    """
    array = np.asarray(values, dtype=np.float64)
    if metric in F1_SCORES:
        array = 1.0 - array
    elif metric not in DISTANCES:
        raise ValueError(f"no quality axis for {metric!r}; known: {', '.join((*DISTANCES, *F1_SCORES))}")
    with np.errstate(divide="ignore"):
        result: Floats = -10.0 * np.log10(array)
    return result


def bd_rate(
    anchor_bytes: ArrayLike,
    anchor_quality: ArrayLike,
    test_bytes: ArrayLike,
    test_quality: ArrayLike,
    *,
    min_overlap: float = MIN_OVERLAP,
) -> BDRate:
    """BD-rate of one curve against another; each is bytes (n,) and quality (n,) in any order.

    Points of infinite quality (lossless ones) take no part: they have no place on the axis.
    """
    anchor, test = Curve.of(anchor_bytes, anchor_quality), Curve.of(test_bytes, test_quality)
    return compare(anchor, test, min_overlap)


@dataclass
class Curve:
    """A curve in ascending rate: log10 bytes (n,), quality (n,). Make it with `Curve.of`."""

    rate: Floats
    quality: Floats
    _pchip: Any = None

    @classmethod
    def of(cls, size: ArrayLike, values: ArrayLike) -> Curve:
        """From bytes (n,) and quality (n,) in any order; points of infinite quality are left out."""
        size, values = np.asarray(size, dtype=np.float64), np.asarray(values, dtype=np.float64)
        if size.shape != values.shape or size.ndim != 1:
            raise ValueError(f"a curve has as many qualities as sizes, got {size.shape} and {values.shape}")
        if not (size > 0).all() or np.isnan(values).any():
            raise ValueError("a curve's sizes must be positive and its qualities numbers")
        finite = np.isfinite(values)
        order = np.argsort(size[finite], kind="stable")
        return cls(np.log10(size[finite][order]), values[finite][order])

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest quality."""
        return float(self.quality.min()), float(self.quality.max())

    def monotone(self) -> bool:
        """Whether every larger point is a better one."""
        return bool((np.diff(self.quality) > 0).all() and (np.diff(self.rate) > 0).all())

    def pchip(self) -> Any:
        """log10 bytes as a function of quality, shape-preserving; kept, since bootstraps ask often."""
        from scipy.interpolate import PchipInterpolator

        if self._pchip is None:
            self._pchip = PchipInterpolator(self.quality, self.rate)
        return self._pchip

    def akima(self) -> Any:
        """The same by Akima's interpolation."""
        from scipy.interpolate import Akima1DInterpolator

        return Akima1DInterpolator(self.quality, self.rate)


def compare(anchor: Curve, test: Curve, min_overlap: float = MIN_OVERLAP, *, check: bool = True) -> BDRate:
    """`bd_rate` of two curves. Without ``check``, crossing is not looked for and Akima is left out (for bootstraps)."""
    counts = len(anchor.rate), len(test.rate)
    if min(counts) < MIN_POINTS:
        return BDRate(Status.TOO_FEW_POINTS, detail=f"anchor {counts[0]}, test {counts[1]}, needed {MIN_POINTS}")
    for name, curve in (("anchor", anchor), ("test", test)):
        if not curve.monotone():
            return BDRate(Status.NON_MONOTONE, detail=f"the quality of the {name} does not rise with its bytes")
    low, high = (f(a, t) for f, a, t in zip((max, min), anchor.span, test.span, strict=True))
    shorter = min(span[1] - span[0] for span in (anchor.span, test.span))
    overlap = max(0.0, (high - low) / shorter)
    if overlap <= min_overlap and overlap < 1:
        return _disjoint(anchor, test, overlap)
    difference = _mean_difference(anchor.pchip(), test.pchip(), low, high)
    if not check:
        return BDRate(Status.OK, _percent(difference), overlap=overlap)
    grid = np.linspace(low, high, 201)
    gap = test.pchip()(grid) - anchor.pchip()(grid)
    if min(-gap.min(), gap.max()) > np.log10(1 + CROSSING):
        detail = f"between {_percent(gap.min()):+.0f} % and {_percent(gap.max()):+.0f} % over the common quality"
        return BDRate(Status.CROSSING, overlap=overlap, detail=detail)
    akima = _percent(_mean_difference(anchor.akima(), test.akima(), low, high))
    return BDRate(Status.OK, _percent(difference), akima, overlap)


def _disjoint(anchor: Curve, test: Curve, overlap: float) -> BDRate:
    detail = f"{100 * overlap:.0f} % of the shorter quality range is common"
    for better, worse, status in ((test, anchor, Status.DOMINATES), (anchor, test, Status.DOMINATED)):
        if better.quality.min() >= worse.quality.max() and better.rate.max() <= worse.rate.min():
            return BDRate(status, overlap=overlap, detail=detail)
    return BDRate(Status.INSUFFICIENT_OVERLAP, overlap=overlap, detail=detail)


def _mean_difference(anchor: Any, test: Any, low: float, high: float) -> float:
    return float((test.integrate(low, high) - anchor.integrate(low, high)) / (high - low))


def _percent(difference: float) -> float:
    return float(100 * (10**difference - 1))
