"""``bench doctor``: what this machine has, and what is missing for what."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench import installation, machine, registry, system_libraries

    strangers = installation.strangers()
    if strangers:
        print(_mixed(strangers))
        return 3
    import mesh_datasets

    facts = machine.describe()
    print(f"machine      {facts['cpu']}, {facts['cores']} cores, {facts['memory_gb']} GB; {facts['os']}")
    print(
        f"gpu          {', '.join(facts['gpu']) or 'none'}; CUDA usable: {'yes' if machine.cuda_available() else 'no'}"
    )
    print(f"python       {facts['python']}: {', '.join(f'{k} {v}' for k, v in facts['packages'].items())}")
    missing = system_libraries.missing_packages()
    print(f"libraries    {'missing: ' + system_libraries.install_line(missing) if missing else 'all there'}")
    for name in registry.names():
        state = registry.availability(name)
        made_of = registry.get(name).provenance() if state.ok else {}
        found = ", ".join(f"{key} {value}" for key, value in made_of.items())
        print(f"codec        {name}: {found or 'ready' if state.ok else state}")
    for entry in mesh_datasets.catalog():
        print(f"data set     {entry.name}: {_where(entry)}")
    return 0


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
    return f"ready; {entry.origin}" if entry.found else f"not found; {entry.origin}"
