"""Whether a file is what it must be: by a hash that is known, else by the one of the first time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.codec.atomic_write import write_atomically
from bench.fetching.errors import FetchFailed
from bench.fetching.sources import Download

CHUNK = 1 << 20


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    return _digest(path, "sha256", b"")


def git_blob(path: Path) -> str:
    """The id that git gives to the content of a file."""
    return _digest(path, "sha1", f"blob {path.stat().st_size}\0".encode())


def check(item: Download, path: Path, book: Path) -> str:
    """Compare a downloaded file with what it must be, and return its SHA-256; one that differs is deleted.

    Args:
        item: what was downloaded.
        path: the file.
        book: JSON of URL -> SHA-256 of earlier downloads (`remember`), for content that is not known beforehand.

    Raises:
        FetchFailed: another content.
    """
    found = sha256(path)
    if item.git_blob and (blob := git_blob(path)) != item.git_blob:
        _refuse(path, f"git id {blob}, not {item.git_blob}")
    if item.sha256 and found != item.sha256:
        _refuse(path, f"SHA-256 {found}, not {item.sha256}")
    if not item.pinned:
        earlier = _read(book).get(item.url, found)
        if earlier != found:
            _refuse(path, f"SHA-256 {found}, {earlier} the first time", f"or take its line out of {book}")
    return found


def remember(items: Sequence[Download], digests: Mapping[str, str], book: Path) -> None:
    """Write down the hashes of downloads that were good, for the next time."""
    new = {item.url: digests[item.name] for item in items if not item.pinned}
    if new:
        write_atomically(book, json.dumps({**_read(book), **new}, indent=1))


def _refuse(path: Path, difference: str, otherwise: str = "or pass a file that you trust with --source") -> None:
    path.unlink()
    raise FetchFailed(
        f"{path.name} is not what it must be: {difference}",
        f"it was deleted; type the command again; if it comes again its owner has changed it: tell us, {otherwise}",
    )


def _read(book: Path) -> dict[str, str]:
    try:
        found = json.loads(book.read_text())
    except (OSError, ValueError):
        return {}
    return {str(url): str(digest) for url, digest in found.items()} if isinstance(found, dict) else {}


def _digest(path: Path, kind: str, before: bytes) -> str:
    digest = hashlib.new(kind, before, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
