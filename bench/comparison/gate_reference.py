"""What a run is gated against: a small JSON file, reviewed and kept in the repository, made from a run.

It holds, for each point (data set, codec, rate, seed), its size, errors, times and hashes; for codecs that are not
deterministic also bytes and errors shape by shape, which the paired bootstrap needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.codec.atomic_write import write_atomically
from bench.results.identity import data_digest, protocol_of, sha256_of
from bench.results.store import Row, RunFolder

FORMAT = 2
Key = tuple[str, str, str, int]
"""Data set, codec, rate, seed."""

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
        failed: names of the shapes that failed.
        status: of the set; the whole set is lost where it is not ``ok``.
        archive: sha256 of the archive.
        decoded: sha256 over the hashes of the decoded meshes.
        errors: mean of each of `ERRORS`, and ``worst``: the largest surface error of a shape.
        scores: mean of each of `SCORES`.
        worst: name of that shape.
        cpu_s: CPU seconds of ``encode`` and ``decode``: unlike wall seconds, other work on the machine hardly changes
            them. A step that took part of its work from the cache has none.
        shapes: None where the baseline does not keep them.
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

    @property
    def key(self) -> Key:
        """What identifies the point from run to run."""
        return self.dataset, self.codec, self.rate, self.seed


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
    points: Mapping[Key, Point]
    created: str = ""
    profile: str = ""
    unavailable: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, run: RunFolder) -> Baseline:
        """The baseline that a run makes."""
        manifest, rows = run.read_manifest(), run.rows()
        shapes: dict[Key, list[Row]] = {}
        for row in rows:
            if row["kind"] == "shape":
                shapes.setdefault(_key(row), []).append(row)
        points = [_point(row, shapes.get(_key(row), []), manifest) for row in rows if row["kind"] == "set"]
        return cls(
            protocol=protocol_of(manifest, rows),
            machine=str((manifest.get("machine") or {}).get("fingerprint", "")),
            data={name: data_digest(manifest, name) for name in dict.fromkeys(point.dataset for point in points)},
            points={point.key: point for point in points},
            created=str(manifest.get("created", "")),
            profile=str((manifest.get("profile") or {}).get("name", "")),
            unavailable=tuple(str(entry["name"]) for entry in manifest.get("skipped") or []),
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
            content = json.loads(path.read_text())
            if content["format"] != FORMAT:
                raise OutdatedBaseline(
                    f"{path} is of format {content['format']}, not {FORMAT}; make it anew with --update-baseline"
                )
            points = [_decode(point) for point in content.pop("points")]
            del content["format"]
            return cls(**content, points={point.key: point for point in points})
        except FileNotFoundError:
            raise InvalidBaseline(f"there is no baseline {path}; make one with --update-baseline") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidBaseline(f"{path} is not a baseline: {type(error).__name__}: {error}") from None


def _point(row: Row, shapes: Sequence[Row], manifest: Mapping[str, Any]) -> Point:
    shapes = sorted(shapes, key=lambda shape: shape["index"])
    described = (manifest.get("codecs") or {}).get(row["codec"]) or {}
    worst = max(shapes, key=lambda shape: shape["surface_cd"], default=None)
    means = {name: sum(shape[name] for shape in shapes) / len(shapes) for name in (*ERRORS, *SCORES) if shapes}
    return Point(
        **{name: row[name] for name in ("dataset", "codec", "rate", "seed", "device", "status")},
        version=str(row.get("codec_version", "")),
        deterministic=bool(described.get("deterministic", False)),
        size=int(row.get("bytes") or 0),
        shared=int(row.get("bytes_shared") or 0),
        failed=tuple(shape["shape"] for shape in shapes if shape["status"] != "ok"),
        archive=str(row.get("archive_sha256") or ""),
        decoded=sha256_of(str(shape.get("decoded_sha256") or "") for shape in shapes),
        errors={k: v for k, v in means.items() if k in ERRORS} | ({"worst": worst["surface_cd"]} if worst else {}),
        scores={k: v for k, v in means.items() if k in SCORES},
        worst=str(worst["shape"]) if worst else "",
        cpu_s={step: row[step]["cpu_s"] for step in ("encode", "decode") if _clocked(row.get(step))},
        shapes=Shapes(
            tuple(shape["shape"] for shape in shapes),
            tuple(shape["bytes"] for shape in shapes),
            tuple(shape["surface_cd"] for shape in shapes),
        ),
    )


def _clocked(timing: Row | None) -> bool:
    """Whether a step's CPU seconds are known and those of all its work."""
    return timing is not None and timing.get("cpu_s") is not None and not timing.get("recalled_s")


def _key(row: Row) -> Key:
    return row["dataset"], row["codec"], row["rate"], row["seed"]


def _encode(point: dict[str, Any], drop: bool) -> str:
    if drop:
        point["shapes"] = None
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
    return Point(**{**point, "failed": tuple(point["failed"])}, shapes=kept)
