"""Jobs in portions on a cluster: some shapes of the set at a time, each portion a task of its own.

A portion is done as a job is, in a folder of its own within the run: ``portions/JOB/FIRST``. What ended well there is
found again when the run goes on, and put together when all have ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.codec import Archive, Part
from bench.codec.atomic_write import write_atomically
from bench.execution import sealed_archive
from bench.execution.job import Outcomes, outcomes_of
from bench.execution.job_rows import rows_of
from bench.execution.result import checked_result
from bench.execution.run_context import RunContext
from bench.execution.supervisor import Outcome
from bench.planning.jobs import Job
from bench.results.rows import JobRows
from bench.results.store import RunFolder

PORTIONS = "portions"
"""Folder of a run in which portions work."""

PHASES = ("encode", "decode", "measure")
_SUMS = ("cpu_s", "recalled_s", "codec_s", "decoded_vertices", "decoded_faces", "cache_made", "cache_found", "bytes")
_TABLES = ("ledger", "phases")
_HEAD = {"status": "ok", "message": "", "wall_s": 0.0, "cpu_s": 0.0}


@dataclass(frozen=True)
class Span:
    """Shapes ``first`` to ``stop`` - 1 of a set."""

    first: int
    stop: int

    @classmethod
    def all_of(cls, shapes: int, each: int) -> list[Span]:
        """Those of a set, ``each`` shapes or fewer."""
        return [cls(first, min(first + each, shapes)) for first in range(0, shapes, each)]

    @property
    def slice(self) -> slice:
        return slice(self.first, self.stop)


def forget(job: Job, context: RunContext) -> None:
    """Remove what portions of a job left."""
    shutil.rmtree(_folder(job, context), ignore_errors=True)
    with contextlib.suppress(OSError):
        _folder(job, context).parent.rmdir()


def _folder(job: Job, context: RunContext) -> Path:
    return context.run.path / PORTIONS / job.key


def context_of(job: Job, context: RunContext, span: Span) -> RunContext:
    """What `run_portion` gets: the run as a portion sees it."""
    return dataclasses.replace(
        context,
        run=RunFolder(_folder(job, context) / f"{span.first:06d}"),
        references=context.references[span.slice],
        sources=context.sources[span.slice],
        first=span.first,
    )


def run_portion(job: Job, own: RunContext, whole: Path | None, sha256: str = "") -> Outcomes:
    """How the phases of a portion ended.

    Args:
        job: the job.
        own: its run, as `context_of` makes it.
        whole: archive of the whole set, whose portion is decoded and measured; None to encode the portion's shapes.
        sha256: of that archive, as its row has it: what an earlier run left of another one is not used.
    """
    saved, archive = own.run.path / "outcomes.json", own.run.archive(job.archive_key)
    stamp = f"{own.first} {len(own.references)} {sha256}"
    if (ended := _read(saved, stamp)) is not None and sealed_archive.finished(archive):
        return ended
    if whole is not None:
        _cut(archive, own, whole)
    outcomes = outcomes_of(job, own)
    if all(outcome.status == "ok" for outcome in outcomes.values()):
        record = {phase: dataclasses.asdict(outcome) for phase, outcome in outcomes.items()}
        write_atomically(saved, json.dumps({"stamp": stamp, "outcomes": record}))
    return outcomes


def _read(saved: Path, stamp: str) -> Outcomes | None:
    """What an earlier run left of a portion of these shapes that had ended well; None where it left none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        record = json.loads(saved.read_text())
        outcomes = {phase: Outcome(**values) for phase, values in record["outcomes"].items()}
        for phase, outcome in outcomes.items():
            head = {"status": outcome.status, "message": outcome.message, "wall_s": outcome.wall_s}
            checked_result({**outcome.result, **head}, phase)
        if record["stamp"] == stamp and set(outcomes) == set(PHASES):
            return outcomes
    return None


def _cut(archive: Path, own: RunContext, whole: Path) -> None:
    """The portion's archive out of that of the whole set: the shared bytes, and those of its shapes."""
    _clear(archive)
    cut = Archive.read(whole, slice(own.first, own.first + len(own.references)))
    cut.write(sealed_archive.partial(archive))
    result = {
        **_HEAD,
        "bytes": cut.nbytes,
        "bytes_shared": len(cut.shared),
        "bytes_shape": [len(part) for part in cut.shapes],
        "ledger": {"": cut.nbytes},
    }
    sealed_archive.seal(archive, Outcome("ok", "", 0.0, 0.0, result))


