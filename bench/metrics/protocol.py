"""The measurement protocol: what is sampled, how often, and what a failed shape counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

NAME = "sampled+surface/1"
HALF_DIAGONAL = math.sqrt(3)
"""Half the diagonal of the cube [-1, 1]^3: the distance that a failed shape counts."""

UNIT = 1e-3
"""Distances are reported in units of 1e-3 of the cube's coordinates."""


@dataclass(frozen=True)
class Protocol:
    """How two surfaces are compared. Equal protocols make comparable rows.

    Args:
        samples: points drawn on each surface, uniform by area.
        thresholds: distances of the F1 scores, in coordinates of the cube.
        seed: all sampling derives from it.
        name: name and version; a change of any definition in `bench.metrics` changes the version.
    """

    samples: int = 100_000
    thresholds: tuple[float, ...] = (0.005, 0.01)
    seed: int = 0
    name: str = NAME

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        if self.samples < 1:
            raise ValueError(f"protocol: samples must be at least 1, got {self.samples}")
        if not self.thresholds or any(not 0 < t < 1 for t in self.thresholds):
            raise ValueError(f"protocol: thresholds must lie between 0 and 1, got {self.thresholds}")
        if self.seed < 0:
            raise ValueError(f"protocol: seed must not be negative, got {self.seed}")

    def __str__(self) -> str:
        """The name, followed by whatever differs from the defaults: what a row carries."""
        settings = [f for f in fields(self) if f.name != "name"]
        changed = [f"{f.name}={getattr(self, f.name)}" for f in settings if getattr(self, f.name) != f.default]
        return f"{self.name} ({', '.join(changed)})" if changed else self.name


def f1_key(threshold: float) -> str:
    """Name of the F1 score at ``threshold``: 0.005 -> ``f1_005``, 0.01 -> ``f1_01``."""
    return "f1_" + f"{threshold:f}".split(".")[1].rstrip("0")


def penalty(protocol: Protocol) -> dict[str, float]:
    """What a failed shape counts: half the cube's diagonal as every distance, 0 as NC and as F1.

    Sampling does not limit such a value, so its floors are the ideal ones (CD 0, F1 1) and it is not saturated.
    The keys are those of `bench.metrics.measure.measure` without ``reference_area``.
    """
    distance = HALF_DIAGONAL / UNIT
    f1 = [f1_key(t) for t in protocol.thresholds]
    return {
        "cd": distance,
        "nc": 0.0,
        **dict.fromkeys(f1, 0.0),
        "cd_floor": 0.0,
        **{f"{key}_floor": 1.0 for key in f1},
        "saturated": 0.0,
        "surface_cd": distance,
        "surface_p95": distance,
        "surface_max": distance,
        "surface_nc": 0.0,
        **{f"surface_{key}": 0.0 for key in f1},
        "decoded_area": 0.0,
    }
