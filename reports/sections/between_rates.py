"""Values between measured rate points: straight lines on logarithmic axes, never beyond the measured range."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.run_data import complete


def rate_at_error(
    points: pd.DataFrame, target: float, rate: str = "bytes_per_shape", error: str = "surface_cd"
) -> float:
    """Smallest ``rate`` at which one codec's ``points`` reach ``error`` <= ``target``; NaN where they do not.

    Where already the smallest point is better than the target, its rate is an upper bound only: NaN as well. Points
    with failed or unmeasured shapes take no part.
    """
    frame = points[complete(points) & points[rate].notna() & (points[error] > 0)].sort_values(rate)
    rates, errors = np.log(frame[rate].to_numpy(float)), np.log(frame[error].to_numpy(float))
    aim = float(np.log(target))
    for k in range(len(rates) - 1):
        if errors[k] >= aim >= errors[k + 1]:
            share = (errors[k] - aim) / (errors[k] - errors[k + 1]) if errors[k] > errors[k + 1] else 0.0
            return float(np.exp(rates[k] + share * (rates[k + 1] - rates[k])))
    return float("nan")


def value_at_bytes(points: pd.DataFrame, size: float, metric: str) -> float:
    """``metric`` of one codec's ``points`` at so many bytes a shape; NaN outside the measured range.

    Linear between log bytes and log distance, or log (1 - F1), or that of NC: what is left to perfection, as for the
    BD-rate.
    """
    frame = points[complete(points) & (points["bytes_per_shape"] > 0)].sort_values("bytes_per_shape")
    score = metric.startswith(("f1", "surface_f1", "nc", "surface_nc"))
    left = 1.0 - frame[metric].to_numpy(float) if score else frame[metric].to_numpy(float)
    usable = left > 0
    if not usable.any():
        return float("nan")
    at = np.log(frame["bytes_per_shape"].to_numpy(float)[usable])
    value = float(np.exp(np.interp(np.log(size), at, np.log(left[usable]), left=np.nan, right=np.nan)))
    return 1.0 - value if score else value
