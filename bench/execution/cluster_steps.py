"""The tasks of a job on a cluster: one for a small set; for a larger one its portions, before and after it is encoded.

A codec that treats each shape alone takes each portion from mesh to row. Any other encodes the set as a whole, in one
task; volumes or whatever else it finds in the cache are made before, decoding and measuring are done after, both in
portions.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from bench import registry
from bench.codec import Codec
from bench.execution.cluster import ClusterTask, Steps, make_room
from bench.execution.job import Outcomes, encode_whole, encoded_before, lost_job, prepare, run_job
from bench.execution.job_rows import rows_of
from bench.execution.portions import Span, context_of, forget, joined, run_portion
from bench.execution.run_context import RunContext
from bench.execution.supervisor import Outcome
from bench.planning.jobs import Job
from bench.results.rows import JobRows

T = TypeVar("T")

FIRST = 1
"""Priority of what others of the job wait for: encoding a set is a run's longest task, and must not begin last."""


def steps_of(job: Job, context: RunContext, each: int) -> Steps:
    """The steps of a job, ``each`` shapes or fewer a task."""
    spans, codec = Span.all_of(len(context.references), each), registry.get(job.name)
    encoded = encoded_before(job, context) if len(spans) > 1 else None
    if len(spans) > 1 and encoded is None and (preparing := _preparing(job, context, codec, spans)):
        yield preparing
    if len(spans) < 2 or not codec.decodes_shapes_alone():
        whole = functools.partial(_with_room, run_job, job, context)
        (done,) = yield [ClusterTask(job.key, whole, lambda reason: lost_job(job, context, reason))]
        rows: JobRows = done
        forget(job, context)
        return rows
    if encoded is None and not codec.encodes_shapes_alone():
        encode = functools.partial(_with_room, encode_whole, job, context)
        (encoded,) = yield [ClusterTask(f"{job.key}-encode", encode, _lost, FIRST)]
        if encoded.status != "ok":
            forget(job, context)
            return rows_of(job, context, {"encode": encoded})
    found = yield [_portion(job, context, span, encoded) for span in spans]
    return joined(job, context, list(zip(spans, found, strict=True)), encoded)


def _with_room(call: Callable[..., T], job: Job, context: RunContext, *more: Any) -> T:
    """What a worker does: while a job waits for a GPU, its worker takes another."""
    if job.device != "cpu":
        make_room()
    return call(job, context, *more)


def _lost(reason: str) -> Outcome:
    return Outcome("out_of_memory", reason, 0.0, 0.0)


def _preparing(job: Job, context: RunContext, codec: Codec, spans: list[Span]) -> list[ClusterTask]:
    """What the codec's encoder will look for in the cache; jobs that look for the same share the tasks."""
    name = codec.preparation(codec.rate_type.of(job.settings))
    if not name:
        return []
    same = hashlib.sha256(f"{job.dataset} {job.shapes} {job.name} {job.seed} {name}".encode()).hexdigest()[:20]
    return [
        ClusterTask(
            f"prepare-{same}-{span.first}",
            functools.partial(prepare, job, context_of(job, context, span)),
            _lost,
            FIRST,
        )
        for span in spans
    ]


def _portion(job: Job, context: RunContext, span: Span, encoded: Outcome | None) -> ClusterTask:
    """A portion of a set that was encoded as a whole, or of one that is not encoded."""
    call = functools.partial(run_portion, job, context_of(job, context, span), None)
    if encoded is not None:
        whole = context.run.archive(job.archive_key), encoded.result["archive_sha256"]
        call = functools.partial(run_portion, job, context_of(job, context, span), *whole)

    def lost(reason: str) -> Outcomes:
        return {"encode" if encoded is None else "decode": _lost(reason)}

    return ClusterTask(f"{job.key}-{span.first}", call, lost)
