"""Whether a run folder that comes from elsewhere holds together: for results that are added to others'."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bench.results.manifest import Manifest, ShapeEntry
from bench.results.rows import STATUSES, UNMEASURED, JobRows, ShapeRow
from bench.results.store import RunFolder

SCORES = ("nc", "f1_005", "f1_01", "surface_nc", "surface_f1_005", "surface_f1_01")
DISTANCES = ("cd", "surface_cd", "surface_p95", "surface_max")


class Kind(Enum):
    """What a complaint is about."""

    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True)
class Complaint:
    """One thing that a run folder lacks or contradicts."""

    kind: Kind
    text: str


def exit_code(complaints: Iterable[Complaint]) -> int:
    """0 where there is none, 1 where something is wrong, 4 where something is only missing."""
    kinds = {complaint.kind for complaint in complaints}
    return 1 if Kind.WRONG in kinds else 4 if Kind.MISSING in kinds else 0


def check(run: RunFolder) -> list[Complaint]:
    """Everything that speaks against a run folder; archives are compared with their hashes where they are there.

    Raises:
        bench.results.store.StoreError: no run folder, or a file that cannot be read.
    """
    manifest = run.read_manifest()
    jobs = list(run.jobs())
    found = [*_unfinished(run), *_manifest(manifest), *_coverage(manifest, jobs)]
    for job in jobs:
        where = f"{job.whole['dataset']} {job.whole['codec']} {job.whole['rate']}"
        found += [Complaint(Kind.WRONG, f"{where}: {text}") for text in _job(manifest, job)]
    altered = [
        Complaint(Kind.WRONG, f"{name}: the archive is not the one that was measured")
        for name in run.altered_archives()
    ]
    return found + altered


def _unfinished(run: RunFolder) -> Iterator[Complaint]:
    if not run.rows_path.exists() or not run.rows_path.stat().st_size:
        yield Complaint(Kind.MISSING, "no rows: no job has finished")
        return
    with run.rows_path.open("rb") as file:
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            yield Complaint(Kind.MISSING, "rows.jsonl ends in the middle of a line: a job was interrupted, or the copy")


def _shapes(manifest: Manifest, dataset: str) -> list[ShapeEntry]:
    return [shape for shape in manifest["shapes"] if shape["dataset"] in ("", dataset)]


def _manifest(manifest: Manifest) -> Iterator[Complaint]:
    if not manifest["protocol"]["identifier"]:
        yield Complaint(Kind.MISSING, "manifest.json names no metric protocol")
    for name, entry in manifest["datasets"].items():
        shapes = _shapes(manifest, name)
        text = "\n".join(f"{shape['name']} {shape['source_bytes']} {shape['sha256']}" for shape in shapes)
        if entry["digest"] and entry["digest"] != hashlib.sha256(text.encode()).hexdigest():
            yield Complaint(Kind.WRONG, f"{name}: the shapes in manifest.json do not have the digest that stands there")
    for shape in manifest["shapes"]:
        if re.fullmatch("[0-9a-f]{64}", shape["sha256"]) is None:
            yield Complaint(Kind.WRONG, f"manifest.json: {shape['name']} has no SHA-256")


def _coverage(manifest: Manifest, jobs: Sequence[JobRows]) -> Iterator[Complaint]:
    """Codecs and data sets of the manifest without rows; rates that one data set has and another has not."""
    done = {(job.whole["dataset"], job.whole["codec"], job.whole["rate"]) for job in jobs}
    datasets = list(manifest["datasets"]) or list(dict.fromkeys(name for name, _, _ in done))
    rates = Counter((codec, rate) for _, codec, rate in done)
    for dataset in datasets:
        for codec in manifest["codecs"]:
            if not any(name == dataset and own == codec for name, own, _ in done):
                yield Complaint(Kind.MISSING, f"{dataset}: no rows of {codec}")
        for codec, rate in rates:
            some = any(name == dataset and own == codec for name, own, _ in done)
            if some and (dataset, codec, rate) not in done:
                yield Complaint(Kind.MISSING, f"{dataset}: no rows of {codec} {rate}, which another data set has")


def _job(manifest: Manifest, job: JobRows) -> Iterator[str]:
    whole, shapes = job.whole, job.shapes
    protocol = manifest["protocol"]["identifier"]
    if any(row["protocol"] != protocol for row in (*shapes, whole) if protocol):
        yield f"rows of another metric protocol than the manifest's {protocol}"
    if whole["codec"] not in manifest["codecs"]:
        yield "the manifest does not describe the codec"
    expected = _shapes(manifest, whole["dataset"])
    if [row["index"] for row in shapes] != list(range(whole["shapes"])):
        yield f"{len(shapes)} rows of shapes where {whole['shapes']} are announced, or not in order"
    elif expected and [(row["shape"], row["source_bytes"]) for row in shapes] != [
        (shape["name"], shape["source_bytes"]) for shape in expected
    ]:
        yield "the shapes are not those of the manifest"
    statuses = Counter(row["status"] for row in shapes)
    lost = sum(statuses.values()) - statuses["ok"] - statuses[UNMEASURED]
    if (lost, statuses[UNMEASURED]) != (whole["failed"], whole["unmeasured"]):
        yield f"{lost} shapes failed, the set's row says {whole['failed']}"
    if whole["status"] == "ok":
        yield from _sizes(job)
    for row in shapes:
        yield from (f"{row['shape']}: {text}" for text in _values(row))


def _sizes(job: JobRows) -> Iterator[str]:
    whole = job.whole
    if sum(whole["ledger"].values()) != whole["bytes"]:
        yield f"the ledger adds up to {sum(whole['ledger'].values())} bytes, not to {whole['bytes']}"
    parts = whole["bytes_shared"] + sum(row["bytes"] for row in job.shapes)
    if parts != whole["bytes"]:
        yield f"the shared part and those of the shapes add up to {parts} bytes, not to {whole['bytes']}"
    if whole["source_bytes"] != sum(row["source_bytes"] for row in job.shapes):
        yield "the source files of the shapes do not add up to the set's"
    if min([whole["bytes_shared"], *(row["bytes"] for row in job.shapes)]) < 0:
        yield "a size below 0"


def _values(row: ShapeRow) -> Iterator[str]:
    if row["status"] not in STATUSES:
        yield f"status {row['status']!r} is none"
    if row["status"] == UNMEASURED:
        return
    values: Mapping[str, Any] = row
    if row["status"] == "ok" and re.fullmatch("[0-9a-f]{64}", row["decoded_sha256"]) is None:
        yield "no hash of the decoded mesh"
    for name in (*DISTANCES, *SCORES):
        value = values.get(name)
        if not isinstance(value, int | float) or not 0 <= value < math.inf or (name in SCORES and value > 1):
            scale = "from 0 to 1" if name in SCORES else "a distance"
            yield f"{name} is {'missing' if value is None else value}, not {scale}"
    if row["status"] != "ok" and any(values.get(name) for name in SCORES):
        yield "it failed, but carries scores instead of the penalty"
