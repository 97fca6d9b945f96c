"""The best value that a sampled metric can show: what two independent samples of one surface score.

Around a point of a surface of area A, n uniform samples lie like a Poisson process of density n/A, so the nearest
one is at a distance whose mean is 0.5 sqrt(A/n) and which is below t with probability 1 - exp(-pi t^2 n/A).
Each direction is governed by the surface that is searched, so a pair takes the mean (CD) or the harmonic mean (F1)
of the two surfaces' values. Boundaries and curvature push the truth a percent or so away.
"""

from __future__ import annotations

import math

from bench.metrics.deviation import harmonic_mean

SATURATION = 1.1
"""A CD within this factor of its floor says nothing more about the codec."""


def cd_floor(reference_area: float, decoded_area: float, samples: int) -> float:
    """Floor of the chamfer distance, in the unit whose square the areas have."""
    return 0.25 * (math.sqrt(reference_area / samples) + math.sqrt(decoded_area / samples))


def f1_floor(reference_area: float, decoded_area: float, samples: int, threshold: float) -> float:
    """What F1 at ``threshold`` shows for a perfect reconstruction (in truth a ceiling)."""
    precision, recall = (-math.expm1(-math.pi * threshold**2 * samples / a) for a in (reference_area, decoded_area))
    return harmonic_mean(precision, recall)


def is_saturated(cd: float, floor: float) -> bool:
    """Whether ``cd`` is within 10 % of its floor."""
    return cd <= SATURATION * floor
