"""The wanted files of a source, copied to where they belong."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from bench.fetching import disk
from bench.fetching.entries import Entry, entries
from bench.fetching.errors import WrongSource
from bench.fetching.layouts import CHECKPOINTS
from bench.fetching.sources import Source


def unpack(source: Source, given: Path, ready: Path) -> int:
    """Copy what is wanted of a folder, archive or file into ``ready``. Returns how many files that were.

    A file that is there already, from another part of the source, stays; a program of other content is an error.

    Raises:
        WrongSource: two different programs of one name.
        FetchFailed: damaged archives, a full disk.
    """
    from tqdm import tqdm

    count = 0
    with disk.told(ready), tqdm(unit=" files", desc=f"unpacking {given.name}", disable=None) as bar:
        for entry in entries(given, source.skip):
            place = source.layout(entry.path)
            if place is not None:
                count += _placed(entry, place, ready, source, given)
                bar.update()
    return count


def holds_program(source: Source, given: Path) -> bool:
    """Whether a program of the source lies in a folder, archive or file, built.

    Raises:
        FetchFailed: damaged archives.
    """
    places = (source.layout(entry.path) for entry in entries(given, source.skip))
    return any(place is not None and place.parts[0] == "bin" for place in places)


def _placed(entry: Entry, place: PurePosixPath, ready: Path, source: Source, given: Path) -> bool:
    target = ready / place
    if target.exists():
        if source.kind == "program" and not _same(entry, target):
            raise WrongSource(f"{given} holds several different files {place.name}", "pass the folder of one of them")
        return False
    disk.require_room(ready, entry.size)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.writelines(entry.chunks())
    if place.parts[0] == "bin":
        target.chmod(0o755)
    return True


def _same(entry: Entry, there: Path) -> bool:
    if entry.size != there.stat().st_size:
        return False
    with there.open("rb") as file:
        return all(chunk == file.read(len(chunk)) for chunk in entry.chunks())


def require_all(source: Source, ready: Path, given: str) -> None:
    """Whether what is needed has come, and checkpoints are the published ones.

    Raises:
        WrongSource: not all of it.
    """
    from bench.fetching.hashes import sha256

    files = [path for path in ready.rglob("*") if path.is_file()]
    there = {path.relative_to(ready).as_posix().removesuffix(".exe") for path in files}
    missing = [name for name in source.needs if name not in there]
    if missing or not files:
        wanted = ", ".join(PurePosixPath(name).name for name in missing) or "files of the layout that is known"
        raise WrongSource(f"{given} holds no {wanted} for {source.name}", _remedy(source))
    for name in CHECKPOINTS if source.kind == "checkpoints" else ():
        if sha256(ready / name) != CHECKPOINTS[name]:
            raise WrongSource(f"{name} of {given} is not the published checkpoint", "get it anew")


def _remedy(source: Source) -> str:
    if source.build:
        return "pass a git clone, a source tree or the built program, or leave --source out"
    return source.by_hand or f"see {source.page}"
