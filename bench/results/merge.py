"""Runs that were split over machines, or made one after the other, become one run folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.codec import UserError
from bench.results.identity import data_digest, protocol_of
from bench.results.store import Row, RunFolder, StoreError

Point = tuple[str, str, str, int]


class MergeRefused(UserError):
    """Runs that do not belong together."""


def merge(runs: Sequence[RunFolder], out: RunFolder) -> int:
    """Merge ``runs`` into ``out`` (a new folder); returns the number of jobs in it.

    A point that several runs have is taken from the first one in which it did not fail. Each row notes the machine
    that it was made on. Archives, decoded meshes and what failed jobs left are copied.

    Raises:
        MergeRefused: other metric protocols, other shapes, other versions of a codec, or no run at all.
        bench.results.store.StoreError: a folder that is no run, or ``out`` exists already.
    """
    if not runs:
        raise MergeRefused("nothing to merge")
    if out.path.exists() and any(out.path.iterdir()):
        raise StoreError(f"{out.path} is not empty; give a new folder")
    manifests = [run.read_manifest() for run in runs]
    jobs = [_jobs(run) for run in runs]
    _refuse_mixture(runs, manifests, jobs)
    chosen: dict[Point, tuple[int, list[Row]]] = {}
    for number, found in enumerate(jobs):
        for point, rows in found.items():
            if point not in chosen or (_failed(chosen[point][1]) and not _failed(rows)):
                chosen[point] = number, rows
    partial = RunFolder(out.path.with_name(f"{out.path.name}.part"))
    shutil.rmtree(partial.path, ignore_errors=True)
    partial.write_manifest(_merged(manifests, chosen))
    for number, rows in chosen.values():
        machine = (manifests[number].get("machine") or {}).get("fingerprint", "")
        partial.append([{"machine": machine, **row} for row in rows])
        _copy_files(runs[number], partial, rows[-1]["archive"])
    if out.path.exists():
        out.path.rmdir()
    partial.path.rename(out.path)
    return len(chosen)


def _jobs(run: RunFolder) -> dict[Point, list[Row]]:
    found: dict[Point, list[Row]] = {}
    for row in run.rows():
        found.setdefault((row["dataset"], row["codec"], row["rate"], row["seed"]), []).append(row)
    return found


def _failed(rows: Sequence[Row]) -> bool:
    return bool(rows[-1]["status"] != "ok" or rows[-1]["failed"] > 0)


def _refuse_mixture(
    runs: Sequence[RunFolder], manifests: Sequence[Mapping[str, Any]], jobs: Sequence[Mapping[Point, list[Row]]]
) -> None:
    seen: dict[tuple[str, str], tuple[str, Path]] = {}
    for run, manifest, found in zip(runs, manifests, jobs, strict=True):
        rows = [rows[-1] for rows in found.values()]
        facts = {("metric protocol", ""): protocol_of(manifest, rows)}
        facts |= {("shapes of", row["dataset"]): data_digest(manifest, row["dataset"]) for row in rows}
        facts |= {("version of codec", row["codec"]): str(row.get("codec_version")) for row in rows}
        for fact, value in facts.items():
            other, where = seen.setdefault(fact, (value, run.path))
            if value != other:
                name = " ".join(part for part in fact if part)
                raise MergeRefused(f"{name} differs: {_short(other)} in {where}, {_short(value)} in {run.path}")


def _short(value: str) -> str:
    """A hash needs no more than its beginning."""
    return value[:12] if len(value) == 64 else value


def _merged(manifests: Sequence[Mapping[str, Any]], chosen: Mapping[Point, object]) -> dict[str, Any]:
    merged: dict[str, Any] = dict(manifests[0])
    codecs = {point[1] for point in chosen}
    for key in ("codecs", "datasets"):
        merged[key] = {name: entry for m in reversed(manifests) for name, entry in (m.get(key) or {}).items()}
    for key in ("shapes", "skipped_shapes", "skipped", "invocations"):
        merged[key] = _distinct(entry for m in manifests for entry in m.get(key) or [])
    merged["skipped"] = [e for e in merged["skipped"] if str(e["name"]).removeprefix("codec ") not in codecs]
    merged["machines"] = _distinct(m["machine"] for m in manifests if m.get("machine"))
    if merged["datasets"]:
        merged["dataset"] = ",".join(merged["datasets"])
    return merged


def _distinct(entries: Any) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        if entry not in found:
            found.append(entry)
    return found


def _copy_files(run: RunFolder, out: RunFolder, archive: str) -> None:
    for source, target in ((run.archive, out.archive), (run.decoded, out.decoded), (run.failure, out.failure)):
        if source(archive).is_dir():
            shutil.copytree(source(archive), target(archive), dirs_exist_ok=True)
    record = run.archive(archive).with_name(f"{archive}.json")
    if record.exists():
        out.archive(archive).parent.mkdir(exist_ok=True)
        shutil.copy2(record, out.archive(archive).with_name(record.name))
