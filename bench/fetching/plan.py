"""What a fetch is going to do, in words, before it does anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.codec.disk_room import free, readable
from bench.fetching import store
from bench.fetching.build import is_source, missing_tools
from bench.fetching.repository import git_directory
from bench.fetching.sources import Source


def lines(source: Source, given: Sequence[Path] = ()) -> Iterator[str]:
    """The plan for one source."""
    shelf = store.shelf_of(source)
    yield f"{source.name}: {source.title}"
    facts = {
        "from": ", ".join(map(str, given)) or _servers(source),
        **_build(source, given),
        "size": _size(source, given),
        "licence": source.licence,
        "checked": _checked(source, given),
        "into": f"{shelf.final} ({readable(free(shelf.root))} free)",
    }
    if store.record_of(shelf) is not None:
        facts["replaces"] = "what is there, when the new one is finished and was tried"
    elif left := store.left_over(shelf):
        facts["goes on"] = f"{readable(left)} are here from an interrupted fetch"
    for key, value in facts.items():
        yield f"    {key:<10} {value}"


def _servers(source: Source) -> str:
    first, more = source.origins[0], len(source.origins) - 1
    return f"{first}{f' and {more} more' if more else ''}"


def _build(source: Source, given: Sequence[Path]) -> dict[str, str]:
    """What is built, and what that needs."""
    if source.build is None or (given and not all(map(is_source, given))):
        return {}
    missing = missing_tools()
    also = f"; it clones {source.build.also}" if source.build.also else ""
    needs = "git, cmake and a C++ compiler" + (f"; NOT INSTALLED: {', '.join(missing)}" if missing else "")
    found = " where no built program lies in it" if given else ""
    return {"builds": f"with CMake, in minutes{found}{also}", "needs": needs}


def _size(source: Source, given: Sequence[Path]) -> str:
    unpacked = f"about {readable(source.installed)} on disk" if source.installed else "size on disk not known"
    if given or source.build:
        return unpacked
    return f"about {readable(source.download_size)} to download, {unpacked}"


def _checked(source: Source, given: Sequence[Path]) -> str:
    """By what the content is known, said honestly."""
    tried = {"data": "some of its shapes are read"}.get(source.kind, "a sphere is encoded and decoded")
    if source.kind == "checkpoints":
        return f"SHA-256 of each file, known beforehand; {tried}"
    if source.build and all(is_source(path) and git_directory(path) is not None for path in given):
        return f"the commit's id, known beforehand; {tried}"
    if given:
        return f"nothing is known of your files beforehand; {tried}"
    if all(item.pinned for item in source.downloads):
        return f"SHA-256, known beforehand; {tried}"
    return f"SHA-256, written down on the first download and compared on the next; {tried}"


def inventory() -> Iterator[tuple[Source, str]]:
    """Every source, and whether it is here."""
    from bench.fetching.sources import SOURCES

    for source in SOURCES.values():
        shelf = store.shelf_of(source)
        record = store.record_of(shelf)
        if record is not None and record.name == source.name:
            state = f"{shelf.final}: {record.files:,} files, {readable(record.size)}, fetched {record.when[:10]}"
        elif record is None and shelf.final.exists():
            state = f"{shelf.final} is there; not made by this command"
        elif left := store.left_over(shelf):
            state = f"interrupted; {readable(left)} have arrived"
        else:
            state = "not here" if source.automatic else f"not here; {source.by_hand}"
        yield source, state
