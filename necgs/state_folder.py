"""Where a compression keeps what it goes on from after an interruption: deleted once its result is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def state_folder(parent: Path | None, task: object) -> Iterator[Path]:
    """A folder that is gone when the block has ended well; an error or an interruption leaves it for the next try.

    Of torchrun's processes, which share it, the first one deletes it.

    Args:
        parent: where it is; None: a temporary one, which goes away in any case.
        task: what is done, by its ``repr``. Each task has a folder of its own, so none deletes what another needs.
    """
    if parent is None:
        with tempfile.TemporaryDirectory(prefix="necgs-") as folder:
            yield Path(folder)
        return
    own = parent / f"state-{hashlib.sha256(repr(task).encode()).hexdigest()[:16]}"
    own.mkdir(parents=True, exist_ok=True)
    yield own
    if os.environ.get("RANK", "0") == "0":
        shutil.rmtree(own, ignore_errors=True)
