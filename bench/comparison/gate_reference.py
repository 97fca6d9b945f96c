"""What a run is gated against: a small JSON file, reviewed and kept in the repository, made from a run.

It holds, for each point (data set, codec, rate, seed), its size, errors, times and hashes; for codecs that are not
deterministic also bytes and errors shape by shape, which the paired bootstrap needs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.codec.atomic_write import write_atomically
from bench.results.identity import data_digest, protocol_of, sha256_of
from bench.results.json_text import parse
from bench.results.manifest import Manifest
from bench.results.rows import UNMEASURED, PointKey, SetRow, ShapeRow, Timing, metric_of
from bench.results.store import RunFolder, StoreError

FORMAT = 2

ERRORS = ("surface_cd", "surface_p95", "cd")
"""Distances whose means a point keeps, in units of 1e-3."""

SCORES = ("nc", "f1_005")
"""Other metrics whose means it keeps: only to notice that they are measured otherwise."""


class InvalidBaseline(UserError):
    """A baseline file that is missing or cannot be understood."""


class OutdatedBaseline(InvalidBaseline):
    """A baseline that another version of this program wrote."""


@dataclass(frozen=True)
class Shapes:
    """Values of one point shape by shape, all in the same order."""

    names: tuple[str, ...]
    sizes: tuple[float, ...]
    surface_cd: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.sizes) == len(self.surface_cd):
            raise ValueError("a point's shapes have as many names as sizes and errors")


@dataclass(frozen=True)
class Point:
    """One rate-distortion point.

    Args:
        deterministic: gated bit-exactly.
        size: bytes of the archive.
        failed: names of the shapes that the codec failed on.
        status: of the set; the whole set is lost where it is not ``ok``.
        archive: sha256 of the archive.
        decoded: sha256 over the hashes of the decoded meshes.
        errors: mean of each of `ERRORS`, and ``worst``: the largest surface error of a shape.
        scores: mean of each of `SCORES`.
        worst: name of that shape.
        cpu_s: CPU seconds of ``encode`` and ``decode``: unlike wall seconds, other work on the machine hardly changes
            them. A step that took part of its work from the cache has none.
        shapes: None where the baseline does not keep them.
        unmeasured: names of the shapes that the harness could not measure; they are in no mean.
    """

    dataset: str
    codec: str
    rate: str
    seed: int
    version: str
    device: str
    deterministic: bool
    size: int
    shared: int
    failed: tuple[str, ...]
    status: str
    archive: str
    decoded: str
    errors: Mapping[str, float]
    scores: Mapping[str, float]
    worst: str
    cpu_s: Mapping[str, float]
    shapes: Shapes | None = None
    unmeasured: tuple[str, ...] = ()

    @property
    def key(self) -> PointKey:
        """What identifies the point from run to run."""
        return PointKey(self.dataset, self.codec, self.rate, self.seed)


@dataclass(frozen=True)
class Baseline:
    """The points of a run and what makes two runs comparable.

    Args:
        protocol: identifier of the metric protocol.
        machine: fingerprint of the machine; times are compared on an equal one only.
        data: data set -> hash of its shapes' content.
        unavailable: names of what the run had to leave out.
    """

    protocol: str
    machine: str
    data: Mapping[str, str]
    points: Mapping[PointKey, Point]
    created: str = ""
    profile: str = ""
    unavailable: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, run: RunFolder) -> Baseline:
        """The baseline that a run makes."""
        manifest = run.read_manifest()
        points, wholes = [], []
        for job in run.jobs():
            wholes.append(job.whole)
            points.append(_point(job.whole, job.shapes, manifest))
        return cls(
            protocol=protocol_of(manifest, wholes),
            machine=manifest["machine"]["fingerprint"],
            data={name: data_digest(manifest, name) for name in dict.fromkeys(point.dataset for point in points)},
            points={point.key: point for point in points},
            created=manifest["created"],
            profile=manifest["profile"]["name"],
            unavailable=tuple(entry["name"] for entry in manifest["skipped"]),
        )

    def write(self, path: Path) -> None:
        """Write as JSON, a line per point; shapes of deterministic codecs are left out: their hashes say it all."""
        head = {
            "format": FORMAT,
            **{n: getattr(self, n) for n in ("protocol", "machine", "data", "created", "profile")},
        }
        lines = [_encode(asdict(point), drop=point.deterministic) for _, point in sorted(self.points.items())]
        text = (
            json.dumps(head, indent=1, sort_keys=True)[:-2] + ',\n "points": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
        )
        write_atomically(path, text)

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read what `write` wrote. Raises `InvalidBaseline`; `OutdatedBaseline` where it has another format."""
        try:
            content = parse(path.read_text())
            if content["format"] != FORMAT:
                raise OutdatedBaseline(
                    f"{path} is of format {content['format']}, not {FORMAT}; make it anew with --update-baseline"
                )
            points = [_decode(point) for point in content.pop("points")]
            del content["format"]
            _check_head(content)
            return cls(**content, points={point.key: point for point in points})
        except FileNotFoundError:
            raise InvalidBaseline(f"there is no baseline {path}; make one with --update-baseline") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidBaseline(f"{path} is not a baseline: {type(error).__name__}: {error}") from None


