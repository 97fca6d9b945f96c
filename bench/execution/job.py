"""One job from meshes to rows: encode, decode, measure, each in a fresh process."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from bench import registry
from bench.codec.errors import DamagedReference
from bench.execution import sealed_archive
from bench.execution.gpu_lease import all_gpus, leased_gpu
from bench.execution.job_rows import rows_of
from bench.execution.run_context import RunContext
from bench.execution.supervisor import Outcome, run_worker
from bench.execution.task import Task
from bench.planning.jobs import Job
from bench.planning.references import restore
from bench.results.rows import JobRows, is_clean

ATTEMPTS = 3
"""How often a phase is begun that finds its references altered."""


Progress = Callable[[str, float, str], None]

Outcomes = Mapping[str, Outcome]
"""Phase -> how it ended."""


def run_job(job: Job, context: RunContext, progress: Progress | None = None) -> JobRows:
    """Run ``job`` and return its rows. Whatever the codec does, there are rows.

    An archive that an interrupted run left finished is used again, with the times of its own encoding.

    Raises:
        bench.execution.supervisor.Interrupted: when the run is asked to stop.
    """
    return _done(job, context, progress)[1]


def outcomes_of(job: Job, context: RunContext) -> Outcomes:
    """How the phases of ``job`` ended, as far as it came; see `run_job`."""
    return _done(job, context, None)[0]


def _done(job: Job, context: RunContext, progress: Progress | None) -> tuple[Outcomes, JobRows]:
    outcomes: dict[str, Outcome] = {}
    with _scratch(job, context) as scratch:
        for phase in ("encode", "decode", "measure"):
            attempt = _encoded if phase == "encode" else functools.partial(_on_whole_references, phase)
            outcomes[phase] = attempt(job, context, scratch, progress)
            if outcomes[phase].status != "ok":
                break
        rows = rows_of(job, context, outcomes)
        _put_away_state(job, context, scratch, outcomes["encode"].status)
        _keep(job, context, scratch, failed=not is_clean(rows.whole))
    return outcomes, rows


def encode_whole(job: Job, context: RunContext) -> Outcome:
    """Encode the set of ``job`` alone; an archive that is there is used again."""
    with _scratch(job, context) as scratch:
        outcome = _encoded(job, context, scratch, None)
        _put_away_state(job, context, scratch, outcome.status)
        shutil.rmtree(context.run.failure(job.archive_key), ignore_errors=True)
        if outcome.status != "ok":
            _keep(job, context, scratch, failed=True)
    return outcome


def encoded_before(job: Job, context: RunContext) -> Outcome | None:
    """How the archive was made that an earlier run left, if no shape is missing that another attempt may code.

    Where archives are measured again, whatever is there is taken.
    """
    finished = sealed_archive.finished(context.run.archive(job.archive_key))
    if finished is None or context.remeasure:
        return finished
    return None if _may_be_completed(finished) else finished


def _encoded(job: Job, context: RunContext, scratch: Path, progress: Progress | None) -> Outcome:
    """Encode, or take the archive that is there; another attempt that codes fewer shapes does not replace it."""
    archive = context.run.archive(job.archive_key)
    if (complete := encoded_before(job, context)) is not None:
        return complete
    before = sealed_archive.finished(archive)
    outcome = _on_whole_references("encode", job, context, scratch, progress)
    fewer = before is not None and _missing(outcome) > _missing(before)
    if outcome.status == "ok" and not fewer:
        outcome = sealed_archive.seal(archive, outcome)
    if before is not None and (fewer or outcome.status != "ok"):
        shutil.rmtree(sealed_archive.partial(archive), ignore_errors=True)
        return before
    return outcome


def _missing(outcome: Outcome) -> int:
    """How many shapes an encoder could not code."""
    return len({*outcome.result.get("failures", {}), *outcome.result.get("lost", {})})


def prepare(job: Job, context: RunContext) -> Outcome:
    """Have the codec make what its encoder looks for in the cache, for the shapes of ``context``."""
    with _scratch(job, context) as scratch:
        return _on_whole_references("prepare", job, context, scratch, None)


@contextlib.contextmanager
def _scratch(job: Job, context: RunContext) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    scratch = context.run.path / "scratch" / job.key
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _state(job: Job, context: RunContext) -> Path:
    """Where an encoder works, and finds what it left when it was interrupted or ran out of time: a training's state."""
    return context.run.path / "state" / job.archive_key


