"""``bench datasets``: where each data set comes from, whether it was found, and what its shapes are like."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.codec.user_folders import DATA_VARIABLE, data_folder, fetch_command
from bench.commands.arguments import natural, positive


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "datasets",
        help="list the data sets: origin, licence, where they are looked for; check their shapes",
        description="Without a name: every data set, its origin and licence, where it is looked for, whether it was "
        "found. With a name: its shapes; with --check also what each mesh is like.",
    )
    names = "sample, ama, dt4d, thingi10k, mixed, folder:PATH, procedural:N, poses:N"
    parser.add_argument("name", nargs="?", help=names)
    parser.add_argument("--check", action="store_true", help="load each shape and count what is odd about it")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="where the data sets lie")
    parser.add_argument("--split", type=Path, metavar="FILE", help="a list of the shapes to take")
    parser.add_argument("--per-set", type=positive, metavar="N", help="shapes of each set in mixed")
    parser.add_argument("--limit", type=positive, metavar="N", help="take N shapes, spread evenly over the set")
    parser.add_argument("--seed", type=natural, default=0, help="of the choice where there is no split")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import mesh_datasets

    if not args.name:
        entries = mesh_datasets.catalog(data_root=args.data_root)
        if args.json:
            print(_json(map(dataclasses.asdict, entries)))
        else:
            _print_catalog(entries)
        return 0
    shapes = mesh_datasets.load(
        args.name,
        data_root=args.data_root,
        split=args.split,
        limit=args.limit,
        seed=args.seed,
        per_set=args.per_set,
    )
    if args.json:
        return _as_json(shapes, args.check)
    return _check(shapes) if args.check else _list(shapes)


def _as_json(shapes: Any, check: bool) -> int:
    """The shapes, or what `--check` finds, as a list of objects."""
    from mesh_datasets.inspection import inspect_shapes

    if check:
        reports = [dataclasses.asdict(report) for report in inspect_shapes(shapes)]
        print(_json(reports))
        return 1 if any(report["error"] for report in reports) else 0
    facts = ("name", "category", "source_bytes")
    print(_json({name: getattr(shape, name) for name in facts} for shape in shapes))
    return 0


def _json(entries: Iterable[Any]) -> str:
    return json.dumps(list(entries), indent=2, default=str)


def _print_catalog(entries: Any) -> None:
    for entry in entries:
        print(f"{entry.name}: {entry.content}")
        found = ", ".join(str(path) for path in entry.paths) or "yes"
        facts = {
            "from": entry.origin,
            "licence": entry.licence,
            "looks for": entry.layout,
            "looks in": _looked_in(entry.environment),
            "found": found if entry.found else f"no; type: {fetch_command(entry.name)}",
        }
        for key, value in facts.items():
            if value:
                print(f"    {key:<10} {value}")


def _looked_in(variable: str) -> str:
    """The places of a set that must be found, in order."""
    if not variable:
        return ""
    own = () if variable == DATA_VARIABLE else (variable,)
    return ", ".join(("--data-root", *own, f"{DATA_VARIABLE} or what bench fetch fills: {data_folder()}"))


def _list(shapes: Any) -> int:
    for shape in shapes:
        print(f"{shape.category:<10} {shape.source_bytes:>12,}  {shape.name}")
    print(f"{len(shapes)} shapes, {shapes.source_bytes:,} bytes")
    return 0


def _check(shapes: Any) -> int:
    from mesh_datasets.inspection import inspect_shapes

    header = (
        f"{'vertices':>9} {'faces':>9} {'closed':>6} {'nonman.':>7} {'border':>7} {'degen.':>7} {'pieces':>6}  name"
    )
    print(header)
    invalid = 0
    for report in inspect_shapes(shapes):
        if report.error:
            invalid += 1
            print(f"{'invalid':>9} {'':48}{report.name}: {report.error}")
            continue
        print(
            f"{report.vertices:>9,} {report.faces:>9,} {'yes' if report.watertight else 'no':>6} "
            f"{report.nonmanifold_edges:>7,} {report.boundary_edges:>7,} {report.degenerate_faces:>7,} "
            f"{report.components:>6,}  {report.name}",
            flush=True,
        )
    print(f"{len(shapes)} shapes, {invalid} invalid")
    return 1 if invalid else 0
