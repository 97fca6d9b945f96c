"""Runs of the same shapes beside one another, as one run: a codec that several have carries its run's name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codec import UserError
from bench.results.identity import data_digest, protocol_of
from bench.results.manifest import CodecEntry, Manifest
from bench.results.meshes import MeshesUnavailable, MeshSource
from bench.results.rows import Row, SetRow, ShapeRow
from reports.run_data import RunData

if TYPE_CHECKING:
    from trimesh import Trimesh


class NotComparable(UserError):
    """Runs that cannot stand on one page; says why."""

    exit_code = 3


@dataclass(frozen=True)
class Beside:
    """Several runs as one.

    Args:
        data: the rows and manifests of all of them.
        origin: codec of ``data`` -> number of its run, and its name there.
    """

    data: RunData
    origin: Mapping[str, tuple[int, str]]


def beside(runs: Sequence[RunData]) -> Beside:
    """Put runs beside one another. A codec that more than one of them has becomes a variant: ``draco:run=today``.

    Raises:
        NotComparable: another metric protocol, other shapes under one data set's name, no common data set.
    """
    refuse_mixture(runs)
    names = run_names([run.path for run in runs])
    seen = [set(run.codecs) for run in runs]
    shared = {codec for codec in set().union(*seen) if sum(codec in codecs for codecs in seen) > 1}
    rows: list[Row] = []
    codecs: dict[str, CodecEntry] = {}
    origin: dict[str, tuple[int, str]] = {}
    for number, run in enumerate(runs):
        title = {codec: f"{codec}:run={names[number]}" if codec in shared else codec for codec in seen[number]}
        fingerprint = run.manifest["machine"]["fingerprint"]
        for row in run.rows:
            made: Any = {**row, "codec": title[row["codec"]], "machine": row["machine"] or fingerprint}
            rows.append(made)
        origin |= {title[codec]: (number, codec) for codec in title}
        codecs |= {title[codec]: entry for codec in title if (entry := run.described(codec))}
    manifest = _together([run.manifest for run in runs])
    manifest["codecs"] = codecs
    made_of = tuple((name, run.manifest) for name, run in zip(names, runs, strict=True))
    return Beside(replace(RunData.of(runs[0].path, manifest, rows), runs=made_of), origin)


def only(run: RunData, dataset: str) -> RunData:
    """One data set of a run."""
    manifest: Manifest = {**run.manifest, "dataset": dataset}
    manifest["datasets"] = {name: entry for name, entry in run.manifest["datasets"].items() if name == dataset}
    manifest["shapes"] = [shape for shape in run.manifest["shapes"] if shape["dataset"] in ("", dataset)]
    return RunData.of(run.path, manifest, [row for row in run.rows if row["dataset"] == dataset])


def refuse_mixture(runs: Sequence[RunData]) -> None:
    """Raise `NotComparable` where runs were measured by other protocols or on other shapes."""
    first = runs[0]
    for other in runs[1:]:
        protocols = [protocol_of(run.manifest, run.rows) for run in (first, other)]
        if protocols[0] != protocols[1]:
            raise NotComparable(
                f"{first.path} was measured by protocol {protocols[0] or 'unknown'}, {other.path} by "
                f"{protocols[1] or 'unknown'}; measure one of them again: bench run --remeasure"
            )
        common = [name for name in first.datasets if name in other.datasets]
        if not common:
            found = ", ".join(first.datasets) or "nothing", ", ".join(other.datasets) or "nothing"
            raise NotComparable(f"no data set is in both: {first.path} has {found[0]}, {other.path} has {found[1]}")
        for name in common:
            if data_digest(first.manifest, name) != data_digest(other.manifest, name):
                raise NotComparable(f"the shapes of {name} are not the same: {_difference(first, other, name)}")


def _difference(first: RunData, other: RunData, dataset: str) -> str:
    shapes = [
        {shape["name"]: shape["sha256"] for shape in run.manifest["shapes"] if shape["dataset"] in ("", dataset)}
        for run in (first, other)
    ]
    if len(shapes[0]) != len(shapes[1]):
        return f"{len(shapes[0])} in {first.path}, {len(shapes[1])} in {other.path}"
    for name, sha256 in shapes[0].items():
        if name not in shapes[1]:
            return f"{name} of {first.path} is not in {other.path}"
        if sha256 != shapes[1][name]:
            return f"{name} is another mesh in {other.path} than in {first.path}"
    return f"{other.path} has them in another order or from other source files than {first.path}"


def run_names(paths: Sequence[Path]) -> list[str]:
    """A name per run folder, fit for a codec's spec: the folder's own, with its parent's where they are alike."""
    names = [re.sub(r"[^0-9A-Za-z._+-]+", "-", path.resolve().name) for path in paths]
    if len(set(names)) < len(names):
        names = [re.sub(r"[^0-9A-Za-z._+-]+", "-", "-".join(path.resolve().parts[-2:])) for path in paths]
    if len(set(names)) < len(names):
        names = [f"{name}-{number}" for number, name in enumerate(names, 1)]
    return names


def _together(manifests: Sequence[Manifest]) -> Manifest:
    """The first run's manifest with the data sets, machines and left-out codecs of all; commands are told by run."""
    machines = [machine for m in manifests for machine in (m["machines"] or [m["machine"]])]
    skipped = [entry for m in manifests for entry in m["skipped"]]
    datasets = {name: entry for m in reversed(manifests) for name, entry in m["datasets"].items()}
    shapes = {(shape["dataset"], shape["name"]): shape for m in reversed(manifests) for shape in m["shapes"]}
    return {
        **manifests[0],
        "datasets": datasets,
        "dataset": ",".join(datasets) or manifests[0]["dataset"],
        "shapes": list(shapes.values()) if len(datasets) > 1 else manifests[0]["shapes"],
        "machines": [machine for k, machine in enumerate(machines) if machine not in machines[:k]],
        "skipped": [entry for k, entry in enumerate(skipped) if entry not in skipped[:k]],
        "argv": [],
        "created": "",
    }


@dataclass(frozen=True)
class MeshesBeside:
    """The meshes behind the rows of several runs."""

    sources: Sequence[MeshSource]
    origin: Mapping[str, tuple[int, str]]

    @property
    def at_once(self) -> int:
        """Threads that may be in `decoded` at a time."""
        return min(source.at_once for source in self.sources)

    def reference(self, dataset: str, name: str) -> Trimesh:
        """The normalised reference, from the first run that has it. Raises `MeshesUnavailable`."""
        reasons = []
        for source in self.sources:
            try:
                return source.reference(dataset, name)
            except MeshesUnavailable as error:
                reasons.append(str(error))
        raise MeshesUnavailable("; ".join(dict.fromkeys(reasons)))

    def decoded(self, set_row: SetRow, shape_rows: Mapping[int, ShapeRow]) -> dict[int, Trimesh]:
        """The decoded meshes of a job, from its own run. Raises `MeshesUnavailable`."""
        number, codec = self.origin[set_row["codec"]]
        own: SetRow = {**set_row, "codec": codec}
        rows: dict[int, ShapeRow] = {index: {**row, "codec": codec} for index, row in shape_rows.items()}
        return self.sources[number].decoded(own, rows)
