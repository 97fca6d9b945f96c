"""What a plan needs of memory and disk, beside what there is: told before its first job starts."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.codec.disk_room import free, nearest, readable
from bench.execution.need import Need
from bench.execution.pace import Paces
from bench.planning.jobs import Job

ROW = 1000
"""Bytes of a shape in ``rows.jsonl``: 996 on average in the default run."""


@dataclass(frozen=True)
class PlanNeed:
    """What the waiting jobs of a plan need, in bytes.

    Args:
        jobs: label, and the bounds of its memory, of each job of which that is known.
        run: comes to the run folder.
        decoded: meshes that lie there while their jobs are measured, should the largest be at work at a time.
        cache: comes to the cache.
        unknown: codecs of which nothing is known: they are in no sum.
    """

    jobs: tuple[tuple[str, tuple[float, float]], ...]
    run: float
    decoded: float
    cache: float
    unknown: tuple[str, ...]

    @classmethod
    def of(
        cls,
        todo: Sequence[Job],
        shapes: Mapping[str, int],
        workers: int,
        paces: Paces,
        *,
        one_by_one: Collection[str] = (),
        remeasure: bool = False,
        keep_decoded: bool = False,
    ) -> PlanNeed:
        """Of the jobs ``todo``, in the order in which they begin.

        The first job of a codec makes what others of its rates find in the cache.

        Args:
            shapes: data set -> its number of shapes.
            workers: jobs at a time.
            one_by_one: codecs that treat each shape alone: a larger set takes them no more memory.
            remeasure: whether jobs find their archives and encode nothing.
            keep_decoded: whether decoded meshes stay.
        """
        known: list[tuple[Job, Need]] = []
        cache, begun = 0.0, set()
        for job in todo:
            if (need := paces.need(job)) is not None:
                known.append((job, need))
                first = (job.dataset, job.codec) not in begun
                cache += shapes[job.dataset] * (need.made + (need.found if first else 0.0))
                begun.add((job.dataset, job.codec))
        decoded = [shapes[job.dataset] * need.decoded for job, need in known]
        archives = sum(shapes[job.dataset] * need.archive for job, need in known)
        rows = sum(shapes[job.dataset] * ROW for job, _ in known)
        return cls(
            tuple(
                (job.label, need.memory_bounds(need.shapes if job.codec in one_by_one else shapes[job.dataset]))
                for job, need in known
            ),
            rows + (0.0 if remeasure else archives) + (sum(decoded) if keep_decoded else 0.0),
            0.0 if keep_decoded else sum(heapq.nlargest(workers, decoded)),
            0.0 if remeasure else cache,
            tuple(dict.fromkeys(job.codec for job in todo if paces.need(job) is None)),
        )

    def memory(self, workers: int) -> tuple[float, float]:
        """Bytes between which the jobs at work hold together, should the largest be at work at a time."""
        least, most = zip(*(bounds for _, bounds in self.jobs), strict=True)
        return sum(heapq.nlargest(workers, least)), sum(heapq.nlargest(workers, most))

    def workers_within(self, room: float, bound: int, workers: int) -> int:
        """How many jobs at a time, of at most so many, have room by the lower (0) or upper (1) bound; 0 for none."""
        return max((n for n in range(1, workers + 1) if self.memory(n)[bound] <= room), default=0)


@dataclass(frozen=True)
class Room:
    """What there is, in bytes.

    Args:
        memory: that is free; None where jobs run on other machines.
        job: memory at which a job is killed; None where that is another machine's.
        run, cache: of the disks on which the folders lie.
        one_disk: whether that is the same disk.
    """

    memory: float | None
    job: float | None
    run: float
    cache: float
    one_disk: bool

    @classmethod
    def of(cls, run: Path, cache: Path, job: float | None) -> Room:
        """Now, on this machine; ``job`` as above: None where jobs run on other machines."""
        import psutil

        memory = None if job is None else float(psutil.virtual_memory().available)
        same = nearest(run).stat().st_dev == nearest(cache).stat().st_dev
        return cls(memory, job, free(run), free(cache), same)


def need_lines(need: PlanNeed, room: Room, workers: int) -> Iterator[str]:
    """What a plan needs, and a line for each thing of which there is too little; nothing where nothing is known."""
    if need.jobs:
        yield _need_line(need, room, workers)
        yield from _memory_warnings(need, room, workers)
        yield from _disk_warnings(need, room)


def _need_line(need: PlanNeed, room: Room, workers: int) -> str:
    least, most = map(readable, need.memory(workers))
    there = "" if room.memory is None else f" ({readable(room.memory)} free)"
    parts = [f"{f'at most {most}' if least == most else f'{least} to {most}'} of memory{there}"]
    parts.append(f"about {readable(need.run)} in the run folder")
    if need.decoded:
        parts.append(f"{readable(need.decoded)} there for decoded meshes while jobs work")
    if need.cache:
        parts.append(f"{readable(need.cache)} in the cache")
    disks = readable(room.run) if room.one_disk else f"{readable(room.run)} and {readable(room.cache)}"
    without = f"; not counted, for nothing is known of it: {', '.join(need.unknown)}" if need.unknown else ""
    return f"it needs {', '.join(parts)} ({disks} of disk free){without}"


def _memory_warnings(need: PlanNeed, room: Room, workers: int) -> Iterator[str]:
    if room.memory is None or room.job is None:
        return
    for bound, words in enumerate(("does not suffice", "may not suffice, should it all grow with the set")):
        if need.memory(workers)[bound] > room.memory:
            fits = need.workers_within(room.memory, bound, workers)
            remedy = (
                f"--workers {fits} has room" if fits else "not even for one job; free some, or take less: --limit N"
            )
            yield f"warning: the memory {words}: {remedy}"
            break
    label, (least, _) = max(need.jobs, key=lambda job: job[1])
    if least > room.job:
        yield (
            f"warning: {label} held {readable(least)} before, and is stopped here at {readable(room.job)}: "
            "fewer --workers or another --memory-limit give it more"
        )


def _disk_warnings(need: PlanNeed, room: Room) -> Iterator[str]:
    run = need.run + need.decoded
    if room.one_disk:
        wants = [(run + need.cache, room.run, "run folder and cache", "--out or --cache")]
    else:
        wants = [(run, room.run, "the run folder", "--out"), (need.cache, room.cache, "the cache", "--cache")]
    for wanted, there, what, option in wants:
        if wanted > there:
            yield (
                f"warning: {what} will take {readable(wanted)} of disk, {readable(there)} are free: "
                f"free some, or name a folder on another disk with {option}"
            )
