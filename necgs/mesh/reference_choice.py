"""Which shapes of a group others are predicted from, by how well a rigid neighbourhood carries over (encoder only).

The cost grows linearly with the number of shapes: only a sample of them are candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import Integers
from necgs.mesh.level_order import Level
from necgs.mesh.prediction import QUIET, References, predict

MOST_CANDIDATES = 24
PROBES = 160
MOST_REFERENCES = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """Who is coded from whom.

    Args:
        shared: shapes in the shared part, in their order, the root first.
        sources: for each shape of the group the places in ``shared`` that it is predicted from; none for the root.
    """

    shared: tuple[int, ...]
    sources: tuple[tuple[int, ...], ...]


def candidates_of(count: int) -> list[int]:
    """At most 24 shapes, evenly from all."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, MOST_CANDIDATES))})


def pose_distances(levels: Sequence[Level], shapes: Integers, candidates: Sequence[int]) -> Floats:
    """(candidates, n): mean error, in 2^-20, of shapes (n, v, 3) predicted from each candidate."""
    level = levels[-1]
    keep = slice(None, None, -(-len(level.vertices) // PROBES))
    level = Level(level.vertices[keep], level.near[keep], level.weights[keep], level.distance[keep])
    quiet = np.full(shapes.shape[1], QUIET, dtype=np.int64)
    found = np.zeros((len(candidates), len(shapes)))
    for row, source in enumerate(candidates):
        known = References(shapes[source][None], np.zeros_like(shapes[source][None]))
        for column, shape in enumerate(shapes):
            if column != source:
                missed = predict(level, known, shape, quiet).points - shape[level.vertices]
                found[row, column] = np.linalg.norm(missed, axis=1).mean()
    return found


def scheduled(
    distances: Floats, candidates: Sequence[int], root: int, count: int, wanted: Sequence[int] = ()
) -> Schedule:
    """Choose ``count`` shared shapes, and everyone's sources.

    Args:
        distances: as of `pose_distances`.
        root: the first shared shape, one of the candidates.
        wanted: candidates that must be shared.
    """
    rows = [candidates.index(root)]
    rows += [row for row in (candidates.index(shape) for shape in wanted) if row not in rows]
    while len(rows) < min(count, len(candidates)):
        now = distances[rows].min(axis=0)
        gains = [np.maximum(now - row, 0).sum() - 1e9 * (i in rows) for i, row in enumerate(distances)]
        rows.append(int(np.argmax(gains)))
    shared = tuple(candidates[row] for row in rows)
    sources = []
    for shape in range(distances.shape[1]):
        before = rows[: shared.index(shape)] if shape in shared else rows
        near = np.argsort([distances[row, shape] for row in before], kind="stable")[:MOST_REFERENCES]
        sources.append(tuple(int(place) for place in near))
    return Schedule(shared, tuple(sources))