def _clear(archive: Path) -> None:
    for left_over in (archive, sealed_archive.partial(archive)):
        shutil.rmtree(left_over, ignore_errors=True)


def joined(
    job: Job, context: RunContext, found: Sequence[tuple[Span, Outcomes]], encoded: Outcome | None = None
) -> JobRows:
    """The rows of a job whose portions have ended; its archive and what they kept come into the run's own folders.

    Args:
        found: how the phases of all portions ended, in order.
        encoded: how the set was encoded, where that was done as a whole.
    """
    outcomes: dict[str, Outcome] = {} if encoded is None else {"encode": encoded}
    for phase in PHASES[len(outcomes) :]:
        pieces = [(span, ended[phase]) for span, ended in found if phase in ended]
        if not pieces:
            break
        outcomes[phase] = _joined(phase, pieces, len(context.references))
        if phase == "encode" and outcomes[phase].status == "ok":
            outcomes[phase] = _joined_archive(job, context, outcomes[phase], found)
        if outcomes[phase].status != "ok":
            break
    rows = rows_of(job, context, outcomes)
    for stale in (context.run.failure(job.archive_key), context.run.decoded(job.archive_key)):
        shutil.rmtree(stale, ignore_errors=True)
    for span, _ in found:
        _gather(job, context, span)
    forget(job, context)
    return rows


def _joined(phase: str, pieces: Sequence[tuple[Span, Outcome]], shapes: int) -> Outcome:
    """How a phase ended as a whole: a portion whose process failed costs its own shapes, unless all did."""
    good = [(span, outcome) for span, outcome in pieces if outcome.status == "ok"]
    wall, peak = sum(outcome.wall_s for _, outcome in pieces), max(outcome.peak_mb for _, outcome in pieces)
    if not good:
        return dataclasses.replace(pieces[0][1], wall_s=wall, peak_mb=peak)
    tables: dict[str, Any] = {name: {} for name in ("failures", "lost", "modes", "notes", *_TABLES)}
    result = {**_HEAD, **tables, "wall_s": wall}
    for span, outcome in pieces:
        if outcome.status == "ok":
            _add(result, span, outcome.result)
        else:
            lost = [outcome.status, outcome.message]
            result["lost"].update({str(index): lost for index in range(span.first, span.stop)})
    lists = {"encode": ("bytes_shape", 0), "measure": ("shapes", {"status": "measure_failed", "message": ""})}
    if phase in lists:
        name, absent = lists[phase]
        whole = [absent] * shapes
        for span, outcome in good:
            whole[span.slice] = outcome.result[name]
        result[name] = whole
    return Outcome("ok", "", wall, peak, result)


def _add(result: dict[str, Any], span: Span, own: Mapping[str, Any]) -> None:
    """Add what a portion's process wrote to that of the whole."""
    for name in _SUMS:
        if own.get(name) is not None:
            result[name] = result.get(name, 0) + own[name]
    for name in _TABLES:
        for key, value in own.get(name, {}).items():
            result[name][key] = result[name].get(key, 0) + value
    for name in ("failures", "modes"):
        result[name].update({str(span.first + int(index)): value for index, value in own.get(name, {}).items()})
    result["notes"].update(own.get("notes", {}))


def _joined_archive(job: Job, context: RunContext, outcome: Outcome, found: Sequence[tuple[Span, Outcomes]]) -> Outcome:
    """Write the archive of the whole set from those of its portions and seal it."""
    shapes = [Part(b"")] * len(context.references)
    for span, ended in found:
        if ended["encode"].status == "ok":
            shapes[span.slice] = Archive.read(context_of(job, context, span).run.archive(job.archive_key)).shapes
    archive = context.run.archive(job.archive_key)
    _clear(archive)
    Archive(tuple(shapes)).write(sealed_archive.partial(archive))
    return sealed_archive.seal(archive, dataclasses.replace(outcome, result={**outcome.result, "bytes_shared": 0}))


def _gather(job: Job, context: RunContext, span: Span) -> None:
    """Move what a portion kept, decoded meshes and what a failure left, to where the run keeps it."""
    own = context_of(job, context, span).run
    decoded, kept = own.decoded(job.archive_key), context.run.decoded(job.archive_key)
    for path in sorted(decoded.glob("*.npz")) if context.keep_decoded else ():
        kept.mkdir(parents=True, exist_ok=True)
        path.replace(kept / f"{span.first + int(path.stem):06d}.npz")
    if (left := own.failure(job.archive_key)).exists():
        target = context.run.failure(job.archive_key) / f"{span.first:06d}"
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        left.rename(target)
