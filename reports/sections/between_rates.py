"""Values between measured rate points: straight lines on logarithmic axes, never beyond the measured range."""

from __future__ import annotations

import numpy as np
import pandas as pd


def rate_at_error(
    points: pd.DataFrame, target: float, rate: str = "bytes_per_shape", error: str = "surface_cd"
) -> float:
    """Smallest ``rate`` at which one codec's ``points`` reach ``error`` <= ``target``; NaN where they do not.

    Where already the smallest point is better than the target, its rate is an upper bound only: NaN as well. Points
    with failed shapes take no part.
    """
    frame = points[(points["failed"] == 0) & points[rate].notna() & (points[error] > 0)].sort_values(rate)
    rates, errors = np.log(frame[rate].to_numpy(float)), np.log(frame[error].to_numpy(float))
    aim = float(np.log(target))
    for k in range(len(rates) - 1):
        if errors[k] >= aim >= errors[k + 1]:
            share = (errors[k] - aim) / (errors[k] - errors[k + 1]) if errors[k] > errors[k + 1] else 0.0
            return float(np.exp(rates[k] + share * (rates[k + 1] - rates[k])))
    return float("nan")


def value_at_ratio(points: pd.DataFrame, ratio: float, metric: str) -> float:
    """``metric`` of one codec's ``points`` at a compression ratio (linear in its logarithm); NaN outside the range."""
    frame = points[(points["failed"] == 0) & points["ratio"].notna()].sort_values("ratio")
    if not len(frame):
        return float("nan")
    at, values = np.log(frame["ratio"].to_numpy(float)), frame[metric].to_numpy(float)
    return float(np.interp(np.log(ratio), at, values, left=np.nan, right=np.nan))
