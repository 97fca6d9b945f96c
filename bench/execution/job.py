"""One job from meshes to rows: encode, decode, measure, each in a fresh process."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from bench import machine
from bench.execution import sealed_archive
from bench.execution.gpu_lease import leased_gpu
from bench.execution.supervisor import Outcome, run_worker
from bench.execution.task import FAILURE, Task
from bench.metrics.protocol import Protocol, penalty
from bench.planning.jobs import Job
from bench.planning.limits import Limits
from bench.planning.references import Reference
from bench.results.rows import STATUSES, UNMEASURED, JobRows, Metrics, RowHead, SetRow, ShapeRow, Timing, is_clean
from bench.results.store import RunFolder


@dataclass(frozen=True)
class RunContext:
    """What all jobs of a run share.

    Args:
        protocol: how decoded meshes are measured.
        limits: what a job may use.
        workers: how many jobs run at a time; it stands beside the timings.
        gpus: numbers of the GPUs for jobs that use one; empty: all of the machine on which the job runs.
        keep_decoded: keep the decoded meshes in the run folder.
        stop: set to end the run.
    """

    run: RunFolder
    references: Sequence[Reference]
    cache: Path
    protocol: Protocol
    limits: Limits = field(default_factory=Limits)
    workers: int = 1
    gpus: tuple[int, ...] = ()
    keep_decoded: bool = False
    stop: threading.Event | None = None


Progress = Callable[[str, float, str], None]


@dataclass(frozen=True)
class _ShapeResult:
    status: str
    message: str
    metrics: Mapping[str, float]
    decoded_sha256: str = ""


def run_job(job: Job, context: RunContext, progress: Progress | None = None) -> JobRows:
    """Run ``job`` and return its rows. Whatever the codec does, there are rows.

    An archive that an interrupted run left finished is used again, with the times of its own encoding.

    Raises:
        bench.execution.supervisor.Interrupted: when the run is asked to stop.
    """
    scratch = context.run.path / "scratch" / job.key
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    outcomes: dict[str, Outcome] = {}
    try:
        for phase in ("encode", "decode", "measure"):
            outcomes[phase] = _run_phase(phase, job, context, scratch, progress)
            if outcomes[phase].status != "ok":
                break
        rows = _rows(job, context, outcomes)
        _put_away_state(job, context, scratch, outcomes["encode"].status)
        _keep(job, context, scratch, failed=not is_clean(rows.whole))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return rows


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
    return _rows(job, context, {"encode": Outcome("out_of_memory", reason, 0.0, 0.0)})


def _run_phase(phase: str, job: Job, context: RunContext, scratch: Path, progress: Progress | None) -> Outcome:
    archive = context.run.archive(job.archive_key)
    if phase == "encode":
        finished = sealed_archive.finished(archive)
        if finished and not _ran_out_of_time(finished):
            return finished
        for left_over in (archive, sealed_archive.partial(archive)):
            shutil.rmtree(left_over, ignore_errors=True)
    with _device(phase, job, context) as variables:
        outcome = run_worker(
            _task(phase, job, context, scratch),
            scratch,
            memory_limit_mb=context.limits.memory_mb,
            stop=context.stop,
            progress=None if progress is None else lambda fraction, note: progress(phase, fraction, note),
            variables=variables,
        )
    if phase == "encode" and outcome.status == "ok":
        outcome = sealed_archive.seal(archive, outcome)
    return outcome


def _device(phase: str, job: Job, context: RunContext) -> AbstractContextManager[Mapping[str, str]]:
    """A GPU for the phases of a job that use one, as environment variables of its process."""
    if job.device == "cpu" or phase == "measure":
        return contextlib.nullcontext({})
    return leased_gpu(context.gpus, context.stop)


def _ran_out_of_time(outcome: Outcome) -> bool:
    """Whether shapes are missing for want of time: a retry codes them."""
    return any(status == "timeout" for status, _ in outcome.result.get("failures", {}).values())


def _task(phase: str, job: Job, context: RunContext, scratch: Path) -> Task:
    archive = context.run.archive(job.archive_key)
    paths = tuple(reference.path for reference in context.references)
    encoding, measuring = phase == "encode", phase == "measure"
    return Task(
        phase=phase,
        codec=job.name,
        archive=str(sealed_archive.partial(archive) if encoding else archive),
        decoded=str(scratch / "decoded"),
        scratch=str(_state(job, context) if encoding else scratch / phase),
        result=str(scratch / f"{phase}.json"),
        seed=job.seed if encoding else 0,
        device="cpu" if measuring else job.device,
        threads=context.limits.threads,
        timeout_s=context.limits.timeouts.of(phase, len(context.references)),
        cache=str(context.cache / "codecs") if encoding else "",
        references=() if phase == "decode" else paths,
        settings=job.settings if encoding else {},
        protocol=dataclasses.asdict(context.protocol) if measuring else {},
        max_memory=context.limits.max_memory,
    )


def _shape_results(context: RunContext, outcomes: Mapping[str, Outcome]) -> list[_ShapeResult]:
    """One result per shape: that of the first phase that failed it, else its metrics."""
    failed_set = _failed_set(outcomes)
    measured = outcomes["measure"].result.get("shapes", []) if "measure" in outcomes else []
    results = []
    for index in range(len(context.references)):
        own = next((found for o in outcomes.items() if (found := _lost(*o, index))), None)
        if own is not None:
            results.append(_failed_shape(*own, context))
        elif failed_set is not None:
            results.append(_failed_shape(failed_set.status, failed_set.message, context))
        elif measured[index]["status"] != "ok":
            results.append(_failed_shape(measured[index]["status"], measured[index]["message"], context))
        else:
            shape = measured[index]
            results.append(_ShapeResult("ok", "", shape["metrics"], shape["decoded_sha256"]))
    return results


def _failed_set(outcomes: Mapping[str, Outcome]) -> Outcome | None:
    """The phase that failed the job as a whole."""
    return next((outcome for outcome in outcomes.values() if outcome.status != "ok"), None)


def _lost(phase: str, outcome: Outcome, index: int) -> tuple[str, str] | None:
    """Status and message of a shape that ``phase`` failed; a codec has no other statuses than its own."""
    found = outcome.result.get("failures", {}).get(str(index))
    if found is None:
        return None
    status, message = found
    known = status in STATUSES and status not in ("ok", UNMEASURED)
    return (status if known else FAILURE[phase]), message


def _failed_shape(status: str, message: str, context: RunContext) -> _ShapeResult:
    """A shape without metrics: the penalty stands for them, but not where the harness is at fault."""
    return _ShapeResult(status, message, {} if status == UNMEASURED else penalty(context.protocol))


def _rows(job: Job, context: RunContext, outcomes: Mapping[str, Outcome]) -> JobRows:
    encoded = outcomes["encode"].result
    results = _shape_results(context, outcomes)
    sizes = encoded.get("bytes_shape") or [0] * len(context.references)
    modes = encoded.get("modes", {})
    shapes = [
        _shape_row(job, index, reference, size, modes.get(str(index), ""), result)
        for index, (reference, size, result) in enumerate(zip(context.references, sizes, results, strict=True))
    ]
    failed_set = _failed_set(outcomes)
    unmeasured = sum(result.status == UNMEASURED for result in results)
    whole: SetRow = {
        **_head(job, failed_set.status if failed_set else "ok", failed_set.message if failed_set else ""),
        "kind": "set",
        "shapes": len(results),
        "failed": sum(result.status != "ok" for result in results) - unmeasured,
        "unmeasured": unmeasured,
        "source_bytes": sum(reference.source_bytes for reference in context.references),
        "bytes": encoded.get("bytes", 0),
        "bytes_shared": encoded.get("bytes_shared", 0),
        "ledger": encoded.get("ledger", {}),
        "archive_sha256": encoded.get("archive_sha256", ""),
        "settings": dict(job.settings),
        "codec_version": job.version,
        "workers": context.workers,
        "notes": {key: value for o in outcomes.values() for key, value in o.result.get("notes", {}).items()},
        "encode": _timing(outcomes.get("encode"), context, "encode"),
        "decode": _timing(outcomes.get("decode"), context, "decode"),
        "measure": _timing(outcomes.get("measure"), context, "measure"),
    }
    return JobRows(shapes, whole)


def _shape_row(job: Job, index: int, reference: Reference, size: int, mode: str, result: _ShapeResult) -> ShapeRow:
    return {
        **_head(job, result.status, result.message),
        **cast("Metrics", result.metrics),
        "kind": "shape",
        "index": index,
        "shape": reference.name,
        "category": reference.category,
        "source_bytes": reference.source_bytes,
        "bytes": size,
        "decoded_sha256": result.decoded_sha256,
        "mode": mode,
    }


def _head(job: Job, status: str, message: str) -> RowHead:
    return {
        "job": job.key,
        "archive": job.archive_key,
        "dataset": job.dataset,
        "codec": job.codec,
        "rate": job.rate,
        "seed": job.seed,
        "status": status,
        "message": message,
        "protocol": job.protocol,
        "device": job.device,
        "machine": machine.fingerprint(),
    }


def _timing(outcome: Outcome | None, context: RunContext, phase: str) -> Timing | None:
    if outcome is None:
        return None
    return {
        "wall_s": outcome.wall_s,
        "cpu_s": outcome.result.get("cpu_s"),
        "recalled_s": outcome.result.get("recalled_s", 0.0),
        "phases": outcome.result.get("phases", {}),
        "peak_mb": round(outcome.peak_mb, 1),
        "threads": context.limits.threads,
        "limit_s": context.limits.timeouts.of(phase, len(context.references)),
    }


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
