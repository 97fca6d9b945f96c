"""``bench fetch``: the programs, checkpoints and data sets of other people, from their servers or the user's disk."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.fetching.sources import Source
    from bench.fetching.store import Shelf

EPILOG = """examples:
  python -m bench fetch --list                      what can be fetched, and what is here
  python -m bench fetch pcgcv2                      download, after a question
  python -m bench fetch ama thingi10k --yes         without questions
  python -m bench fetch gpcc                        clone, build, try
  python -m bench fetch gpcc --source mpeg-pcc-tmc13       a clone (also a bare one): built; or a program that is
                                                    built already: taken
  python -m bench fetch dt4d --source animals.zip --source humanoids.zip
  python -m bench fetch ama --remove

names: gpcc, vpcc (programs: cloned and built here with git, cmake and a C++ compiler), pcgcv2 (checkpoints), ama,
thingi10k (npz files), thingi10k:raw, dt4d, mixed (ama, thingi10k and dt4d).

An interrupted fetch goes on with the same command; nothing half-done is ever found by a run. Programs go into
NECGS_BENCH_PROGRAMS, data into NECGS_BENCH_DATA, or else both into your data folder; bench fetch --list shows where.
Proxies are taken from HTTP_PROXY and HTTPS_PROXY.
"""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "fetch",
        help="get programs, checkpoints and data sets of other people, try them, and put them where they are found",
        description="Says what it will do, from where, how large it is and under which licence, asks, and does it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to fetch; see below")
    parser.add_argument(
        *("--source", "-s"),
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="take it from this folder, archive, file or git repository instead of the network; may be repeated",
    )
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
    parser.add_argument("--again", action="store_true", help="fetch also what is here already, and replace it")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--list", action="store_true", help="say what can be fetched, and what is here")
    other.add_argument("--remove", action="store_true", help="delete what was fetched")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from bench.fetching.sources import chosen

    if args.list or not args.names:
        _print_list()
        return 0
    sources = chosen(args.names)
    if args.remove:
        return _remove(sources, args.yes)
    return _fetch(sources, [path.expanduser().absolute() for path in args.source], args.yes, args.again)


def _fetch(sources: Sequence[Source], given: Sequence[Path], yes: bool, again: bool) -> int:
    """Plan, ask, fetch. Returns 3 where something is left that the user must get by hand."""
    from bench.fetching.fetch import fetch
    from bench.fetching.plan import lines

    left = [source for source in sources if _to_do(source, again)]
    by_hand = [source for source in left if not (source.automatic or given)]
    for source in by_hand:
        print(f"{source.name}: {source.title}\n    by hand    {source.by_hand}")
    doing = [source for source in left if source not in by_hand]
    for source in doing:
        print(*lines(source, given), sep="\n")
    if doing and not _agreed("Go ahead?", yes):
        return 2
    for source in doing:
        record = fetch(source, given)
        files = "1 file" if record.files == 1 else f"{record.files:,} files"
        print(f"{source.name} is ready: {files}, {record.tried}.\nThis works now:\n    {source.now}")
    return 3 if by_hand else 0


def _to_do(source: Source, again: bool) -> bool:
    """Whether there is anything to fetch; says so where there is not."""
    from bench.fetching import store

    shelf = store.shelf_of(source)
    store.require_own(shelf)
    record = store.record_of(shelf)
    if record is None or again or record.name != source.name:
        return True
    print(f"{source.name} is here already: {shelf.final} (--again fetches it anew)\n    {source.now}")
    return False


def _agreed(question: str, yes: bool) -> bool:
    """Whether the user says yes. Without a terminal to ask at, ``--yes`` is needed."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print("bench fetch: nothing was done; add --yes where nobody can be asked", file=sys.stderr)
        return False
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        answer = ""
    return answer.strip().lower() in ("y", "yes")


def _remove(sources: Sequence[Source], yes: bool) -> int:
    from bench.codec.disk_room import readable
    from bench.fetching import store

    there: list[Shelf] = []
    for source in sources:
        shelf = store.shelf_of(source)
        store.require_own(shelf)
        record, left = store.record_of(shelf), store.left_over(shelf)
        if record is None and not left:
            print(f"{source.name} is not here")
            continue
        size = (record.size if record else 0) + left
        print(f"{source.name}: {readable(size)} in {shelf.final if record else shelf.work}")
        there.append(shelf)
    if there and not _agreed("Delete?", yes):
        return 2
    for shelf in there:
        store.remove(shelf)
        print(f"{shelf.name} is removed")
    return 0


def _print_list() -> None:
    from bench.codec.user_folders import data_folder, programs_folder
    from bench.fetching.plan import inventory

    for source, state in inventory():
        print(f"{source.name}: {source.title}\n    {state}")
    print(f"\nprograms go into {programs_folder()}, data into {data_folder()}")
