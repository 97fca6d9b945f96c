"""Runs that were split over machines, or made one after the other, become one run folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bench.codec import UserError
from bench.results import set_sizes
from bench.results.identity import data_digest, protocol_of
from bench.results.manifest import Manifest
from bench.results.rows import PointKey, SetRow, is_clean, point_key
from bench.results.store import RunFolder, StoreError

Entry = TypeVar("Entry")


class MergeRefused(UserError):
    """Runs that do not belong together."""


def merge(runs: Sequence[RunFolder], out: RunFolder) -> int:
    """Merge ``runs`` into ``out`` (a new folder); returns the number of jobs in it.

    A point that several runs have is taken from the first one in which it did not fail. Each row notes the machine
    that it was made on. Archives, decoded meshes and what failed jobs left are copied. The lines of sets of several
    sizes are joined, again the first run's of each.

    Raises:
        MergeRefused: other metric protocols, other shapes, other versions of a codec, other settings under one rate's
            label, or no run at all.
        bench.results.store.StoreError: a folder that is no run or holds links, or ``out`` exists already.
    """
    if not runs:
        raise MergeRefused("nothing to merge")
    if out.path.exists() and any(out.path.iterdir()):
        raise StoreError(f"{out.path} is not empty; give a new folder")
    manifests = [run.read_manifest() for run in runs]
    sets = [{point_key(row): row for row in run.set_rows()} for run in runs]
    _refuse_mixture(runs, manifests, sets)
    for run in runs:
        _refuse_links(run)
    sizes = {size.point: size for run in reversed(runs) for size in set_sizes.read(run.path)}
    chosen: dict[PointKey, int] = {}
    for number, found in enumerate(sets):
        for point, row in found.items():
            if point not in chosen or (is_clean(row) and not is_clean(sets[chosen[point]][point])):
                chosen[point] = number
    partial = RunFolder(out.path.with_name(f"{out.path.name}.part"))
    shutil.rmtree(partial.path, ignore_errors=True)
    partial.write_manifest(_merged(manifests, chosen))
    for number, run in enumerate(runs):
        fingerprint = manifests[number]["machine"]["fingerprint"]
        for job in run.jobs():
            if chosen[point_key(job.whole)] == number:
                for made in job.rows:
                    made["machine"] = made["machine"] or fingerprint
                partial.append(job.rows)
                _copy_files(run, partial, job.whole["archive"])
    for size in sizes.values():
        set_sizes.append(partial.path, size)
    if out.path.exists():
        out.path.rmdir()
    partial.path.rename(out.path)
    return len(chosen)


def _refuse_mixture(
    runs: Sequence[RunFolder], manifests: Sequence[Manifest], sets: Sequence[Mapping[PointKey, SetRow]]
) -> None:
    seen: dict[tuple[str, str], tuple[str, Path]] = {}
    for run, manifest, found in zip(runs, manifests, sets, strict=True):
        rows = list(found.values())
        facts = {("metric protocol", ""): protocol_of(manifest, rows)}
        facts |= {("shapes of", row["dataset"]): data_digest(manifest, row["dataset"]) for row in rows}
        facts |= {("version of codec", row["codec"]): row["codec_version"] for row in rows}
        facts |= {("settings of", f"{row['codec']} {row['rate']}"): _settings(row) for row in rows}
        for fact, value in facts.items():
            other, where = seen.setdefault(fact, (value, run.path))
            if value != other:
                name = " ".join(part for part in fact if part)
                raise MergeRefused(f"{name} differs: {_short(other)} in {where}, {_short(value)} in {run.path}")


def _settings(row: SetRow) -> str:
    return json.dumps(row["settings"], sort_keys=True)


def _short(value: str) -> str:
    """A hash needs no more than its beginning."""
    return value[:12] if len(value) == 64 else value


def _merged(manifests: Sequence[Manifest], chosen: Iterable[PointKey]) -> Manifest:
    backwards = list(reversed(manifests))  # the first run's entries win
    codecs = {point.codec for point in chosen}
    skipped = _distinct(entry for m in manifests for entry in m["skipped"])
    datasets = {name: entry for m in backwards for name, entry in m["datasets"].items()}
    return {
        **manifests[0],
        "codecs": {name: entry for m in backwards for name, entry in m["codecs"].items()},
        "datasets": datasets,
        "dataset": ",".join(datasets) or manifests[0]["dataset"],
        "shapes": _distinct(entry for m in manifests for entry in m["shapes"]),
        "skipped_shapes": _distinct(entry for m in manifests for entry in m["skipped_shapes"]),
        "invocations": _distinct(entry for m in manifests for entry in m["invocations"]),
        "skipped": [entry for entry in skipped if entry["name"].removeprefix("codec ") not in codecs],
        "machines": _distinct(machine for m in manifests for machine in (m["machines"] or [m["machine"]])),
    }


def _distinct(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, each once, in order."""
    return list({json.dumps(entry, sort_keys=True): entry for entry in entries}.values())


def _refuse_links(run: RunFolder) -> None:
    """Nothing is copied from outside of a run: raises `StoreError` naming what is neither a file nor a folder in it."""
    _refuse_link(run.path / set_sizes.FILE)
    for job in run.jobs():
        name = job.whole["archive"]
        record = run.archive(name).with_name(f"{name}.json")
        folders = [run.archive(name), run.decoded(name), run.failure(name)]
        for path in [record, *(inside for folder in folders for inside in folder.rglob("*"))]:
            _refuse_link(path)


def _refuse_link(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir()):
        raise StoreError(f"{path} is a link, a pipe or a device; a run holds files and folders alone")


def _copy_files(run: RunFolder, out: RunFolder, archive: str) -> None:
    for source, target in ((run.archive, out.archive), (run.decoded, out.decoded), (run.failure, out.failure)):
        if source(archive).is_dir():
            shutil.copytree(source(archive), target(archive), dirs_exist_ok=True)
    record = run.archive(archive).with_name(f"{archive}.json")
    if record.exists():
        out.archive(archive).parent.mkdir(exist_ok=True)
        shutil.copy2(record, out.archive(archive).with_name(record.name))
