"""What a run will take where that is hours: told before its first job starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import registry
from bench.codec import Context
from bench.planning.jobs import Job
from bench.planning.plan import Plan

WORTH_A_WORD = 600.0
"""Seconds of a job below which nothing is told."""

HINT = {"cpu": "; a GPU is faster: --device cuda"}


def forecasts(plan: Plan, todo: Sequence[Job]) -> Iterator[str]:
    """A line for each codec and data set of the waiting jobs whose codec says how long they will take.

    The codec measures single steps for it (`Codec.expected_seconds`), in this process.
    """
    if plan.request.remeasure:
        return
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in todo:
        groups.setdefault((job.codec, job.dataset), []).append(job)
    for (codec, dataset), jobs in groups.items():
        parts = [text for job in jobs if (text := _expected(plan, job))]
        if parts:
            shapes = len(plan.prepared[dataset].references)
            yield (
                f"{codec} on {shapes} shapes of {dataset}: about {'; '.join(parts)} "
                f"({jobs[0].device}, from steps measured now{HINT.get(jobs[0].device, '')})"
            )


def _expected(plan: Plan, job: Job) -> str:
    """``w8: 43.1 h (fit 14.0, train 29.1)``; empty where it is not worth a word."""
    codec = registry.get(job.name)
    context = Context(scratch=Path(), device=job.device, seed=job.seed, threads=plan.request.limits.threads)
    shapes = len(plan.prepared[job.dataset].references)
    phases = codec.expected_seconds(codec.rate_type.of(job.settings), shapes, context)
    total, limit = sum(phases.values()), plan.request.limits.timeouts.of("encode", shapes)
    if total < WORTH_A_WORD:
        return ""
    text = f"{job.rate}: {_hours(total)} h ({', '.join(f'{name} {_hours(s)}' for name, s in phases.items())})"
    if total > limit:
        enough = 2 * total * plan.request.limits.timeouts.encode / limit
        text += f", more than the {_hours(limit)} h that it is allowed: --timeout {enough:.0f}"
    return text


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f}" if seconds >= 360 else f"{seconds / 3600:.2g}"
