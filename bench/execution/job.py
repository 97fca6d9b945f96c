"""One job from meshes to rows: encode, decode, measure, each in a fresh process."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.codec import Archive, CodecError
from bench.codec.atomic_write import write_atomically
from bench.execution.supervisor import Outcome, run_worker
from bench.execution.task import Task
from bench.planning.jobs import Job
from bench.planning.profile import Timeouts
from bench.planning.references import Reference
from bench.results.store import Row, RunFolder


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of a run share.

    Args:
        protocol: fields of the metric protocol.
        penalty: metrics of a shape that failed.
        threads: CPU threads a job may use.
        workers: how many jobs run at a time; it stands beside the timings.
        keep_decoded: keep the decoded meshes in the run folder.
        stop: set to end the run.
    """

    run: RunFolder
    references: Sequence[Reference]
    cache: Path
    protocol: Mapping[str, Any]
    penalty: Mapping[str, float]
    timeouts: Timeouts = field(default_factory=Timeouts)
    threads: int = 1
    workers: int = 1
    memory_limit_mb: float | None = None
    keep_decoded: bool = False
    stop: threading.Event | None = None


Progress = Callable[[str, float, str], None]


@dataclass(frozen=True)
class _ShapeResult:
    status: str
    message: str
    metrics: Mapping[str, float]
    decoded_sha256: str = ""


def run_job(job: Job, around: Surroundings, progress: Progress | None = None) -> list[Row]:
    """Run ``job`` and return its rows, shape rows first, the set row last. Whatever the codec does, it returns rows.

    An archive that an interrupted run left finished is used again, with the times of its own encoding.

    Raises:
        bench.execution.supervisor.Interrupted: when the run is asked to stop.
    """
    scratch = around.run.path / "scratch" / job.key
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    outcomes: dict[str, Outcome] = {}
    try:
        for phase in ("encode", "decode", "measure"):
            outcomes[phase] = _run_phase(phase, job, around, scratch, progress)
            if outcomes[phase].status != "ok":
                break
        rows = _rows(job, around, outcomes)
        _keep(job, around, scratch, failed=rows[-1]["failed"] > 0)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return rows


def _run_phase(phase: str, job: Job, around: Surroundings, scratch: Path, progress: Progress | None) -> Outcome:
    archive = around.run.archive(job.archive_key)
    if phase == "encode":
        finished = _finished_archive(archive)
        if finished:
            return finished
        for left_over in (archive, _partial(archive)):
            shutil.rmtree(left_over, ignore_errors=True)
    outcome = run_worker(
        _task(phase, job, around, scratch),
        scratch,
        memory_limit_mb=around.memory_limit_mb,
        stop=around.stop,
        progress=None if progress is None else lambda fraction, note: progress(phase, fraction, note),
    )
    if phase == "encode" and outcome.status == "ok":
        outcome = _seal(archive, outcome)
    return outcome


def _task(phase: str, job: Job, around: Surroundings, scratch: Path) -> Task:
    archive = around.run.archive(job.archive_key)
    paths = tuple(reference.path for reference in around.references)
    encoding, measuring = phase == "encode", phase == "measure"
    return Task(
        phase=phase,
        codec=job.name,
        archive=str(_partial(archive) if encoding else archive),
        decoded=str(scratch / "decoded"),
        scratch=str(scratch / phase),
        result=str(scratch / f"{phase}.json"),
        seed=job.seed if encoding else 0,
        device="cpu" if measuring else job.device,
        threads=around.threads,
        timeout_s=getattr(around.timeouts, phase),
        cache=str(around.cache / "codecs") if encoding else "",
        references=() if phase == "decode" else paths,
        settings=job.settings if encoding else {},
        protocol=around.protocol if measuring else {},
    )


