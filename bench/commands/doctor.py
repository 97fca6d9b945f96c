"""``bench doctor``: what this machine has, and what is missing for what."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from bench.codec import Availability
from bench.codec.user_folders import fetch_command
from bench.installation import expected_folder

if TYPE_CHECKING:
    from mesh_datasets import DatasetInfo


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what this machine has and what is missing for which codec or data set",
        description="Looks at system libraries, packages, the GPU, external programs, codecs and data sets.",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench import installation

    strangers = installation.strangers()
    if strangers:
        print(_mixed(strangers))
        return 3
    found = findings()
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return 0


def findings() -> dict[str, Any]:
    """What this machine has, as plain values."""
    import mesh_datasets

    from bench import machine, registry, system_libraries
    from bench.codec.devices import describe_gpus, gpu_count

    codecs: dict[str, Any] = {}
    for name in registry.names():
        state = registry.availability(name)
        made_of = registry.provenance(name) if state.ok else {}
        codecs[name] = {"available": state.ok, "reason": state.reason, "remedy": state.remedy, "provenance": made_of}
    missing = system_libraries.missing_packages()
    return {
        "machine": machine.describe(),
        "cuda": gpu_count() > 0,
        "torch_gpus": describe_gpus(),
        "missing_libraries": list(missing),
        "install_libraries": system_libraries.install_line(missing) if missing else "",
        "codecs": codecs,
        "datasets": {entry.name: {"found": entry.found, "where": _where(entry)} for entry in mesh_datasets.catalog()},
    }


def _print(found: dict[str, Any]) -> None:
    facts = found["machine"]
    print(f"machine      {facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB; {facts['os']}")
    print(f"gpu          {', '.join(facts['gpu']) or 'none named by nvidia-smi'}; {found['torch_gpus']}")
    print(f"python       {facts['python']}: {', '.join(f'{k} {v}' for k, v in facts['packages'].items())}")
    print(f"libraries    {'missing: ' + found['install_libraries'] if found['missing_libraries'] else 'all there'}")
    for name, codec in found["codecs"].items():
        made_of = ", ".join(f"{key} {value}" for key, value in codec["provenance"].items())
        state = Availability(codec["available"], codec["reason"], codec["remedy"])
        print(f"codec        {name}: {made_of or 'ready' if state.ok else state}")
    for name, entry in found["datasets"].items():
        print(f"data set     {name}: {entry['where']}")


def _mixed(strangers: dict[str, str]) -> str:
    """What to do where packages of other origin have the names of ours."""
    places = "\n".join(f"    {name}: {place}, not {expected_folder(name)}" for name, place in strangers.items())
    return (
        f"packages     not all from one place; nothing here can be trusted:\n{places}\n"
        "    Uninstall the other package, or start from another folder, or in a fresh virtual environment."
    )


def _where(entry: DatasetInfo) -> str:
    """Where a data set was found, that it needs no files, or how to get it."""
    if entry.paths and entry.found:
        return f"found in {', '.join(map(str, entry.paths))}"
    return f"ready; {entry.origin}" if entry.found else f"not found; type: {fetch_command(entry.name)} ({entry.origin})"
