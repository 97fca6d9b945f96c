"""Archives of a run folder: written under another name, sealed when they are whole, found again by a later run."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.codec import Archive, CodecError
from bench.codec.archive import digest
from bench.codec.atomic_write import write_atomically
from bench.execution.result import checked_result
from bench.execution.supervisor import Outcome


def partial(archive: Path) -> Path:
    """Where an archive lies until it is finished."""
    return archive.with_name(f"{archive.name}.part")


def _record(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.json")


def seal(archive: Path, outcome: Outcome) -> Outcome:
    """Give a fresh archive its name, in place of one that was there, and note beside it how it was made.

    Its size is that of the files.
    """
    fresh = partial(archive)
    on_disk = sum(path.stat().st_size for path in fresh.iterdir())
    try:
        sound = _is_of(outcome.result, Archive.read(fresh))
    except CodecError:
        sound = False
    if on_disk != outcome.result["bytes"] or not sound:
        message = f"encode: {on_disk} bytes lie on disk, the codec claims {outcome.result['bytes']}"
        return dataclasses.replace(outcome, status="encode_failed", message=message)
    result = {**outcome.result, "archive_sha256": digest(fresh)}
    outcome = dataclasses.replace(outcome, result=result)
    write_atomically(_record(archive), json.dumps(dataclasses.asdict(outcome)))
    shutil.rmtree(archive, ignore_errors=True)
    fresh.rename(archive)
    return outcome


def _is_of(result: Mapping[str, Any], archive: Archive) -> bool:
    """Whether sizes and ledger are those of the archive."""
    sizes = (archive.nbytes, len(archive.shared), [len(part) for part in archive.shapes])
    stated = (result["bytes"], result["bytes_shared"], result["bytes_shape"])
    return stated == sizes and sum(result["ledger"].values()) == archive.nbytes


def finished(archive: Path) -> Outcome | None:
    """What `seal` noted, if the archive is still what it was."""
    try:
        outcome = Outcome(**json.loads(_record(archive).read_text()))
        stored = Archive.read(archive)
        head = {"status": outcome.status, "message": outcome.message, "wall_s": outcome.wall_s}
        checked_result({**outcome.result, **head, "cpu_s": outcome.peak_mb}, "encode", len(stored.shapes))
        checked_result(outcome.result, "encode")
        unaltered = _is_of(outcome.result, stored) and outcome.result["archive_sha256"] == digest(archive)
        if outcome.status == "ok" and unaltered:
            return outcome
        print(f"{archive} is no longer what was encoded; it is made anew", file=sys.stderr)
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, CodecError):
        return None
