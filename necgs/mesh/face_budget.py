"""How many faces each group of a set gets, so that the set's mean error is least for the bytes.

The same number for all is far from that: a bracket of flat sides is exact at 200 faces, a gearbox poor at 2,000.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

MOST_TIMES = 4
"""A group gets at most so many times the faces of an even share, and at least such a part of them."""
_START = 300
_ROOT, _MEMBER = 1.0, 0.4  # bytes of a vertex of a shape by itself, and of a predicted one
_GROWTH = 1.13  # more faces lie closer to the surface and have finer steps


def candidates(faces: int) -> list[int]:
    """Numbers of faces around an even share, rising: it, and those of a row that all rates have in common."""
    return sorted({faces, *numbers_between(max(4, faces // MOST_TIMES), faces * MOST_TIMES)})


def numbers_between(least: int, most: int) -> list[int]:
    """The numbers from ``least`` to ``most`` of a row that has five to each power of four."""
    first, last = (round(5 * math.log(bound / _START, 4)) for bound in (least, most))
    numbers = [round(_START * 4 ** (step / 5)) for step in range(first - 1, last + 2)]
    return [number for number in numbers if least <= number <= most]


def cost(faces: float, shapes: int) -> float:
    """About how many bytes a group takes, in some unit."""
    return float(faces**_GROWTH * (_ROOT + _MEMBER * (shapes - 1)))


def distributed(errors: Sequence[Sequence[float]], costs: Sequence[Sequence[float]], budget: float) -> list[int]:
    """For each group the number of its choice: least sum of errors for costs of at most ``budget``.

    Args:
        errors, costs: of each group's choices; costs rise.
        budget: the first choices are taken whatever they cost.

    From the first choices on, the step along a group's lower hull that saves most error per cost is taken next
    (the discrete Lagrangian: Shoham and Gersho, Efficient bit allocation for an arbitrary set of quantizers, 1988).
    """
    chosen = [0] * len(errors)
    left = budget - sum(row[0] for row in costs)
    waiting: list[tuple[float, int, int]] = []

    def offer(group: int) -> None:
        now, row, price = chosen[group], errors[group], costs[group]
        slopes = [((row[now] - row[k]) / (price[k] - price[now]), k) for k in range(now + 1, len(row))]
        if slopes and max(slopes)[0] > 0:
            slope, choice = max(slopes)
            heapq.heappush(waiting, (-slope, group, choice))

    for group in range(len(errors)):
        offer(group)
    while waiting:
        _, group, choice = heapq.heappop(waiting)
        extra = costs[group][choice] - costs[group][chosen[group]]
        if extra <= left:
            left -= extra
            chosen[group] = choice
            offer(group)
    return chosen
