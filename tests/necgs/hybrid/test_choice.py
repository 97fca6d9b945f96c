"""The choice of modes against all assignments, one by one."""

from __future__ import annotations

from itertools import product
from math import inf

import numpy as np
import pytest

from necgs.hybrid.choice import Costs, choose


def random_costs(seed: int) -> Costs:
    rng = np.random.default_rng(seed)
    groups = [None if number == 3 else int(number) for number in rng.integers(0, 4, 4)]
    mesh, volume = rng.uniform(0, 10, (2, 4))
    volume[rng.random(4) < 0.2] = inf
    return Costs(mesh.tolist(), volume.tolist(), groups, rng.uniform(0, 12, 3).tolist(), float(rng.uniform(0, 15)))


def test_no_assignment_of_four_shapes_costs_less() -> None:
    chosen = set()
    for seed in range(500):
        costs = random_costs(seed)
        found = choose(costs)
        assert costs.total(found) == pytest.approx(min(costs.total(each) for each in product((False, True), repeat=4)))
        chosen.add(sum(found))
    assert chosen == {0, 1, 2, 3, 4}


def test_the_decoder_is_paid_by_the_shapes_that_need_it() -> None:
    cheaper = Costs([10, 10], [4, 4], [None, None], [], 11.9)
    assert choose(cheaper) == [True, True]
    assert choose(Costs([10, 10], [4, 4], [None, None], [], 12.1)) == [False, False]
    assert choose(Costs([10, 3], [4, 4], [None, None], [], 5.9)) == [True, False]


def test_a_group_is_left_by_all_where_its_part_is_dear() -> None:
    assert choose(Costs([1, 1], [2, 2], [0, 0], [3], 0)) == [True, True]
    assert choose(Costs([1, 1], [2, 2], [0, 0], [1], 0)) == [False, False]


def test_ties_go_to_meshes_and_an_empty_set_has_none() -> None:
    assert choose(Costs([1], [1], [None], [], 0)) == [False]
    assert choose(Costs([], [], [], [], 5)) == []
