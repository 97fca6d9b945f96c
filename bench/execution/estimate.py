"""How long the rest of a run will take, from what is known of its jobs and how the run has gone so far."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.execution.pace import Pace, Paces
from bench.planning.jobs import Job

PHASES = ("encode", "decode", "measure")
TRUSTED_FRACTION = 0.2
"""From here on the part of a phase that is done says more of its length than earlier jobs do."""

OVERDUE = 0.05
"""Of its time so far: what a phase that takes longer than expected is thought to need still."""

WEIGHT = 0.5
"""Of a job: how much what was thought before counts beside the jobs that were seen."""

Place = tuple[str, str, str]


@dataclass(frozen=True)
class Running:
    """A job at work.

    Args:
        phase: one of `PHASES`, or what comes before the first report.
        seconds: since the phase began.
        fraction: of the phase that is done, as far as the job told.
    """

    job: Job
    phase: str
    seconds: float
    fraction: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """Seconds until a run ends; without the jobs of which nothing is known, where it is not ``complete``."""

    seconds: float
    complete: bool

    def __str__(self) -> str:
        if not self.complete and not self.seconds:
            return "time left not known yet"
        return f"{'about' if self.complete else 'more than'} {clock(self.seconds)} left"


@dataclass(frozen=True)
class Forecast:
    """What the jobs of a run take.

    Args:
        expected: what a job should take as earlier runs went, by `_place`; None where nothing is known of its codec.
        shapes: data set -> its number of shapes.
        workers: jobs at a time.
        finished: jobs that have ended well, with what they took.
    """

    expected: Mapping[Place, Pace | None]
    shapes: Mapping[str, int]
    workers: int
    finished: list[tuple[Job, Pace]] = field(default_factory=list)

    @classmethod
    def of(
        cls, jobs: Sequence[Job], shapes: Mapping[str, int], workers: int, paces: Paces, *, remeasure: bool = False
    ) -> Forecast:
        """Of ``jobs`` in the order in which they begin, from what is known beforehand.

        The first job of a codec finds nothing of its work in the cache, unless such a job was seen here to find it.

        Args:
            remeasure: whether jobs find their archives and encode nothing.
        """
        expected: dict[Place, Pace | None] = {}
        begun: set[tuple[str, str]] = set()
        for job in jobs:
            pace = paces.of(job)
            if pace is not None and (job.dataset, job.codec) not in begun and not paces.is_own(job):
                pace = replace(pace, encode=pace.encode + pace.recalled)
            begun.add((job.dataset, job.codec))
            expected[_place(job)] = replace(pace, encode=0.0) if pace is not None and remeasure else pace
        return cls(expected, shapes, workers)

    def left(self, waiting: Sequence[Job], running: Sequence[Running] = ()) -> Estimate:
        """Until the jobs at work and then the ``waiting`` ones have ended, as many at a time as there are workers."""
        paces = self._paces_now()
        at_work = [(now, paces(now.job)) for now in running]
        free = [_rest(now, pace, self._count(now.job)) if pace else 0.0 for now, pace in at_work]
        free += [0.0] * (self.workers - len(free))
        heapq.heapify(free)
        end, complete = max(free), all(pace for _, pace in at_work)
        for job in waiting:
            pace = paces(job)
            complete = complete and pace is not None
            if pace is not None:
                done = heapq.heappop(free) + pace.seconds(self._count(job))
                heapq.heappush(free, done)
                end = max(end, done)
        return Estimate(end, complete)

    def _paces_now(self) -> Callable[[Job], Pace | None]:
        """What a job should take as this run goes; None where nothing is known of its codec.

        How the machine compares is told by starting and measuring, which are much the same work whatever the codec, and
        how a codec does by what its rates took to encode and decode.
        """
        harness = [(self._harness(job, now), self._harness(job, before)) for job, now, before in self._seen() if before]
        of_run = _ratio(harness, 1.0)
        known: dict[str, list[tuple[float, float]]] = {}
        unknown: dict[str, list[Pace]] = {}
        for job, now, before in self._seen():
            if before is None:
                unknown.setdefault(job.codec, []).append(now)
            else:
                known.setdefault(job.codec, []).append((now.encode + now.decode, before.encode + before.decode))
        factors = {codec: _ratio(pairs, of_run) for codec, pairs in known.items()}
        means = {codec: Pace.mean(paces) for codec, paces in unknown.items()}

        def pace_now(job: Job) -> Pace | None:
            pace = self.expected[_place(job)]
            if pace is None:
                return means.get(job.codec)
            own = factors.get(job.codec, of_run)
            return Pace(pace.start * of_run, pace.encode * own, pace.decode * own, pace.measure * of_run)

        return pace_now

    def _seen(self) -> Iterator[tuple[Job, Pace, Pace | None]]:
        """Finished jobs: what they took and what they should have taken."""
        return ((job, pace, self.expected[_place(job)]) for job, pace in self.finished)

    def _harness(self, job: Job, pace: Pace) -> float:
        """Seconds of a job that are not the codec's."""
        return pace.start + pace.measure * self._count(job)

    def _count(self, job: Job) -> int:
        return self.shapes.get(job.dataset, 0)


def _place(job: Job) -> Place:
    """Which of a run's jobs it is."""
    return job.dataset, job.codec, job.rate


def _rest(now: Running, pace: Pace, shapes: int) -> float:
    """Seconds that a job at work still needs."""
    whole: dict[str, float] = {phase: pace.start / len(PHASES) + getattr(pace, phase) * shapes for phase in PHASES}
    position = PHASES.index(now.phase) if now.phase in PHASES else 0
    rest = max(whole[PHASES[position]] - now.seconds, OVERDUE * now.seconds)
    # Encoders tell how far a stage is, of which they have several.
    if now.phase in PHASES[1:] and now.fraction > TRUSTED_FRACTION:
        rest = max(now.seconds - pace.start / len(PHASES), 0.0) * (1 - now.fraction) / now.fraction
    return rest + sum(whole[phase] for phase in PHASES[position + 1 :])


def _ratio(pairs: Sequence[tuple[float, float]], otherwise: float) -> float:
    """How many times as long as expected jobs took, from (spent, expected); few of them weigh little."""
    if not any(expected for _, expected in pairs):
        return otherwise
    spent, expected = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    more = WEIGHT * expected / len(pairs)
    return (spent + otherwise * more) / (expected + more)


def clock(seconds: float) -> str:
    """``75`` -> ``1 min 15 s``."""
    total = round(seconds)
    hours, minutes = total // 3600, total % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {total % 60} s" if minutes else f"{total} s"
