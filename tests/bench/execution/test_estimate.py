"""The remaining time of a run, replayed from the seconds of a real one: 38 jobs of 48 shapes on two cores.

``default_run.csv`` has those of the table; ``older_run.csv`` is of an earlier run, with earlier versions of `necgs` and
`meshset`, which took up to twice as long.
"""

from __future__ import annotations

import csv
import dataclasses
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bench import registry
from bench.execution.estimate import PHASES, Estimate, Forecast, Running, clock
from bench.execution.need import Need
from bench.execution.pace import SHIPPED, Pace, PaceBook, Paces
from bench.planning.jobs import Job

SHAPES, WORKERS = 48, 2
TABLE = PaceBook(SHIPPED).entries()


def job(codec: str, rate: str = "1", name: str = "") -> Job:
    fields = dict.fromkeys(("version", "protocol", "shapes"), "1")
    return Job(
        **fields, dataset="sample", device="cpu", codec=codec, name=name or codec, rate=rate, settings={}, seed=0
    )


@dataclass(frozen=True)
class Seen:
    """A job of the run, when it began, and what it took."""

    job: Job
    began: float
    pace: Pace

    @property
    def end(self) -> float:
        return self.began + self.pace.seconds(SHAPES)

    def at(self, now: float) -> Running:
        """How the job looks at a time at which it runs."""
        spent, start = now - self.began, self.pace.start / len(PHASES)
        for phase in PHASES:
            seconds = SHAPES * getattr(self.pace, phase)
            if spent <= start + seconds or phase == PHASES[-1]:
                fraction = 0.9 if phase == "encode" else max(spent - start, 0.0) / seconds
                return Running(self.job, phase, spent, fraction)
            spent -= start + seconds
        raise AssertionError


def real_run(slower: float = 1.0, name: str = "default_run.csv") -> list[Seen]:
    """The run as it went, or on a machine that takes ``slower`` times as long."""
    free, jobs = [0.0] * WORKERS, []
    with Path(__file__).with_name(name).open() as file:
        for row in csv.DictReader(file):
            phases = {phase: float(row[f"{phase}_s"]) / SHAPES for phase in PHASES}
            pace = Pace(start=float(row["start_s"]), **phases).scaled(slower)
            jobs.append(Seen(job(row["codec"], row["rate"]), heapq.heappop(free), pace))
            heapq.heappush(free, jobs[-1].end)
    return jobs


def estimates(run: list[Seen], paces: Paces) -> Iterator[tuple[float, float, Estimate]]:
    """(time, seconds that were really left, estimate) whenever a job ends, and every minute."""
    forecast = Forecast.of([seen.job for seen in run], {"sample": SHAPES}, WORKERS, paces)
    whole = max(seen.end for seen in run)
    for now in sorted({*(seen.end for seen in run), *np.arange(0.0, whole, 60.0)}):
        forecast.finished[:] = [(seen.job, seen.pace) for seen in run if seen.end <= now]
        running = [seen.at(now) for seen in run if seen.began <= now < seen.end]
        yield now / whole, whole - now, forecast.left([seen.job for seen in run if seen.began > now], running)


def worst(run: list[Seen], table: dict[str, Pace], after: float = 0.25, before: float = 1.0) -> float:
    """By which factor the estimates are off at most in a part of the run, down to its last half minute."""
    told = [found for found in estimates(run, Paces({}, table)) if after <= found[0] <= before and found[1] > 30]
    assert len(told) > 30
    assert all(estimate.complete for *_, estimate in told)
    return max(max(estimate.seconds / left, left / estimate.seconds) for _, left, estimate in told)


def test_a_run_like_the_table_is_known_from_its_beginning():
    assert worst(real_run(), TABLE, after=0.0) < 1.5


@pytest.mark.parametrize("slower", [0.4, 2.0, 4.0])
def test_another_machine_is_known_after_the_first_quarter(slower):
    assert worst(real_run(slower), TABLE) < 1.5


def test_an_older_version_of_the_codecs_is_known_from_the_beginning():
    assert worst(real_run(name="older_run.csv"), TABLE, after=0.0) < 1.5


@pytest.mark.parametrize("seed", range(8))
def test_another_version_of_the_codecs(seed):
    """Each encodes and decodes in 0.6 to 1.6 times the seconds of the table."""
    random = np.random.default_rng(seed)
    run = real_run()
    factors = {codec: 1.6 ** random.uniform(-1, 1) for codec in sorted({seen.job.codec for seen in run})}
    own = {key: pace for key, pace in TABLE.items() if key.split(" ")[0] in factors}
    assert worst(run, {key: recoded(pace, factors[key.split(" ")[0]]) for key, pace in own.items()}) < 1.5


def recoded(pace: Pace, factor: float) -> Pace:
    return dataclasses.replace(pace, encode=factor * pace.encode, decode=factor * pace.decode)


def test_rates_that_the_table_does_not_have_go_by_the_mean_of_their_codec():
    table = {key.replace(" ", " other-", 1): pace for key, pace in TABLE.items()}
    assert worst(real_run(), table, before=0.7) < 1.5  # then one long rate is left, which the mean falls short of