def _partial(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.part")


def _record(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.json")


def _seal(archive: Path, outcome: Outcome) -> Outcome:
    """Give a fresh archive its name and note beside it how it was made. Its size is that of the files."""
    partial = _partial(archive)
    on_disk = sum(path.stat().st_size for path in partial.iterdir())
    if on_disk != outcome.result["bytes"]:
        message = f"encode: {on_disk} bytes lie on disk, the codec claims {outcome.result['bytes']}"
        return dataclasses.replace(outcome, status="encode_failed", message=message)
    result = {**outcome.result, "archive_sha256": _digest(partial)}
    outcome = dataclasses.replace(outcome, result=result)
    write_atomically(_record(archive), json.dumps(dataclasses.asdict(outcome)))
    partial.rename(archive)
    return outcome


def _finished_archive(archive: Path) -> Outcome | None:
    """What `_seal` noted, if the archive is still what it was."""
    try:
        outcome = Outcome(**json.loads(_record(archive).read_text()))
        Archive.read(archive)
        return outcome if outcome.result["archive_sha256"] == _digest(archive) else None
    except (OSError, ValueError, KeyError, TypeError, CodecError):
        return None


def _digest(folder: Path) -> str:
    """sha256 over the names, sizes and bytes of the files of an archive."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _shape_results(around: Surroundings, outcomes: Mapping[str, Outcome]) -> list[_ShapeResult]:
    """One result per shape: that of the first phase that failed it, else its metrics."""
    failed_set = next((o for o in outcomes.values() if o.status != "ok"), None)
    measured = outcomes["measure"].result.get("shapes", []) if "measure" in outcomes else []
    results = []
    for index in range(len(around.references)):
        own = next((o.result["failures"][str(index)] for o in outcomes.values() if _lost(o, index)), None)
        if own is not None:
            results.append(_ShapeResult(own[0], own[1], around.penalty))
        elif failed_set is not None:
            results.append(_ShapeResult(failed_set.status, failed_set.message, around.penalty))
        else:
            shape = measured[index]
            metrics = {**around.penalty, **shape.get("metrics", {})}
            results.append(_ShapeResult(shape["status"], shape["message"], metrics, shape.get("decoded_sha256", "")))
    return results


def _lost(outcome: Outcome, index: int) -> bool:
    return str(index) in outcome.result.get("failures", {})


def _rows(job: Job, around: Surroundings, outcomes: Mapping[str, Outcome]) -> list[Row]:
    common = {
        "job": job.key,
        "archive": job.archive_key,
        "dataset": job.dataset,
        "codec": job.codec,
        "rate": job.rate,
        "seed": job.seed,
        "device": job.device,
        "protocol": job.protocol,
    }
    encoded = outcomes["encode"].result
    results = _shape_results(around, outcomes)
    sizes = encoded.get("bytes_shape") or [0] * len(around.references)
    rows = [
        {
            **common,
            "kind": "shape",
            "index": index,
            "shape": reference.name,
            "category": reference.category,
            "source_bytes": reference.source_bytes,
            "bytes": sizes[index],
            "status": result.status,
            "message": result.message,
            "decoded_sha256": result.decoded_sha256,
            **result.metrics,
        }
        for index, (reference, result) in enumerate(zip(around.references, results, strict=True))
    ]
    failed_set = next((o for o in outcomes.values() if o.status != "ok"), None)
    rows.append(
        {
            **common,
            "kind": "set",
            "status": failed_set.status if failed_set else "ok",
            "message": failed_set.message if failed_set else "",
            "shapes": len(results),
            "failed": sum(result.status != "ok" for result in results),
            "source_bytes": sum(reference.source_bytes for reference in around.references),
            "bytes": encoded.get("bytes", 0),
            "bytes_shared": encoded.get("bytes_shared", 0),
            "ledger": encoded.get("ledger", {}),
            "archive_sha256": encoded.get("archive_sha256", ""),
            "settings": dict(job.settings),
            "codec_version": job.version,
            "workers": around.workers,
            "notes": {key: value for o in outcomes.values() for key, value in o.result.get("notes", {}).items()},
            **{phase: _timing(outcomes.get(phase), around.threads) for phase in ("encode", "decode", "measure")},
        }
    )
    return rows


def _timing(outcome: Outcome | None, threads: int) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {
        "wall_s": outcome.wall_s,
        "cpu_s": outcome.result.get("cpu_s"),
        "recalled_s": outcome.result.get("recalled_s", 0.0),
        "phases": outcome.result.get("phases", {}),
        "peak_mb": round(outcome.peak_mb, 1),
        "threads": threads,
    }


def _keep(job: Job, around: Surroundings, scratch: Path, *, failed: bool) -> None:
    """Move what the user asked for, or needs to understand a failure, into the run folder."""
    decoded = around.run.decoded(job.archive_key)
    if around.keep_decoded and (scratch / "decoded").exists():
        shutil.rmtree(decoded, ignore_errors=True)
        decoded.parent.mkdir(exist_ok=True)
        (scratch / "decoded").rename(decoded)
    kept = around.run.failure(job.archive_key)
    shutil.rmtree(kept, ignore_errors=True)
    if failed:
        kept.parent.mkdir(exist_ok=True)
        shutil.rmtree(scratch / "decoded", ignore_errors=True)
        scratch.rename(kept)
