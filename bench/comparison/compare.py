"""What changed between two runs: a list of findings, each naming its data set, codec and rate.

Deterministic codecs are compared bit by bit. Others are compared by BD-rate with its paired interval, by rate and error
at each rate, and by their worst shape. Failed shapes and lost rows count for both; times only on an equal machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from bench.comparison.bd_rate import BDRate, Status
from bench.comparison.gate_reference import ERRORS, SCORES, Baseline, Point
from bench.comparison.paired import ShapeCurve, pairwise
from bench.results.rows import PointKey

SAME_ERROR = 1e-3
"""Relative difference up to which one mesh has the same error on two machines."""

NO_ERROR = 1e-3
"""Errors below this (in units of 1e-3: a millionth of the cube) are rounding."""


class Kind(str, Enum):
    """What a finding means; in the order in which a table lists them."""

    UNMEASURABLE = "unmeasurable"
    REGRESSION = "regression"
    MISSING = "missing"
    IMPROVEMENT = "improvement"
    NEW = "new"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Tolerance:
    """How much may change before it is a finding. Deterministic codecs have no tolerance but for time.

    Args:
        bd_rate, size, error, worst: as shares (0.02: two percent).
        time, seconds: a CPU time is a finding when it grows by this share *and* by this many seconds: a busy machine
            alone can double it.
    """

    bd_rate: float = 0.02
    size: float = 0.02
    error: float = 0.05
    worst: float = 0.25
    time: float = 2.0
    seconds: float = 5.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < float("inf"):  # neither nan nor inf, which would let everything pass
                raise ValueError(f"tolerance {name} must be a finite number from 0 on, not {value}")


@dataclass(frozen=True)
class Finding:
    """One line of a comparison."""

    kind: Kind
    dataset: str
    codec: str
    rate: str
    what: str


def compare(before: Baseline, after: Baseline, tolerance: Tolerance | None = None) -> list[Finding]:
    """Everything that changed from ``before`` to ``after``, the gravest first, and what did not.

    Runs under different metric protocols have nothing in common but that one finding; so do different shapes of a
    data set.
    """
    tolerance = tolerance or Tolerance()
    if before.protocol != after.protocol and after.points:
        what = f"metric protocol {before.protocol} became {after.protocol}: no value can be compared"
        return [Finding(Kind.UNMEASURABLE, "-", "-", "-", what)]
    findings = _other_data(before, after)
    barred = {finding.dataset for finding in findings}
    lost = _lost_codecs(before, after) if after.points else {}
    findings += [finding for finding in lost.values() if finding.dataset not in barred]
    for key in sorted(before.points.keys() | after.points.keys()):
        if key[0] not in barred and key[:2] not in lost:
            findings += _point(key, before, after, tolerance)
    for dataset, codec in dict.fromkeys(key[:2] for key in before.points if key[0] not in barred):
        findings += _curve(dataset, codec, before, after, tolerance)
    return sorted(findings, key=lambda finding: list(Kind).index(finding.kind))


def markdown(findings: Sequence[Finding], *, unchanged: bool = False) -> str:
    """A Markdown table of the findings under a line that counts them; unchanged ones are shown only when asked for."""
    counts = [f"{sum(f.kind is kind for f in findings)} {kind.value}" for kind in Kind]
    shown = [f for f in findings if unchanged or f.kind is not Kind.UNCHANGED]
    lines = [", ".join(counts) + "."]
    if shown:
        lines += ["", "| | Data set | Codec | Rate | What |", "|:--|:--|:--|:--|:--|"]
        lines += [
            f"| {f.kind.value} | {_cell(f.dataset)} | {_cell(f.codec)} | {_cell(f.rate)} | {_cell(f.what)} |"
            for f in shown
        ]
    return "\n".join(lines) + "\n"


def _other_data(before: Baseline, after: Baseline) -> list[Finding]:
    return [
        Finding(Kind.UNMEASURABLE, name, "-", "-", "the shapes are not those of the baseline")
        for name, digest in before.data.items()
        if name in after.data and after.data[name] != digest
    ]


def _lost_codecs(before: Baseline, after: Baseline) -> dict[tuple[str, str], Finding]:
    """One finding for each codec of a data set of which the run has no row at all."""
    had = Counter(key[:2] for key in before.points)
    lost = {}
    for name in sorted(had.keys() - {key[:2] for key in after.points}):
        left_out = _left_out(name[1], name[0], after.unavailable)
        kind = Kind.UNMEASURABLE if left_out else Kind.MISSING
        why = "not available where the run was made" if left_out else "nothing of it is in the run"
        lost[name] = Finding(kind, *name, "all", f"{why}; the baseline has {had[name]} rows")
    return lost


def _point(key: PointKey, before: Baseline, after: Baseline, tolerance: Tolerance) -> list[Finding]:
    old, new = before.points.get(key), after.points.get(key)
    dataset, codec, rate, seed = key
    label = rate if seed == 0 else f"{rate}, seed {seed}"

    def finding(kind: Kind, what: str) -> Finding:
        return Finding(kind, dataset, codec, label, what)

    if old is None:
        return [finding(Kind.NEW, "not in the baseline")]
    if new is None:
        return [finding(Kind.MISSING, "in the baseline, not in the run")]
    if new.status == "unavailable":
        return [finding(Kind.UNMEASURABLE, "the codec became unavailable during the run")]
    if new.unmeasured:
        return [finding(Kind.UNMEASURABLE, f"the harness could not measure {_count(set(new.unmeasured))}")]
    if not old.deterministic and old.device != new.device:
        return [finding(Kind.UNMEASURABLE, f"the baseline is of device {old.device}, the run of {new.device}")]
    found = _failures(old, new) or _metric(old, new)
    if not found:
        found = _exact(old, new) if old.deterministic else _per_rate(old, new, tolerance)
    if before.machine and before.machine == after.machine:
        found += _time(old, new, tolerance)
    return [finding(kind, what) for kind, what in found] or [finding(Kind.UNCHANGED, "")]


_Found = list[tuple[Kind, str]]


def _failures(old: Point, new: Point) -> _Found:
    if new.status != "ok" and old.status == "ok":
        return [(Kind.REGRESSION, f"the set failed: {new.status}")]
    lost, won = set(new.failed) - set(old.failed), set(old.failed) - set(new.failed)
    found = [(Kind.REGRESSION, f"{_count(lost)} failed: {_names(lost)}")] if lost else []
    return [
        *found,
        *([(Kind.IMPROVEMENT, f"{_count(won)} no longer failed: {_names(won)}")] if won and not lost else []),
    ]


def _metric(old: Point, new: Point) -> _Found:
    """The same meshes with other errors: the metric changed under an old version of its protocol."""
    if not old.decoded or old.decoded != new.decoded:
        return []
    before, after = {**old.errors, **old.scores}, {**new.errors, **new.scores}
    changes = [
        _change(name, before[name], after[name])
        for name in (*ERRORS, *SCORES)
        if abs(before[name] - after[name]) > SAME_ERROR * max(before[name], after[name], NO_ERROR)
    ]
    return [(Kind.UNMEASURABLE, f"the same meshes are measured otherwise: {', '.join(changes)}")] if changes else []


def _exact(old: Point, new: Point) -> _Found:
    """Bit-exact: any difference is a regression, unless nothing is worse and something is better."""
    if (old.archive, old.decoded, old.size) == (new.archive, new.decoded, new.size):
        return []
    changes = [_change("bytes", old.size, new.size)] if old.size != new.size else []
    better, worse = new.size < old.size, new.size > old.size
    for name in (*ERRORS, "worst"):
        a, b = old.errors.get(name), new.errors.get(name)
        # The baseline keeps seven digits.
        if a is None or b is None or abs(a - b) <= 1e-6 * max(a, b):
            continue
        better, worse = better or b < a, worse or b > a
        changes.append(_change({"worst": f"worst shape ({new.worst})"}.get(name, name), a, b))
    if not changes:
        part = "archive" if old.archive != new.archive else "decoded meshes"
        changes = [f"not bit-exact: the {part} differ at equal size and error"]
    version = f" (version {old.version} became {new.version})" if old.version != new.version else ""
    return [(Kind.IMPROVEMENT if better and not worse else Kind.REGRESSION, ", ".join(changes) + version)]


def _per_rate(old: Point, new: Point, tolerance: Tolerance) -> _Found:
    """Larger at no smaller error, worse at no smaller size, or a much worse worst shape."""
    size, error = _ratio(old.size, new.size), _ratio(old.errors["surface_cd"], new.errors["surface_cd"])
    worst = _ratio(old.errors["worst"], new.errors["worst"])
    changes = f"{_change('bytes', old.size, new.size)}, {_change('surface error', *_pair(old, new, 'surface_cd'))}"
    limit_size, limit_error = np.log1p(tolerance.size), np.log1p(tolerance.error)
    found: _Found = []
    for kind, sign in ((Kind.REGRESSION, 1), (Kind.IMPROVEMENT, -1)):
        larger, more = sign * np.log(size), sign * np.log(error)
        # A change of one that the other pays for is a move along the curve: BD-rate judges that.
        if (larger > limit_size and more > -limit_size / 2) or (more > limit_error and larger > -limit_error / 2):
            found.append((kind, changes))
    if worst > 1 + tolerance.worst:
        found.append((Kind.REGRESSION, _change(f"worst shape ({new.worst})", *_pair(old, new, "worst"))))
    return found


def _time(old: Point, new: Point, tolerance: Tolerance) -> _Found:
    found: _Found = []
    for step in sorted(old.cpu_s.keys() & new.cpu_s.keys()):
        a, b = old.cpu_s[step], new.cpu_s[step]
        if b > a * (1 + tolerance.time) and b > a + tolerance.seconds:
            found.append((Kind.REGRESSION, f"{step}: {a:.1f} CPU s became {b:.1f} s on the same machine"))
    return found


def _curve(dataset: str, codec: str, before: Baseline, after: Baseline, tolerance: Tolerance) -> list[Finding]:
    """BD-rate of a codec's curve against its own earlier one; nothing where the two are the same bits."""
    keys = [key for key in before.points if key[:2] == (dataset, codec) and key in after.points]
    olds, news = [before.points[key] for key in keys], [after.points[key] for key in keys]
    if all(a.archive == b.archive and a.decoded == b.decoded for a, b in zip(olds, news, strict=True)):
        return []
    old, new = _shape_curve(olds), _shape_curve(news)
    if old is None or new is None or old.names != new.names:
        return []
    # Of few shapes too, the verdict minds how far the shapes agree.
    result = pairwise({"old": old, "new": new}, ["old"], min_shapes=0)["old", "new"]
    if result.status is not Status.OK:
        return []
    # A deterministic codec has its verdict bit by bit.
    kind = Kind.UNCHANGED if olds[0].deterministic else _bd_kind(result, tolerance.bd_rate)
    return [Finding(kind, dataset, codec, "all", f"BD-rate (surface error) {result}")]


