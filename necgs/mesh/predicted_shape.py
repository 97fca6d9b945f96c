"""One shape of a group, coded from reference shapes level by level; and the choice of its codes.

Codes are chosen for least distortion plus price of the bits: a residual may also be rounded towards zero, or dropped.
After each level an encoder may move what is not coded yet, to make good for what the coded vertices missed.
"""

# mypy: disable-error-code="arg-type,assignment,call-arg,misc,no-any-return,return-value"
# Compiled code does not tell int from np.int64.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from necgs.mesh.binary_coder import Coder, Integers
from necgs.mesh.fixed_point import CUBE
from necgs.mesh.level_order import Level
from necgs.mesh.prediction import QUIET, Prediction, References, displace, predict
from necgs.mesh.residual_model import ResidualModel, code_residuals

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Refit = Callable[[Mask, Floats], Floats]
"""Coded vertices (v,) bool and all positions (v, 3) as they are or will be -> targets (v, 3)."""

MOST_CODE = 1 << 19
REFIT_FROM = 0.2
"""Share of the vertices that must be coded before the others are refitted: earlier it costs time, and bytes as well."""


@dataclass(frozen=True)
class Choice:
    """A shape's codes, level by level, and what they decode to.

    Args:
        points: (v, 3) int64 in 2^-20.
        features: per level (m, 5).
        codes: per level (m, 3).
    """

    points: Integers
    features: tuple[Integers, ...]
    codes: tuple[Integers, ...]


@dataclass(frozen=True)
class Target:
    """What a shape should be.

    Args:
        points: (v, 3) float64, in the cube.
        hessians: (v, 3, 3): moving a vertex by d costs d^T H d / 2; None: codes are the nearest ones.
        price: of a bit in the same unit.
        refit: see `Refit`.
    """

    points: Floats
    hessians: Floats | None = None
    price: float = 0.0
    refit: Refit | None = None


def choose(
    levels: tuple[Level, ...], known: References, target: Target, steps: Integers, model: ResidualModel
) -> Choice:
    """Choose the codes of a shape: ``steps`` (3,) int64 along normal and tangents, in 2^-20."""
    count = len(target.points)
    wanted, coded = target.points * CUBE, np.zeros(count, dtype=bool)
    current, activity = np.zeros((count, 3), dtype=np.int64), np.full(count, QUIET, dtype=np.int64)
    features, codes = [], []
    for level in levels:
        seen = predict(level, known, current, activity)
        picked = _pick(level, seen, wanted, target, steps, model)
        _place(level, seen, picked, steps, current, activity)
        coded[level.vertices] = True
        features.append(seen.features)
        codes.append(picked)
        if target.refit is not None and not coded.all() and coded.sum() >= REFIT_FROM * count:
            now = np.where(coded[:, None], current, wanted) / CUBE
            wanted = np.asarray(target.refit(coded, now), dtype=np.float64) * CUBE
    return Choice(current, tuple(features), tuple(codes))


def write_choice(coder: Coder, choice: Choice, steps: Integers, model: ResidualModel) -> None:
    """Append a shape's codes."""
    table = model.fresh()
    for features, codes in zip(choice.features, choice.codes, strict=True):
        code_residuals(coder, codes, model.classes(features, steps), table)


def read_points(
    coder: Coder, levels: tuple[Level, ...], known: References, steps: Integers, model: ResidualModel
) -> Integers:
    """Points (v, 3) int64 in 2^-20 of a shape; any points for damaged data."""
    count = known.points.shape[1]
    current, activity = np.zeros((count, 3), dtype=np.int64), np.full(count, QUIET, dtype=np.int64)
    table = model.fresh()
    for level in levels:
        seen = predict(level, known, current, activity)
        nothing = np.zeros((len(level.vertices), 3), dtype=np.int64)
        codes = code_residuals(coder, nothing, model.classes(seen.features, steps), table)
        _place(level, seen, codes, steps, current, activity)
    return current


def _place(
    level: Level, seen: Prediction, codes: Integers, steps: Integers, current: Integers, activity: Integers
) -> None:
    """Enter a level's vertices, and the mean size of their residuals."""
    displace(level.vertices, seen.points, seen.frames, codes, steps, current, activity)


def _pick(
    level: Level, seen: Prediction, wanted: Floats, target: Target, steps: Integers, model: ResidualModel
) -> Integers:
    frames = seen.frames / (1 << 14)
    residuals = np.einsum("mij,mj->mi", frames, wanted[level.vertices] - seen.points) / steps
    nearest = np.round(residuals).clip(-MOST_CODE, MOST_CODE).astype(np.int64)
    if target.hessians is None or target.price <= 0:
        return nearest
    scaled = frames * (steps / CUBE)[:, None]
    curvature = np.einsum("mij,mjk,mlk->mil", scaled, target.hessians[level.vertices], scaled)
    return _cheapest(
        residuals, nearest, curvature, model.classes(seen.features, steps), model.bits(), float(target.price)
    )


@numba.njit(cache=True)
def _cheapest(
    residuals: Floats, nearest: Integers, curvature: Floats, classes: Integers, bits: Floats, price: float
) -> Integers:
    """Of 27 codes each, the one with the least distortion plus price of the bits."""
    best = np.empty_like(nearest)
    options, cost, missed = np.zeros((3, 3), dtype=np.int64), np.zeros((3, 3)), np.zeros(3)
    for m in range(len(residuals)):
        for axis in range(3):
            row = bits[min(axis, 1), classes[m, min(axis, 1)]]
            toward = np.int64(residuals[m, axis])
            options[axis] = (nearest[m, axis], min(max(toward, -MOST_CODE), MOST_CODE), 0)
            for i in range(3):
                size = abs(options[axis, i])
                cost[axis, i] = row[0] if size == 0 else row[1] + (size - 1) * row[2]
        least = 1e300
        for i in range(27):
            picks = (i // 9, i // 3 % 3, i % 3)
            value = 0.0
            for axis in range(3):
                missed[axis] = options[axis, picks[axis]] - residuals[m, axis]
                value += price * cost[axis, picks[axis]]
            for a in range(3):
                for b in range(3):
                    value += 0.5 * missed[a] * curvature[m, a, b] * missed[b]
            if value < least:
                least = value
                for axis in range(3):
                    best[m, axis] = options[axis, picks[axis]]
    return best
