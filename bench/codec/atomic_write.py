"""Writing a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of ``path`` in one step when the block ends.

    An error, a full disk or an interruption leaves whatever was at ``path`` and no half file beside it. The folder is
    created where it is missing.

    Args:
        durable: wait until the bytes are on the disk: for what took long to make, not for caches.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:32]}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` (text as UTF-8) in one step, as `replacing`."""
    with replacing(path, durable=durable) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def append_bytes(path: Path, data: bytes) -> None:
    """Add ``data`` to the end of a file, and wait until it is on the disk; an error or Ctrl-C leaves it as it was."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(size)
            raise
