"""``manifest.json``: what a run was asked for, on which shapes, with what, and every invocation that worked on it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from bench import machine, registry
from bench.planning.plan import Plan, WrongInput
from bench.results.store import RunFolder, StoreError


def write_manifest(plan: Plan, run: RunFolder) -> None:
    """Write the run's manifest, or add this invocation to it. Raises `WrongInput` where the folder is another run's."""
    try:
        old = run.read_manifest() if run.manifest_path.exists() else {}
    except StoreError as error:
        raise WrongInput(str(error)) from None
    if not old and run.rows_path.exists():
        raise WrongInput(f"{run.path} holds rows but no manifest; give another --out")
    datasets_ = {name: _describe_dataset(plan, name) for name in plan.prepared}
    _refuse_mixture(run, old, plan, datasets_)
    codecs = {
        spec.text: {**dataclasses.asdict(codec.info), "provenance": codec.provenance()}
        for spec in plan.specs
        for codec in [registry.get(spec.name)]
    }
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    invocation = {"argv": list(plan.request.argv), "started": now, "git": machine.git_state()}
    merged = {**old.get("datasets", {}), **datasets_}
    run.write_manifest(
        {
            "format": 1,
            "created": old.get("created", now),
            "invocations": [*old.get("invocations", []), invocation],
            "argv": invocation["argv"],
            "git": invocation["git"],
            "machine": machine.describe(),
            "profile": dataclasses.asdict(plan.request.profile),
            "protocol": {**plan.protocol, "identifier": plan.protocol_name},
            "seed": plan.request.seed,
            "device": plan.device,
            "dataset": ",".join(merged),
            "datasets": merged,
            "shapes": [{**shape, "dataset": name} for name, entry in merged.items() for shape in entry["shapes"]],
            "skipped_shapes": [shape for entry in merged.values() for shape in entry["skipped_shapes"]],
            "codecs": {**old.get("codecs", {}), **codecs},
            "skipped": list(plan.skipped),
        }
    )


def _describe_dataset(plan: Plan, name: str) -> dict[str, Any]:
    prepared = plan.prepared[name]
    return {
        "digest": prepared.digest,
        "provenance": dict(plan.shape_sets[name].provenance),
        "shapes": [
            {
                "name": ref.name,
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


def _refuse_mixture(run: RunFolder, old: Mapping[str, Any], plan: Plan, new: Mapping[str, Any]) -> None:
    if not old:
        return
    if old["protocol"]["identifier"] != plan.protocol_name and not plan.request.remeasure:
        raise WrongInput(
            f"{run.path} was measured under protocol {old['protocol']['identifier']}, not {plan.protocol_name}; "
            "give another --out, or measure its archives again with --remeasure"
        )
    for name, entry in new.items():
        if name in old["datasets"] and old["datasets"][name]["digest"] != entry["digest"]:
            raise WrongInput(f"{run.path} holds a run on other shapes of {name}; give another --out")