def test_codecs_that_nobody_has_seen_are_said_to_be_missing():
    table = {key: pace for key, pace in TABLE.items() if not key.startswith("octree")}
    told = list(estimates(real_run(), Paces({}, table)))
    assert str(told[0][2]).startswith("more than ")
    assert str(told[-1][2]).startswith("about ")


def test_shared_work_costs_the_first_of_a_codecs_jobs():
    pace = Pace(start=1.0, encode=1.0, decode=0.0, measure=0.0, recalled=3.0)
    jobs = [job("a", rate) for rate in "12"]
    paces = Paces({}, {f"a {rate} cpu 1": pace for rate in "12"})
    assert Forecast.of(jobs, {"sample": 10}, 1, paces).left(jobs).seconds == (1 + 40) + (1 + 10)
    assert Forecast.of(jobs, {"sample": 10}, 1, paces, remeasure=True).left(jobs).seconds == 2


def test_the_longest_of_the_last_jobs_decides():
    jobs = [job(codec) for codec in "abc"]
    paces = Paces({}, {f"{codec} 1 cpu 1": Pace(s, 0.0, 0.0, 0.0) for codec, s in (("a", 10), ("b", 10), ("c", 100))})
    assert Forecast.of(jobs, {"sample": 1}, 2, paces).left(jobs).seconds == 110
    assert Forecast.of(jobs, {"sample": 1}, 3, paces).left(jobs).seconds == 100


def test_the_rates_of_a_codec_that_nobody_knew_stand_for_one_another():
    jobs = [job("a", rate) for rate in "123"]
    forecast = Forecast.of(jobs, {"sample": 2}, 1, Paces({}, {}))
    assert str(forecast.left(jobs)) == "time left not known yet"
    forecast.finished.extend([(jobs[0], Pace(0.0, 10.0, 2.0, 3.0)), (jobs[1], Pace(0.0, 20.0, 2.0, 3.0))])
    assert forecast.left(jobs[2:]) == Estimate(40.0, True)


def test_a_variant_goes_by_the_rate_that_it_varies():
    paces = Paces({}, {"a 1 cpu 7": Pace(1.0, 2.0, 3.0, 4.0)})
    assert paces.of(job("a:b=c", name="a")) == Pace(1.0, 2.0, 3.0, 4.0)
    assert paces.of(dataclasses.replace(job("a"), device="cuda")) is None


def test_what_a_job_needs_goes_by_the_nearest_that_is_known():
    small, large = Need(100.0, 4, 1.0, 2.0), Need(50.0, 8, 3.0, 1.0)
    first, second = Pace(1.0, 1.0, 1.0, 1.0, need=small), Pace(1.0, 1.0, 1.0, 1.0, need=large)
    old = Pace(1.0, 1.0, 1.0, 1.0)
    table = {"a 1 cpu 7": first, "a 2 cpu 7": second}
    assert Paces({"a 1 cpu 1": second}, table).need(job("a")) == large
    assert Paces({"a 1 cpu 1": old}, table).need(job("a")) == small
    assert Paces({}, table).need(job("a", "3")) == Need(100.0, 4, 3.0, 2.0)
    assert Paces({"a 1 cpu 1": old}, {}).need(job("a")) is None
    assert Paces({}, table).need(dataclasses.replace(job("a"), device="cuda")) is None


def test_the_table_tells_what_every_job_needs():
    in_run = {seen.job.codec for seen in real_run()}
    for key, pace in TABLE.items():
        assert pace.need is not None
        assert pace.need.shapes == SHAPES or key.split(" ")[0] not in in_run


def test_fewer_samples_are_measured_sooner():
    paces = Paces({}, {"a 1 cpu 1": Pace(1.0, 2.0, 3.0, 4.0)}, samples=25_000)
    assert paces.of(job("a")) == Pace(1.0, 2.0, 3.0, 1.0)


def test_a_machine_that_has_run_some_jobs_is_compared_by_them():
    table = {f"{codec} 1 cpu 1": Pace(1.0, 1.0, 0.0, 0.0) for codec in "ab"}
    own = {"a 1 cpu 1": Pace(3.0, 3.0, 0.0, 0.0)}
    assert Paces(own, table).of(job("b")) == Pace(3.0, 3.0, 0.0, 0.0)


def test_slow_starts_say_little_of_how_shapes_go():
    """Processes of large sets start under load, in minutes; the shapes went as on the table's machine."""
    table = {f"{codec} 1 cpu 1": Pace(20.0, 5.0, 0.0, 0.0) for codec in "ab"}
    found = Paces({"a 1 cpu 1": Pace(460.0, 5.0, 0.0, 0.0)}, table).of(job("b"))
    assert found.encode < 3 * 5.0


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (75, "1 min 15 s"), (7300, "2 h 1 min")])
def test_times_are_readable(seconds, text):
    assert clock(seconds) == text


def test_a_rate_whose_settings_a_profile_changes_has_a_pace_of_its_own(tmp_path):
    codec = registry.get("draco")
    usual = codec.rate_type.of(codec.ladder["q8"]).settings()
    own = Job("x", "draco", "draco", "q8", usual, "1", 0, "cpu", "p", "s")
    other = dataclasses.replace(own, settings={**usual, "bits": 6})
    book = PaceBook(tmp_path / "paces.json")
    book.note(other, Pace(1.0, 1.0, 1.0, 1.0))
    assert book.paces().is_own(other)
    assert not book.paces().is_own(own)
