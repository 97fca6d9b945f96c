"""``manifest.json``: what a run was asked for, on which shapes, with what, and every invocation that worked on it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any, cast

from bench import machine, registry
from bench.planning.plan import Plan, WrongInput
from bench.results.home_folder import without_home
from bench.results.manifest import (
    CodecEntry,
    DatasetEntry,
    Git,
    Invocation,
    Machine,
    Manifest,
    ProfileEntry,
    ProtocolEntry,
    Skipped,
)
from bench.results.store import RunFolder, StoreError


def write_manifest(plan: Plan, run: RunFolder) -> None:
    """Write the run's manifest, or add this invocation to it. Raises `WrongInput` where the folder is another run's."""
    try:
        old = run.read_manifest() if run.manifest_path.exists() else None
    except StoreError as error:
        raise WrongInput(str(error)) from None
    if old is None and (strangers := run.strangers()):
        raise WrongInput(f"{run.path} is not empty and no run folder: it holds {strangers[0]}; give another --out")
    new = _manifest(plan)
    if old is not None:
        _refuse_mixture(run, old, new, remeasure=plan.request.remeasure)
        new = _continued(old, new)
    run.write_manifest(new)


def _manifest(plan: Plan) -> Manifest:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    git = cast("Git", {"commit": "", "dirty": False, **machine.git_state()})
    argv = [without_home(argument) for argument in plan.request.argv]
    invocation: Invocation = {"argv": argv, "started": now, "git": git}
    codecs = {
        spec.text: cast("CodecEntry", {**dataclasses.asdict(codec.info), "provenance": registry.provenance(spec.name)})
        for spec in plan.specs
        for codec in [registry.get(spec.name)]
    }
    return _with_shapes(
        {
            "format": 1,
            "created": now,
            "invocations": [invocation],
            "argv": invocation["argv"],
            "git": git,
            "machine": cast("Machine", machine.describe()),
            "machines": [],
            "profile": cast("ProfileEntry", dataclasses.asdict(plan.request.profile)),
            "protocol": cast("ProtocolEntry", {**dataclasses.asdict(plan.protocol), "identifier": str(plan.protocol)}),
            "seed": plan.request.seed,
            "device": plan.device,
            "dataset": "",
            "datasets": {name: _describe_dataset(plan, name) for name in plan.prepared},
            "shapes": [],
            "skipped_shapes": [],
            "codecs": codecs,
            "skipped": [cast("Skipped", _without_homes(entry)) for entry in plan.skipped],
        }
    )


def _continued(old: Manifest, new: Manifest) -> Manifest:
    """The manifest of a run that goes on: codecs and data sets of both invocations, the rest of the new one."""
    merged: Manifest = {
        **new,
        "created": old["created"],
        "invocations": [*old["invocations"], *new["invocations"]],
        "datasets": {**old["datasets"], **new["datasets"]},
        "codecs": {**old["codecs"], **new["codecs"]},
    }
    return _with_shapes(merged)


def _with_shapes(manifest: Manifest) -> Manifest:
    """With the columns that are gathered from all data sets."""
    entries = manifest["datasets"].values()
    return {
        **manifest,
        "dataset": ",".join(manifest["datasets"]),
        "shapes": [shape for entry in entries for shape in entry["shapes"]],
        "skipped_shapes": [shape for entry in entries for shape in entry["skipped_shapes"]],
    }


def _describe_dataset(plan: Plan, name: str) -> DatasetEntry:
    prepared = plan.prepared[name]
    return {
        "digest": prepared.digest,
        "provenance": _without_homes(plan.shape_sets[name].provenance),
        "shapes": [
            {
                "name": ref.name,
                "dataset": name,
                "category": ref.category,
                "source_bytes": ref.source_bytes,
                "sha256": ref.sha256,
                "center": list(ref.center),
                "scale": ref.scale,
            }
            for ref in prepared.references
        ],
        "skipped_shapes": [{"name": shape, "reason": reason} for shape, reason in prepared.skipped],
    }


def _without_homes(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: without_home(value) if isinstance(value, str) else value for name, value in values.items()}


def _refuse_mixture(run: RunFolder, old: Manifest, new: Manifest, *, remeasure: bool) -> None:
    before, now = old["protocol"]["identifier"], new["protocol"]["identifier"]
    if before != now and not remeasure:
        raise WrongInput(
            f"{run.path} was measured under protocol {before}, not {now}; "
            "give another --out, or measure its archives again with --remeasure"
        )
    for name, entry in new["datasets"].items():
        if name in old["datasets"] and old["datasets"][name]["digest"] != entry["digest"]:
            raise WrongInput(f"{run.path} holds a run on other shapes of {name}; give another --out")