def _bd_kind(result: BDRate, tolerance: float) -> Kind:
    assert result.percent is not None
    low, high = result.interval or (result.percent, result.percent)
    if result.percent > 100 * tolerance and low > 0:
        return Kind.REGRESSION
    return Kind.IMPROVEMENT if result.percent < -100 * tolerance and high < 0 else Kind.UNCHANGED


def _shape_curve(points: Sequence[Point]) -> ShapeCurve | None:
    """The curve of one codec's points, averaged over seeds; None where shapes are not kept or not the same."""
    kept = [(point, point.shapes) for point in points if point.shapes is not None]
    if len(kept) < len(points) or not kept or len({shapes.names for _, shapes in kept}) > 1:
        return None
    rates = tuple(dict.fromkeys(point.rate for point in points))
    groups = [[(point, shapes) for point, shapes in kept if point.rate == rate] for rate in rates]
    return ShapeCurve(
        "surface_cd",
        rates,
        np.array([np.mean([point.shared for point, _ in group]) for group in groups]),
        np.stack([np.mean([shapes.sizes for _, shapes in group], axis=0) for group in groups]),
        np.stack([np.mean([shapes.surface_cd for _, shapes in group], axis=0) for group in groups]),
        kept[0][1].names,
        tuple(sum(len(point.failed) for point, _ in group) for group in groups),
    )


def _left_out(codec: str, dataset: str, unavailable: Iterable[str]) -> bool:
    return any(name in (codec, f"codec {codec}", f"data set {dataset}") for name in unavailable)


def _pair(old: Point, new: Point, name: str) -> tuple[float, float]:
    return old.errors[name], new.errors[name]


def _ratio(a: float, b: float) -> float:
    return b / a if a > 0 else 1.0 if b == a else float("inf")


def _change(name: str, a: float, b: float) -> str:
    texts = (f"{a:,}", f"{b:,}") if isinstance(a, int) and isinstance(b, int) else (f"{a:.4g}", f"{b:.4g}")
    share = f" ({100 * (b / a - 1):+.2f} %)" if a else ""
    return f"{name} {texts[0]} → {texts[1]}{share}"


def _count(names: Iterable[str]) -> str:
    count = len(set(names))
    return f"{count} shape{'s' if count > 1 else ''}"


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
