"""The order of coding: what loose pieces are predicted from."""

from __future__ import annotations

import numpy as np

from necgs.mesh.level_order import levels_of


def test_loose_pieces_are_predicted_from_the_nearest_of_all_and_of_equally_near_ones_the_first() -> None:
    points = np.random.default_rng(0).integers(-4, 5, (90, 3)) << 10
    coded: list[int] = []
    for level in levels_of(points, np.arange(90).reshape(-1, 3)):
        wanted = min(12, len(coded))
        for vertex, near in zip(level.vertices, level.near, strict=True):
            far = np.floor(np.linalg.norm(points[coded] - points[vertex], axis=1)) if coded else np.zeros(0)
            chosen = np.argsort(far, kind="stable")[:wanted]
            if wanted > 2:  # fewer are found in the vertex's own triangle
                assert near.tolist() == [coded[place] for place in chosen]
        coded += level.vertices.tolist()
    assert sorted(coded) == list(range(90))
