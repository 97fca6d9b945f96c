import hashlib

import pytest
from mesh_datasets.choice import described, seeded_choice

NAMES = [f"shape{i:03d}" for i in range(200)]


def test_is_the_documented_draw():
    draws = {name: hashlib.sha256(f"7:{name}".encode()).hexdigest() for name in NAMES}
    expected = sorted(sorted(NAMES, key=draws.__getitem__)[:20])
    assert seeded_choice(NAMES, 20, 7) == expected


def test_golden():
    assert seeded_choice(NAMES, 4, 0) == GOLDEN


GOLDEN = ["shape052", "shape110", "shape118", "shape121"]


def test_smaller_choices_are_part_of_larger_ones_and_seeds_differ():
    small, large = seeded_choice(NAMES, 20, 0), seeded_choice(NAMES, 50, 0)
    assert set(small) < set(large)
    assert seeded_choice(NAMES, 20, 1) != small


def test_does_not_depend_on_the_order_and_keeps_it():
    assert seeded_choice(NAMES[::-1], 20, 0) == seeded_choice(NAMES, 20, 0)[::-1]


def test_one_item_more_changes_at_most_one():
    before, after = seeded_choice(NAMES, 20, 0), seeded_choice([*NAMES, "another"], 20, 0)
    assert len(set(before) - set(after)) <= 1


def test_all_when_there_are_fewer():
    assert seeded_choice(NAMES, 500, 0) == NAMES


@pytest.mark.parametrize(
    ("count", "available", "words"),
    [
        (5, 9, "5 of 9 shapes at random, seed 3"),
        (9, 5, "all 5 shapes that were found; 9 were wanted"),
        (5, 5, "all 5 shapes that were found"),
    ],
)
def test_says_what_was_done(count, available, words):
    assert described(count, available, 3)["selection"] == words
