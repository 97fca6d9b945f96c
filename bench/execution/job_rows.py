"""From how the phases of a job ended to its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from bench import machine
from bench.execution.run_context import RunContext
from bench.execution.supervisor import Outcome
from bench.execution.task import FAILURE
from bench.metrics.protocol import penalty
from bench.planning.jobs import Job
from bench.planning.references import Reference
from bench.results.rows import STATUSES, UNMEASURED, JobRows, Metrics, RowHead, SetRow, ShapeRow, Timing


@dataclass(frozen=True)
class _ShapeResult:
    status: str
    message: str
    metrics: Mapping[str, float]
    decoded_sha256: str = ""


def rows_of(job: Job, context: RunContext, outcomes: Mapping[str, Outcome]) -> JobRows:
    """The rows of a job of which some phases have ended."""
    encoded = outcomes["encode"].result
    decoded = outcomes["decode"].result if "decode" in outcomes else {}
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
        "decoded_vertices": decoded.get("decoded_vertices", 0),
        "decoded_faces": decoded.get("decoded_faces", 0),
        "cache_made": encoded.get("cache_made", 0),
        "cache_found": encoded.get("cache_found", 0),
        "measure": _timing(outcomes.get("measure"), context, "measure"),
    }
    return JobRows(shapes, whole)


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
    if (lost := outcome.result.get("lost", {}).get(str(index))) is not None:
        return lost[0], lost[1]
    found = outcome.result.get("failures", {}).get(str(index))
    if found is None:
        return None
    status, message = found
    known = status in STATUSES and status not in ("ok", UNMEASURED)
    return (status if known else FAILURE[phase]), message


def _failed_shape(status: str, message: str, context: RunContext) -> _ShapeResult:
    """A shape without metrics: the penalty stands for them, but not where the harness is at fault."""
    return _ShapeResult(status, message, {} if status == UNMEASURED else penalty(context.protocol))


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
        "codec_s": outcome.result.get("codec_s"),
        "phases": outcome.result.get("phases", {}),
        "peak_mb": round(outcome.peak_mb, 1),
        "threads": context.limits.threads,
        "limit_s": context.limits.timeouts.of(phase, len(context.references)),
    }
