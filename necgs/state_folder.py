"""Where a compression keeps what it goes on from after an interruption: deleted once its result is kept."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def state_folder(parent: Path | None, task: object, *, first: bool = True) -> Iterator[Path]:
    """A folder that is gone when the block has ended well; an error or an interruption leaves it for the next try.

    Args:
        parent: where it is; None: a temporary one, which goes away in any case.
        task: what is done, by its ``repr``. Each task has a folder of its own, so none deletes what another needs.
        first: whether this is the first of the processes that share it: the one that deletes it.
    """
    if parent is None:
        with tempfile.TemporaryDirectory(prefix="necgs-") as folder:
            yield Path(folder)
        return
    own = parent / f"state-{hashlib.sha256(repr(task).encode()).hexdigest()[:16]}"
    own.mkdir(parents=True, exist_ok=True)
    yield own
    if first:
        shutil.rmtree(own, ignore_errors=True)
