"""Damaged inputs of every format: each decodes clean or is refused, in bounded time and memory.

Cases come from (seed, format, number) alone. ``tox -e fuzz`` makes 10,000 a format; a failure says how to do one again.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest

from bench.codec import Context, CorruptArchive
from tests.fuzz import programs
from tests.fuzz.formats import FORMATS, Format
from tests.fuzz.watched import CLEAN, REFUSED, Worker

CASES = int(os.environ.get("BENCH_FUZZ_CASES", "30"))
SEED = os.environ.get("BENCH_FUZZ_SEED", "1")
MOST_FAULTS = 5

pytestmark = pytest.mark.timeout(0 if CASES > 1000 else 300)


@pytest.fixture(autouse=True, scope="module")
def _stand_ins():
    before = dict(os.environ)
    original = programs.pcgcv2._network
    programs.install()
    yield
    os.environ.clear()
    os.environ.update(before)
    programs.pcgcv2._network = original


def prepare(found: Format, pool: list):
    """In a worker: imports and compiles, and shows that the valid cases are valid."""

    def decode_one() -> None:
        found.decode(pool[0], Context())

    return decode_one


@pytest.mark.parametrize("name", FORMATS)
def test_every_damaged_input_is_decoded_or_refused(name, record_property):
    found = FORMATS[name]
    pool = found.pool()
    worker, counts, faults = Worker(found.decode, prepare(found, pool)), Counter(), []
    for case in pool:
        assert worker(case).kind == CLEAN, "a valid input is refused"
    for number in range(CASES // found.one_in):
        verdict = worker(found.damage(Random(f"{SEED}/{name}/{number}"), pool))
        counts[verdict.kind] += 1
        if verdict.fault:
            faults.append(f"seed {SEED}, {name} {number}: {verdict.fault}")
        if len(faults) >= MOST_FAULTS:
            break
    worker.close()
    print(f"{name}: {counts[CLEAN]} clean, {counts[REFUSED]} refused, {len(faults)} faults")
    again = f"again: BENCH_FUZZ_SEED={SEED} python -m tests.fuzz FORMAT NUMBER"
    assert not faults, "\n".join([*faults, again])


@pytest.mark.parametrize("name", [name for name, found in FORMATS.items() if not found.is_document])
def test_a_budget_is_kept(name):
    """A decoder that may use no memory refuses every valid input: each asks before it allocates."""
    found = FORMATS[name]
    case = found.pool()[0]
    # A program that gets no memory crashes before it can be asked for its points.
    with pytest.raises(CorruptArchive, match=r"MiB are allowed|was killed by signal|returned"):
        found.decode(case, Context(max_memory=1))


def test_cases_come_from_the_seed_alone():
    found = FORMATS["draco"]
    pool = found.pool()
    once, again = ([found.damage(Random(f"1/draco/{number}"), pool) for number in range(20)] for _ in range(2))
    assert once == again
    assert len(set(once)) > 15