def _put_away_state(job: Job, context: RunContext, scratch: Path, status: str) -> None:
    """Drop what an encoder that has ended left; one that ran out of time goes on from there when it is tried again."""
    state = _state(job, context)
    if status == "timeout" or not state.exists():
        return
    if status == "ok":
        shutil.rmtree(state, ignore_errors=True)
    else:
        state.rename(scratch / "encode")
    with contextlib.suppress(OSError):
        state.parent.rmdir()


def lost_job(job: Job, context: RunContext, reason: str) -> JobRows:
    """The rows of a job whose whole worker died with it, most likely for memory."""
    return rows_of(job, context, {"encode": Outcome("out_of_memory", reason, 0.0, 0.0)})


def _on_whole_references(
    phase: str, job: Job, context: RunContext, scratch: Path, progress: Progress | None
) -> Outcome:
    """`_run_phase`, again where a reference was written over: what one codec does to them costs no other its rows."""
    for _ in range(ATTEMPTS - 1):
        outcome = _run_phase(phase, job, context, scratch, progress)
        if outcome.status == "ok" or DamagedReference.__name__ not in outcome.message:
            return outcome
        restore(context.references, context.sources, context.cache)
    return _run_phase(phase, job, context, scratch, progress)


def _run_phase(phase: str, job: Job, context: RunContext, scratch: Path, progress: Progress | None) -> Outcome:
    archive = context.run.archive(job.archive_key)
    if phase == "encode":
        shutil.rmtree(sealed_archive.partial(archive), ignore_errors=True)
    with _device(phase, job, context) as variables:
        return run_worker(
            _task(phase, job, context, scratch),
            scratch,
            memory_limit_mb=context.limits.memory_mb,
            stop=context.stop,
            progress=None if progress is None else lambda fraction, note: progress(phase, fraction, note),
            variables=variables,
        )


def _device(phase: str, job: Job, context: RunContext) -> AbstractContextManager[Mapping[str, str]]:
    """A GPU for the phases of a job that use one, as environment variables of its process."""
    if job.device == "cpu" or phase in ("prepare", "measure") or _asks_for_gpu(phase, job):
        return contextlib.nullcontext({})
    return leased_gpu(context.gpus, context.stop)


def _asks_for_gpu(phase: str, job: Job) -> bool:
    """Whether the worker takes a GPU when it needs one, which may be hours after its start."""
    return phase == "encode" and job.device != "cpu" and registry.get(job.name).asks_for_gpu


def _may_be_completed(outcome: Outcome) -> bool:
    """Whether shapes are missing for want of time, or because the process of others failed: a retry codes them."""
    return bool(outcome.result.get("lost")) or any(
        status == "timeout" for status, _ in outcome.result.get("failures", {}).values()
    )


def _task(phase: str, job: Job, context: RunContext, scratch: Path) -> Task:
    archive = context.run.archive(job.archive_key)
    paths = tuple(reference.path for reference in context.references)
    encoding, measuring = phase in ("prepare", "encode"), phase == "measure"
    return Task(
        phase=phase,
        codec=job.name,
        archive=str(sealed_archive.partial(archive) if encoding else archive),
        decoded=str(scratch / "decoded"),
        scratch=str(_state(job, context) if phase == "encode" else scratch / phase),
        result=str(scratch / f"{phase}.json"),
        seed=job.seed if encoding else 0,
        device="cpu" if phase in ("prepare", "measure") else job.device,
        threads=context.limits.threads,
        timeout_s=context.limits.timeouts.of("encode" if encoding else phase, len(context.references)),
        cache=str(context.cache / "codecs") if encoding else "",
        references=() if phase == "decode" else paths,
        settings=job.settings if encoding else {},
        protocol=dataclasses.asdict(context.protocol) if measuring else {},
        first=context.first,
        max_memory=context.limits.max_memory,
        gpus=(context.gpus or all_gpus()) if _asks_for_gpu(phase, job) else (),
    )


def _keep(job: Job, context: RunContext, scratch: Path, *, failed: bool) -> None:
    """Move what the user asked for, or needs to understand a failure, into the run folder."""
    decoded = context.run.decoded(job.archive_key)
    if context.keep_decoded and (scratch / "decoded").exists():
        shutil.rmtree(decoded, ignore_errors=True)
        decoded.parent.mkdir(exist_ok=True)
        (scratch / "decoded").rename(decoded)
    kept = context.run.failure(job.archive_key)
    shutil.rmtree(kept, ignore_errors=True)
    if failed:
        kept.parent.mkdir(exist_ok=True)
        shutil.rmtree(scratch / "decoded", ignore_errors=True)
        scratch.rename(kept)
