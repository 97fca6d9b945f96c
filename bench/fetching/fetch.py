"""One source, from wherever it comes to a folder that was tried."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from bench.fetching import disk, hashes, repository, store, trial
from bench.fetching.build import LOG, built, is_source
from bench.fetching.download import PATIENCE, Patience, download
from bench.fetching.errors import ByHand, DiskFull, FetchFailed
from bench.fetching.sources import Source
from bench.fetching.store import Record, Shelf
from bench.fetching.unpack import holds_program, require_all, unpack

BUILD_BYTES = 1_500_000_000
"""Room that sources and a build take for the time being, V-PCC's with its video codec."""


def fetch(source: Source, given: Sequence[Path] = (), patience: Patience = PATIENCE) -> Record:
    """Download a source, or take it from what the user has; unpack, try and install it.

    Whatever happens, a run finds the former folder, none, or the finished new one. Downloads that have arrived are kept
    for the next call.

    Args:
        source: what to fetch.
        given: folders, archives, files or git repositories to take it from instead of the network.
        patience: with servers.

    Raises:
        ByHand: it cannot be downloaded and nothing is given.
        WrongSource: what is given holds nothing that is wanted, or a folder of the user's is in the way.
        FetchFailed: all else.
    """
    if not given and not source.automatic:
        raise ByHand(f"{source.name} cannot be downloaded", source.by_hand)
    shelf = store.shelf_of(source)
    with disk.told(shelf.root):
        store.require_own(shelf)
        with store.work_on(shelf):
            origins = [str(path) for path in given] or source.origins
            if given:
                digests = _take(source, given, shelf)
            else:
                digests = _built(source, None, shelf) if source.build else _download(source, shelf, patience)
            require_all(source, shelf.ready, " and ".join(origins[:2]))
            digests |= {path.name: hashes.sha256(path) for path in sorted(shelf.ready.glob("bin/*"))}
            files = [path for path in shelf.ready.rglob("*") if path.is_file()]
            record = Record(
                name=source.name,
                origins=tuple(origins),
                sha256=digests,
                files=len(files),
                size=sum(path.stat().st_size for path in files),
                when=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                tried=trial.tried(source, shelf.ready.parent),
            )
            store.put_in_place(shelf, record)
            if not given:
                hashes.remember(source.downloads, digests, shelf.book)
    return record


def _download(source: Source, shelf: Shelf, patience: Patience) -> dict[str, str]:
    """All downloads of a source, checked and unpacked. Returns the SHA-256 of each."""
    here = sum(path.stat().st_size for path in shelf.downloads.glob("*") if path.is_file())
    disk.require_room(shelf.root, max(0, source.download_size - here) + source.installed)
    digests = {}
    for item in source.downloads:
        path = download(item, shelf.downloads, patience)
        digests[item.name] = hashes.check(item, path, shelf.book)
    for item in source.downloads:
        try:
            unpack(source, shelf.downloads / item.name, shelf.ready)
        except DiskFull:
            raise
        except FetchFailed:  # what the server sent was no archive: it must not be found again
            (shelf.downloads / item.name).unlink()
            raise
    return digests


def _take(source: Source, given: Sequence[Path], shelf: Shelf) -> dict[str, str]:
    """What the user has, unpacked. Returns the SHA-256 of given files, and the commit of given repositories."""
    digests: dict[str, str] = {}
    to_build = source.build is not None and not any(holds_program(source, path) for path in given)
    for path in given:
        if to_build and is_source(path):  # its other files, cfg/, are taken from what was built
            digests |= _built(source, path, shelf)
            continue
        found = unpack(source, path, shelf.ready)
        commit, name = source.repository_file
        if not found and commit and path.is_dir() and repository.git_directory(path):
            repository.take(path, commit, name, shelf.downloads / name)
            unpack(source, shelf.downloads / name, shelf.ready)
            digests[path.name] = f"git {commit}"
        elif path.is_file():
            digests[path.name] = hashes.sha256(path)
    return digests


def _built(source: Source, given: Path | None, shelf: Shelf) -> dict[str, str]:
    """Build a program, from the user's sources or its authors', and take it with the log. Returns what was built."""
    assert source.build is not None
    disk.require_room(shelf.root, BUILD_BYTES)
    folder, made = built(source.build, given, shelf.work)
    unpack(source, folder, shelf.ready)
    shutil.copy(shelf.work / LOG, shelf.ready)
    shutil.rmtree(folder, ignore_errors=True)
    return {source.name: made}
