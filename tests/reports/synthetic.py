"""Run folders with a plausible rate-distortion law, for the tests of everything that reads rows."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.results.rows import UNMEASURED
from bench.results.store import Row, RunFolder

PROTOCOL = {"name": "sampled+surface", "version": "1", "points": 100_000}
PENALTY = {
    "cd": math.sqrt(3) * 1e3,
    "surface_cd": math.sqrt(3) * 1e3,
    "surface_p95": math.sqrt(3) * 1e3,
    "surface_max": math.sqrt(3) * 1e3,
    "nc": 0.0,
    "surface_nc": 0.0,
    "f1_005": 0.0,
    "f1_01": 0.0,
    "surface_f1_005": 0.0,
    "surface_f1_01": 0.0,
    "cd_floor": 0.0,
    "f1_005_floor": 1.0,
    "f1_01_floor": 1.0,
    "saturated": 0.0,
}


@dataclass(frozen=True)
class Law:
    """How a made-up codec behaves: marginal bytes per rate, shared bytes, error = scale * marginal ** -slope."""

    kind: str
    marginal: Sequence[float]
    shared: Sequence[float]
    scale: float
    slope: float
    encode_s: float = 1.0
    device: str = "cpu"
    deterministic: bool = True


LAWS = {
    "identity": Law("mesh", [60_000], [0], 0.0, 1.0, 0.2),
    "draco": Law("mesh", [9_000, 11_000, 14_000, 17_000, 21_000], [0] * 5, 2e12, 3.0, 0.4),
    "draco-simplify": Law("mesh", [600, 1_200, 2_500, 5_000, 10_000], [0] * 5, 3e4, 1.2, 1.5),
    "octree": Law("points", [500, 1_100, 2_300, 5_000, 9_000], [0] * 5, 2.4e3, 0.8, 4.0),
    "necgs": Law(
        "neural", [700, 720, 740, 760, 780], [20_000, 40_000, 80_000, 160_000, 320_000], 9e3, 1.0, 300.0, "cuda", False
    ),
    "necgs-paper": Law(
        "neural", [700, 720, 740, 760, 780], [20_000, 40_000, 80_000, 160_000, 320_000], 9e3, 1.0, 300.0, "cuda", False
    ),
}

CODECS = ("identity", "draco", "draco-simplify", "octree", "necgs")


@dataclass(frozen=True)
class Defects:
    """What to make wrong, by codec: a factor on bytes or on the error, failing and unmeasured
    (codec, rate, shape index), noise."""

    bytes_factor: Mapping[str, float] = field(default_factory=dict)
    error_factor: Mapping[str, float] = field(default_factory=dict)
    failing: Collection[tuple[str, str, int]] = ()
    unmeasured: Collection[tuple[str, str, int]] = ()
    noise_seed: int = 0
    protocol: Mapping[str, Any] = field(default_factory=lambda: PROTOCOL)


def write_run(
    path: Path,
    codecs: Collection[str] = CODECS,
    shapes: int = 12,
    rates: int = 5,
    dataset: str = "sample",
    seeds: Sequence[int] = (0,),
    defects: Defects | None = None,
) -> RunFolder:
    """Write a run folder of made-up results and return it."""
    defects = defects or Defects()
    run = RunFolder(path)
    rng = np.random.default_rng(7)
    area, difficulty = rng.uniform(1.5, 5.0, shapes), rng.lognormal(0.0, 0.35, shapes)
    run.write_manifest(_manifest(codecs, shapes, dataset, defects))
    for codec in codecs:
        for level in range(min(rates, len(LAWS[codec].marginal))):
            for seed in seeds:
                run.append(_job(codec, level, seed, dataset, area, difficulty, defects))
    return run


def _job(
    codec: str, level: int, seed: int, dataset: str, area: np.ndarray, difficulty: np.ndarray, defects: Defects
) -> list[Row]:
    law, rate = LAWS[codec], f"r{level + 1}"
    factor = defects.bytes_factor.get(codec, 1.0)
    sizes = [round(law.marginal[level] * float(d) * factor) for d in difficulty]
    shared = round(law.shared[level] * factor)
    effective = law.marginal[level] + 10 * law.shared[level] / len(sizes)
    error = law.scale * effective**-law.slope * defects.error_factor.get(codec, 1.0)
    if not law.deterministic:
        error *= 1 + 0.002 * np.random.default_rng([defects.noise_seed, seed, level]).standard_normal()
    key = hashlib.sha256(f"{codec}{rate}{seed}{dataset}".encode()).hexdigest()[:16]
    common = {"job": key, "archive": key[:12], "dataset": dataset, "codec": codec, "rate": rate, "seed": seed}
    common |= {"protocol": "sampled+surface-1", "device": law.device, "message": ""}
    rows: list[Row] = []
    for index, (size, a, d) in enumerate(zip(sizes, area, difficulty, strict=True)):
        failed = (codec, rate, index) in defects.failing
        row = {**common, "kind": "shape", "index": index, "shape": f"shape_{index:02d}", "source_bytes": 300_000}
        row |= {"category": ("humans", "animals", "objects")[index % 3], "bytes": 0 if failed else size}
        row |= _metrics(float(error * d), float(a), points=law.kind == "points")
        row |= {"status": "ok", "decoded_sha256": hashlib.sha256(f"{key}{error}{index}".encode()).hexdigest()}
        if failed:
            row |= PENALTY | {"status": "decode_failed", "message": "the decoder returned no usable mesh"}
            row["decoded_sha256"] = ""
        if (codec, rate, index) in defects.unmeasured:
            row = {name: value for name, value in row.items() if name not in PENALTY} | {"status": UNMEASURED}
        rows.append(row)
    marginal = sum(row["bytes"] for row in rows)
    statuses = [row["status"] for row in rows]
    unmeasured = statuses.count(UNMEASURED)
    rows.append(
        {
            **common,
            "kind": "set",
            "status": "ok",
            "shapes": len(rows),
            "failed": len(rows) - statuses.count("ok") - unmeasured,
            "unmeasured": unmeasured,
            "source_bytes": 300_000 * len(rows),
            "bytes": shared + marginal,
            "bytes_shared": shared,
            "ledger": {"weights": shared, "latents": marginal} if shared else {"payload": marginal},
            "settings": {"level": level},
            "codec_version": "1",
            "archive_sha256": hashlib.sha256(f"{key}{sizes}".encode()).hexdigest(),
            "encode": _timing(law, law.encode_s * (level + 1), neural=law.kind == "neural"),
            "decode": _timing(law, 0.05 * law.encode_s + 0.2, neural=False),
            "measure": {"wall_s": 10.0, "phases": {}, "peak_mb": 500.0, "threads": 1},
            "notes": {},
        }
    )
    return rows


def _metrics(error: float, area: float, points: bool) -> dict[str, Any]:
    floor = 0.5 * math.sqrt(area / 1e5) * 1e3
    cd = math.hypot(floor, error)
    row: dict[str, Any] = {
        "cd": cd,
        "cd_floor": floor,
        "saturated": float(cd <= 1.1 * floor),
        "nc": 0.99 - 0.01 * math.log1p(error),
        "surface_cd": error,
        "surface_p95": 2.5 * error,
        "surface_max": 8 * error,
        "surface_nc": 1 - 0.01 * math.log1p(error),
    }
    for name, threshold in (("f1_005", 5.0), ("f1_01", 10.0)):
        ceiling = 1 - math.exp(-math.pi * (threshold * 1e-3) ** 2 * 1e5 / area)
        row |= {f"{name}_floor": ceiling, f"surface_{name}": 1 - math.exp(-threshold / max(error, 1e-9))}
        row[name] = ceiling * row[f"surface_{name}"]
    if points:
        row |= {"d1_mse": error**2, "d2_mse": 0.4 * error**2}
        row |= {"d1_psnr": 80 - 20 * math.log10(error), "d2_psnr": 84 - 20 * math.log10(error)}
    return row


def _timing(law: Law, seconds: float, neural: bool) -> Row:
    phases = {"fit": 0.2 * seconds, "train": 0.7 * seconds, "entropy": 0.05 * seconds} if neural else {}
    clocks = {"wall_s": seconds, "cpu_s": 0.75 * seconds, "recalled_s": 0.0}
    return {**clocks, "phases": phases, "peak_mb": 400.0 + seconds, "threads": 1}


def _manifest(codecs: Collection[str], shapes: int, dataset: str, defects: Defects) -> Row:
    titles = {
        "draco": "Draco",
        "draco-simplify": "Decimate + Draco",
        "identity": "Lossless",
        "necgs": "NeCGS (ours)",
        "necgs-paper": "NeCGS (published)",
    }
    return {
        "dataset": dataset,
        "profile": {"name": "quick", "content": {}},
        "protocol": dict(defects.protocol),
        "codecs": {
            name: {
                "name": name,
                "version": "1",
                "title": titles.get(name, name.capitalize()),
                "kind": LAWS[name].kind,
                "deterministic": LAWS[name].deterministic,
                "provenance": {"package": "1.0"},
            }
            for name in codecs
        },
        "skipped": [{"name": "gpcc", "reason": "tmc3 was not found", "remedy": "set TMC3 to the program"}],
        "skipped_shapes": [],
        "machine": {"cpu": "A CPU", "cores": 2, "memory": 8 << 30, "gpu": None, "os": "Linux", "python": "3.11"},
        "git": {"commit": "0" * 40, "dirty": False},
        "argv": ["bench", "run"],
        "created": "2026-01-01T00:00:00+00:00",
        "seed": 0,
        "shapes": [
            {
                "name": f"shape_{index:02d}",
                "category": ("humans", "animals", "objects")[index % 3],
                "source_bytes": 300_000,
                "sha256": hashlib.sha256(f"{dataset}{index}".encode()).hexdigest(),
            }
            for index in range(shapes)
        ],
    }
