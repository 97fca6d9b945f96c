"""The files of a folder or archive, one after the other, archives inside of them included. Nothing is unpacked here.

Archives are hostile until shown otherwise: only plain files are passed on (no links, no devices), names that leave the
archive are refused, and so are archives that inflate beyond a bound, hold too many files, or are cut short.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from bench.fetching.errors import FetchFailed, WrongSource

SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".tbz", ".txz", ".tar", ".zip")
MOST_FILES = 2_000_000
MOST_DEPTH = 3
LARGEST_HEADER = 1 << 20
"""Bytes of a tar header that is read into memory: long names, extended attributes."""

INFLATION = 300
"""An archive may hold this many times its own bytes (meshes as text shrink to a fifth)."""

ALWAYS_ALLOWED = 1 << 30
IN_MEMORY = 1 << 26
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A plain file.

    Args:
        path: where it lies in the source; an archive counts as a folder of its name without suffix.
        size: bytes.
        file: to read it from, until the next entry is asked for.
        source: the file of the user's that it comes from.
    """

    path: PurePosixPath
    size: int
    file: IO[bytes]
    source: Path

    def chunks(self) -> Iterator[bytes]:
        """All of its bytes, and not one more.

        Raises:
            FetchFailed: it is damaged or cut short.
        """
        left = self.size
        with _told(self.source):
            while left and (chunk := self.file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
            if left:
                raise _Damaged(f"{self.path} is cut short")


@dataclass
class _Budget:
    """What the archives of one file may still hold."""

    source: Path
    bytes_left: int
    files_left: int = field(default=MOST_FILES)

    def take(self, size: int) -> None:
        self.bytes_left -= size
        self.files_left -= 1
        if self.bytes_left < 0 or self.files_left < 0:
            what = f"{INFLATION} times its own size" if self.bytes_left < 0 else f"{MOST_FILES:,} files"
            raise FetchFailed(f"{self.source}: holds more than {what}", "unpack it yourself and pass the folder")


class _Header(tarfile.TarInfo):
    """A tar header that is whole and asks for little memory; the library takes a cut header for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        if len(buf) != tarfile.BLOCKSIZE:
            raise _Damaged("it is cut short")
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.TarError as error:
            if any(buf):
                raise _Damaged(f"not a tar archive ({error})") from None
            raise
        extended = header.type not in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE)
        if extended and header.size > LARGEST_HEADER:
            raise _Damaged(f"a header of {header.size:,} bytes")
        return header


class _Damaged(Exception):
    pass


def stem(name: str) -> str | None:
    """The name of an archive without its suffix; None where it is not that of an archive."""
    lower = name.lower()
    return next((name[: -len(suffix)] for suffix in SUFFIXES if lower.endswith(suffix)), None)


def entries(source: Path, skip: tuple[str, ...] = ()) -> Iterator[Entry]:
    """All plain files of a folder, archive or single file, in a fixed order.

    Args:
        source: the folder or file.
        skip: names (without suffix) of archives that are not opened.

    Raises:
        WrongSource: there is nothing at ``source``.
        FetchFailed: an archive that is damaged, locked or out of bounds.
    """
    if source.is_dir():
        for folder, inner, names in os.walk(source):
            inner[:] = sorted(name for name in inner if name != ".git")
            for name in sorted(names):
                path = Path(folder, name)
                if path.is_file():
                    yield from _of_file(path, PurePosixPath(path.relative_to(source).as_posix()), skip)
    elif source.is_file():
        yield from _of_file(source, PurePosixPath(source.name), skip)
    else:
        raise WrongSource(f"{source} is not there", "give a folder, an archive or a file")


def _of_file(path: Path, where: PurePosixPath, skip: tuple[str, ...]) -> Iterator[Entry]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if stem(path.name) is None:
            yield Entry(where, size, file, path)
            return
        budget = _Budget(path, max(ALWAYS_ALLOWED, INFLATION * size))
        with _told(path):
            yield from _opened(Entry(where, size, file, path), budget, skip, 0)


def _opened(entry: Entry, budget: _Budget, skip: tuple[str, ...], depth: int) -> Iterator[Entry]:
    """The entry itself, or the files of the archive that it is."""
    name = stem(entry.path.name)
    if name is None:
        yield entry
    elif name.lower() not in skip or depth == 0:
        if depth > MOST_DEPTH:
            raise _Damaged(f"archives in archives, more than {MOST_DEPTH} deep")
        inside = _zipped if entry.path.name.lower().endswith(".zip") else _tarred
        with _copied(entry.file) if depth and inside is _zipped else nullcontext(entry.file) as file:
            for found in inside(file, entry.path.with_name(name), budget):
                yield from _opened(found, budget, skip, depth + 1)


def _tarred(file: IO[bytes], where: PurePosixPath, budget: _Budget) -> Iterator[Entry]:
    with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Header) as archive:
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined]  # or every header that was seen is kept
            budget.take(member.size if member.isreg() else 0)
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                yield Entry(where / _inside(member.name), member.size, content, budget.source)


def _zipped(file: IO[bytes], where: PurePosixPath, budget: _Budget) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            budget.take(member.file_size)
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                raise _Damaged("it needs a password: unpack it yourself and pass the folder")
            with archive.open(member) as content:
                yield Entry(where / _inside(member.filename), member.file_size, content, budget.source)


@contextmanager
def _copied(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A copy: a zip is read from its end, and a file in an archive can be read in one direction only."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield copy


def _inside(name: str) -> PurePosixPath:
    """A member's path, which must stay in the archive."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name:
        raise _Damaged(f"a file that would lie outside of it: {name!r}")
    return path


FAULTS: tuple[type[Exception], ...] = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, _Damaged),
)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the archive libraries as errors for the user."""
    try:
        yield
    except FAULTS as error:
        raise FetchFailed(f"{path}: damaged, or no archive: {error}", "get it anew") from None