def _point(row: SetRow, shapes: Sequence[ShapeRow], manifest: Manifest) -> Point:
    ordered = sorted(shapes, key=lambda shape: shape["index"])
    measured = [shape for shape in ordered if shape["status"] != UNMEASURED]
    described = manifest["codecs"].get(row["codec"])
    worst = max(measured, key=lambda shape: _metric(shape, "surface_cd"), default=None)
    return Point(
        dataset=row["dataset"],
        codec=row["codec"],
        rate=row["rate"],
        seed=row["seed"],
        device=row["device"],
        status=row["status"],
        version=row["codec_version"],
        deterministic=bool(described and described["deterministic"]),
        size=row["bytes"],
        shared=row["bytes_shared"],
        failed=tuple(shape["shape"] for shape in measured if shape["status"] != "ok"),
        archive=row["archive_sha256"],
        decoded=sha256_of(shape["decoded_sha256"] for shape in ordered),
        errors=_means(measured, ERRORS) | ({"worst": _metric(worst, "surface_cd")} if worst else {}),
        scores=_means(measured, SCORES),
        worst=worst["shape"] if worst else "",
        cpu_s=_cpu_seconds({"encode": row["encode"], "decode": row["decode"]}),
        shapes=Shapes(
            tuple(shape["shape"] for shape in measured),
            tuple(shape["bytes"] for shape in measured),
            tuple(_metric(shape, "surface_cd") for shape in measured),
        ),
        unmeasured=tuple(shape["shape"] for shape in ordered if shape["status"] == UNMEASURED),
    )


def _metric(shape: ShapeRow, name: str) -> float:
    value = metric_of(shape, name)
    if math.isnan(value):
        raise StoreError(f"shape {shape['shape']} of {shape['codec']} {shape['rate']} has no metric {name}")
    return value


def _means(shapes: Sequence[ShapeRow], names: Sequence[str]) -> dict[str, float]:
    return {name: sum(_metric(shape, name) for shape in shapes) / len(shapes) for name in names if shapes}


def _cpu_seconds(timings: Mapping[str, Timing | None]) -> dict[str, float]:
    """Step -> CPU seconds, where they are known and are those of all its work."""
    return {
        step: timing["cpu_s"]
        for step, timing in timings.items()
        if timing is not None and timing["cpu_s"] is not None and not timing["recalled_s"]
    }


def _check_head(content: Mapping[str, Any]) -> None:
    """Raises ``ValueError`` naming a field of another type."""
    for name in ("protocol", "machine", "created", "profile"):
        if not isinstance(content.get(name, ""), str):
            raise ValueError(f"{name} must be text")
    data = content["data"]
    if not isinstance(data, dict) or not all(isinstance(digest, str) for digest in data.values()):
        raise ValueError("data must map names to hashes")


def _check_point(point: Point) -> None:
    """Raises ``ValueError`` naming a field of another type, or a number that is not finite."""
    for name in ("dataset", "codec", "rate", "version", "device", "status", "archive", "decoded", "worst"):
        if not isinstance(getattr(point, name), str):
            raise ValueError(f"{name} of a point must be text")
    for name in ("seed", "size", "shared"):
        if not isinstance(getattr(point, name), int):
            raise ValueError(f"{name} of a point must be a whole number")
    if not all(isinstance(name, str) for name in (*point.failed, *point.unmeasured)):
        raise ValueError("failed and unmeasured shapes must be names")
    for name, keys in (("errors", {*ERRORS, "worst"}), ("scores", {*SCORES})):
        if set(getattr(point, name)) != (keys if point.worst else set()):  # none where nothing was measured
            raise ValueError(f"{name} of a point must be {', '.join(sorted(keys))}")
    kept = (point.shapes.sizes, point.shapes.surface_cd) if point.shapes else ()
    for numbers in (point.errors.values(), point.scores.values(), point.cpu_s.values(), *kept):
        if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
            raise ValueError("errors, scores, times and sizes of a point must be finite numbers")


def _encode(point: dict[str, Any], drop: bool) -> str:
    if drop:
        point["shapes"] = None
    if not point["unmeasured"]:
        del point["unmeasured"]
    return json.dumps(_rounded(point), sort_keys=True)


def _rounded(value: Any) -> Any:
    """Seven significant digits are more than any tolerance and make a file that can be reviewed."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _decode(point: dict[str, Any]) -> Point:
    shapes = point.pop("shapes")
    kept = None if shapes is None else Shapes(*(tuple(shapes[n]) for n in ("names", "sizes", "surface_cd")))
    names = {name: tuple(point.get(name, ())) for name in ("failed", "unmeasured")}
    decoded = Point(**{**point, **names}, shapes=kept)
    _check_point(decoded)
    return decoded
