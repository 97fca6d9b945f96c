"""The distribution of faces over a set, against all distributions of small sets."""

from itertools import product

import numpy as np
import pytest

from necgs.mesh.face_budget import MOST_TIMES, candidates, cost, distributed


def test_candidates_lie_around_an_even_share():
    found = candidates(1000)
    assert found == sorted(found)
    assert 1000 in found
    assert found[0] == pytest.approx(1000 / MOST_TIMES, rel=0.3)
    assert found[-1] == pytest.approx(1000 * MOST_TIMES, rel=0.3)
    assert min(candidates(5)) >= 4


def test_rates_have_most_candidates_in_common():
    assert len({*candidates(500)} & {*candidates(1000)}) >= 6


def test_costs_grow_faster_than_faces_and_slower_than_shapes():
    assert cost(2000, 1) > 2 * cost(1000, 1)
    assert cost(1000, 1) < cost(1000, 4) < 4 * cost(1000, 1)


@pytest.mark.parametrize("seed", range(8))
def test_no_distribution_of_that_cost_is_better(seed):
    generator = np.random.default_rng(seed)
    faces = np.array([100, 200, 400, 800])
    # convex curves: every step along them pays less than the one before
    errors = [(scale / faces**power).tolist() for scale, power in generator.uniform([1, 0.5], [9, 1.5], (4, 2))]
    costs = [faces.tolist()] * 4
    chosen = distributed(errors, costs, generator.uniform(500, 3000))
    spent = sum(costs[g][k] for g, k in enumerate(chosen))
    best = min(
        sum(row[k] for row, k in zip(errors, ks, strict=True))
        for ks in product(range(4), repeat=4)
        if sum(faces[list(ks)]) <= spent
    )
    assert sum(row[k] for row, k in zip(errors, chosen, strict=True)) <= 1.02 * best


def test_an_exact_shape_gets_no_more_and_the_first_choice_is_free():
    assert distributed([[0.0, 0.0, 0.0], [3.0, 2.0, 1.0]], [[1, 2, 3], [1, 2, 3]], 4) == [0, 2]
    assert distributed([[5.0, 1.0]], [[10, 20]], 1) == [0]
    assert distributed([], [], 1) == []
