"""What a fetch is going to do, in words, before it does anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.fetching import store
from bench.fetching.disk import free, readable
from bench.fetching.sources import Source


def lines(source: Source, given: Sequence[Path] = ()) -> Iterator[str]:
    """The plan for one source."""
    shelf = store.shelf_of(source)
    yield f"{source.name}: {source.title}"
    facts = {
        "from": ", ".join(map(str, given)) or _servers(source),
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
    first = source.downloads[0].url
    more = len(source.downloads) - 1
    return f"{first}{f' and {more} more' if more else ''}"


def _size(source: Source, given: Sequence[Path]) -> str:
    unpacked = f"about {readable(source.installed)} on disk" if source.installed else "size on disk not known"
    return unpacked if given else f"about {readable(source.download_size)} to download, {unpacked}"


def _checked(source: Source, given: Sequence[Path]) -> str:
    """By what the content is known, said honestly."""
    tried = {"data": "some of its shapes are read"}.get(source.kind, "a sphere is encoded and decoded")
    if source.kind == "checkpoints":
        return f"SHA-256 of each file, known beforehand; {tried}"
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
            state = "not here" if source.downloads else f"not here; {source.by_hand}"
        yield source, state
